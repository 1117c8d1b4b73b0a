import { compareCursors, isRealtimeCursor } from "../protocol/cursor.ts";

/**
 * Where one stream must start on a channel so that each listener gets what it asks for: `""` now, `"-"` all that is held, `"-20"`
 * the newest 20, or after a cursor.
 */
export function mergeRequests(requests: readonly string[]): string {
  const cursors = requests.filter(isRealtimeCursor).sort(compareCursors);
  const newest = Math.max(...requests.map((request) => (request[0] === "-" ? Number(request.slice(1)) || Infinity : 0)));
  // How far back the newest n reach is for the log to say: beside a cursor, only all of it is sure to hold both.
  if (newest === Infinity || (newest && cursors[0])) return "-";
  return newest ? `-${newest}` : (cursors[0] ?? "");
}
