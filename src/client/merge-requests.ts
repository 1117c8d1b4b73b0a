import { compareCursors, isRealtimeCursor } from "../protocol/cursor.ts";

/**
 * Where one stream must start on a channel so that each listener gets what it asks for: `""` now, `"-"` all that is held, `"-20"`
 * the newest 20, or after a cursor.
 */
export function mergeRequests(requests: readonly string[]): string {
  const counts = requests
    .filter((request) => request.length > 1 && request[0] === "-")
    .map((request) => Number(request.slice(1)));
  const cursors = requests.filter(isRealtimeCursor);
  // How far back the newest n reach is for the log to say: beside a cursor, only all of it is sure to hold both.
  if (requests.includes("-") || (counts.length > 0 && cursors.length > 0)) return "-";
  if (counts.length > 0) return `-${Math.max(...counts)}`;
  return cursors.reduce<string>(
    (least, cursor) => (isRealtimeCursor(least) && compareCursors(least, cursor) <= 0 ? least : cursor),
    "",
  );
}
