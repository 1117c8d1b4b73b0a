import { compareCursors, isCursorText } from "../protocol/cursor.ts";

/**
 * Where one stream must start on a channel so that each listener gets what it asks for: `""` now, `"-"` all that is held, `"-20"`
 * the newest 20, or after a cursor. Behind a `~` stands the latest cursor, where that is another: the server shall draw level with it.
 */
export function mergeRequests(requests: readonly string[]): string {
  const parts = requests.join("~").split("~");
  const cursors = parts.filter(isCursorText).sort(compareCursors);
  const [earliest = ""] = cursors;
  // An empty request has no first character, which is below nothing.
  const newest = Math.min(...parts.map((request) => ((request[0] as string) < "0" ? Number(request) || -Infinity : 0)));
  // How far back the newest n reach is for the log to say: beside a cursor, only all of it is sure to hold both.
  // Before the first entry it is the cursor that holds both.
  const start = !newest || (earliest[0] as string) < "1" ? earliest : earliest || newest === -Infinity ? "-" : newest;
  return [...new Set([start, ...cursors.slice(-1)])].join("~");
}
