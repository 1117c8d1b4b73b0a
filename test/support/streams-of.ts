import { internalsOf } from "../../src/realtime/internals.ts";
import type { RealtimeCore } from "../../src/realtime/core.ts";

/** How many streams are open on the hub of a `Realtime`. */
export function streamsOf(realtime: object): number {
  return (internalsOf(realtime) as RealtimeCore).hub().streams;
}
