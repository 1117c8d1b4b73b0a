import { internalsOf } from "../../src/realtime/internals.ts";
import type { RealtimeCore } from "../../src/realtime/core.ts";

/** How many streams and pages of a `Realtime` are open. */
export function sessionsOf(realtime: object): { readonly streams: number; readonly pages: number } {
  const { streams, pages } = (internalsOf(realtime) as RealtimeCore).sessions;
  return { streams: streams.size, pages: pages.size };
}

/** How many streams are open on the hub of a `Realtime`. */
export function streamsOf(realtime: object): number {
  return (internalsOf(realtime) as RealtimeCore).hub().streams;
}
