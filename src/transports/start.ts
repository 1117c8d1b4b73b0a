import type { FeedStart } from "../hub/feed.ts";
import { isRealtimeCursor } from "../protocol/cursor.ts";
import { MAX_HISTORY_LIMIT } from "../protocol/limits.ts";

const NEWEST = /^-([1-9]\d{0,8})$/;

/** What a cursor in a request asks for (PROTOCOL.md, "Cursors in a request"); `undefined` when it is malformed. */
export function parseStart(text: string): FeedStart | undefined {
  if (text === "") return { kind: "live" };
  if (text === "-") return { kind: "held" };
  const newest = NEWEST.exec(text);
  if (newest) return { kind: "newest", count: Math.min(Number(newest[1]), MAX_HISTORY_LIMIT) };
  return isRealtimeCursor(text) ? { kind: "after", cursor: text } : undefined;
}
