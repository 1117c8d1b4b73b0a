import { createRealtime } from "tidings/client/vue";
import type { realtime } from "../server/realtime.ts"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
