import { createRealtime } from "tidings/client/svelte";
import type { realtime } from "./server/realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
