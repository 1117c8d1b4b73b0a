import type { Entry } from "../brokers/broker.ts";
import type { Hub } from "../hub/hub.ts";
import { holeBetween, isComplete, judge } from "../hub/merge.ts";
import { payloadOf } from "../hub/payload.ts";
import { compareCursors, isRealtimeCursor, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { CursorUnavailableError, TidingsError } from "../protocol/error.ts";
import { MAX_HISTORY_LIMIT, PAGE_BYTES } from "../protocol/limits.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { StoredEvent } from "../schema/message.ts";
import { badOption } from "./options.ts";

/** Which stored events `history` returns: always some that follow one another, with nothing missing in between. */
export interface HistoryQuery {
  /**
   * At most this many: the newest, unless `after` is given; fewer where the log has a hole, for what lies before it is left out.
   *
   * @default 1000, which is also the most
   */
  readonly limit?: number | undefined;
  /**
   * A cursor: the events after it, oldest first, for paging forward. Rejects with `CursorUnavailableError` when the log no longer
   * holds what follows it. Where the log has a hole further on (someone deleted an event, or it was trimmed while it was read), the
   * events end before it, and paging on from the last of them rejects. `"0-0"` starts at whatever is held.
   */
  readonly after?: string | undefined;
  /** Not before this time, in milliseconds since 1970. */
  readonly start?: number | undefined;
  /** Not after this time, in milliseconds since 1970. */
  readonly end?: number | undefined;
}

const QUERY: Readonly<Record<keyof HistoryQuery, true>> = { limit: true, after: true, start: true, end: true };

/** The last sequence of a millisecond. */
export const MAX_SEQUENCE = "18446744073709551615";

/** Stored events of a channel, oldest first. @throws TidingsError `bad_option`, `bad_cursor`, `cursor_unavailable` */
export async function readHistory(
  hub: Hub,
  channel: string,
  query: HistoryQuery = {},
): Promise<Array<StoredEvent<string, unknown>>> {
  const { broker } = hub;
  const { limit, after, start, end } = checkQuery(query);
  let position = after;
  if (position === undefined) position = (await broker.locate(channel, { newest: limit, start, end })).after;
  const found: Array<StoredEvent<string, unknown>> = [];
  // Only a given `after` promises that nothing is missing behind it.
  const mustChain = after !== undefined && after !== ORIGIN;
  let before: Entry | undefined;
  while (found.length < limit) {
    const page = await broker.read(channel, position, { pageBytes: PAGE_BYTES, count: limit - found.length });
    if (mustChain && !before) {
      const keeping = { lifeMs: hub.lifeOf(channel), aliveSince: page.aliveSince };
      if (judge(after, page, keeping).kind === "gap") throw new CursorUnavailableError(channel, after);
    }
    for (const entry of page.entries) {
      if (end !== undefined && compareCursors(entry.id, end) > 0) return found;
      if (before && holeBetween(before, entry)) {
        if (after !== undefined && found.length > 0) return found;
        // An empty answer would say that nothing came after it.
        if (mustChain) throw new CursorUnavailableError(channel, after);
        found.length = 0;
      }
      before = entry;
      if (start !== undefined && compareCursors(entry.id, start) < 0) continue;
      const payload = payloadOf(entry);
      if (payload) found.push({ id: entry.id, channel, event: entry.event, data: payload.data });
      else hub.unreadable(channel, entry.id);
    }
    if (!before || isComplete(page)) return found;
    position = before.id;
  }
  return found;
}

function checkQuery(query: HistoryQuery): {
  limit: number;
  after: RealtimeCursor | undefined;
  start: RealtimeCursor | undefined;
  end: RealtimeCursor | undefined;
} {
  if (typeof query !== "object" || query === null) throw badOption("history(…)", "{ limit, after, start, end }", query);
  refuseUnknownOptions("`history(…)`", query, QUERY);
  const { limit = MAX_HISTORY_LIMIT, after, start, end } = query;
  if (!Number.isSafeInteger(limit) || limit < 1) throw badOption("limit", "a whole number of at least 1", limit);
  if (after !== undefined && !isRealtimeCursor(after)) {
    throw new TidingsError(
      "bad_cursor",
      `\`after\` takes a cursor as \`emit\`, \`cursor()\` or an event's \`id\` gives it; it got ${JSON.stringify(after)}.`,
    );
  }
  return {
    limit: Math.min(limit, MAX_HISTORY_LIMIT),
    after,
    start: timeBound("start", start, "0"),
    end: timeBound("end", end, MAX_SEQUENCE),
  };
}

/** A time as a position. @throws TidingsError `bad_option` */
export function timeBound(name: string, time: number | undefined, sequence: string): RealtimeCursor | undefined {
  if (time === undefined) return undefined;
  if (!Number.isSafeInteger(time) || time < 0) throw badOption(name, "a time in whole milliseconds since 1970", time);
  return `${time}-${sequence}` as RealtimeCursor;
}
