import { compareCursors, isCursorText } from "../protocol/cursor.ts";

/**
 * Where one stream must start on a channel so that each listener gets what it asks for: `""` now, `"-"` all that is held, `"-20"`
 * the newest 20, or after a cursor.
 */
export function mergeRequests(requests: readonly string[]): string {
  const [earliest] = requests.filter(isCursorText).sort(compareCursors);
  const newest = Math.min(...requests.map((request) => (request[0] === "-" ? Number(request) || -Infinity : 0)));
  if (!newest) return earliest ?? "";
  // How far back the newest n reach is for the log to say: beside a cursor, only all of it is sure to hold both.
  return earliest || newest === -Infinity ? "-" : String(newest);
}
