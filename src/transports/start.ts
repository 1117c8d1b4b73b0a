import type { FeedStart } from "../hub/feed.ts";
import { isRealtimeCursor, type RealtimeCursor } from "../protocol/cursor.ts";
import { MAX_HISTORY_LIMIT } from "../protocol/limits.ts";

const TIME = /^[1-9]\d{12}$/;
const NEWEST = /^-([1-9]\d{0,8})$/;

/** What a start in a request asks for (PROTOCOL.md, "Request"); `undefined` when it is malformed. */
export function parseStart(text: string): FeedStart | undefined {
  const [point = "", level, ...more] = text.split("~");
  const start = parsePoint(point);
  if (level === undefined) return start;
  // From now on is below nothing.
  const isSound = isRealtimeCursor(level) && more.length === 0 && start?.kind !== "live";
  return start && isSound ? { ...start, level } : undefined;
}

function parsePoint(text: string): FeedStart | undefined {
  if (text === "") return { kind: "live" };
  if (text === "-") return { kind: "held" };
  const newest = NEWEST.exec(text);
  if (newest) return { kind: "newest", count: Math.min(Number(newest[1]), MAX_HISTORY_LIMIT) };
  return isRealtimeCursor(text) ? { kind: "after", cursor: text } : undefined;
}

/**
 * What a page asks for that still runs the client of @upstash/realtime: while it has no cursor it sends the time, in milliseconds, at
 * which it began to listen. `undefined` when the text is no such time.
 */
export function parseSince(text: string): FeedStart | undefined {
  if (!TIME.test(text)) return undefined;
  return { kind: "newest", count: MAX_HISTORY_LIMIT, from: `${text}-0` as RealtimeCursor };
}
