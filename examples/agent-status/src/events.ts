import { createEventHooks } from "tidings/events/client";
import type { events } from "../server/events.ts"; // a type: no server code comes with it

export const { useRealtimeChannel } = createEventHooks<typeof events>();
