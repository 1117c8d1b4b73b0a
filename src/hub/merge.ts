import type { Entry, Page } from "../brokers/broker.ts";
import type { GapReason } from "../protocol/codes.ts";
import { compareCursors, isOrigin, ORIGIN, originAt, timeOf, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";

/**
 * What a page says about a position:
 * - `on`: the entries from index `from` are exactly what follows it;
 * - `gap`: something may be missing between it and `cursor`; the entries from index `from` follow `cursor`;
 * - `short`: the page ends before it can tell.
 */
export type Verdict =
  | { readonly kind: "on"; readonly from: number }
  | { readonly kind: "gap"; readonly reason: GapReason; readonly cursor: RealtimeCursor; readonly from: number }
  | { readonly kind: "short" };

/** Whether a page holds all that the log held after the position it was read from. */
export function isComplete({ entries, last }: Page): boolean {
  const end = entries.at(-1);
  return end === undefined || end.id === last;
}

/** What is known of how long a store keeps what it was given. */
export interface Keeping {
  /** The time that a log lives at least after each of its entries. */
  readonly lifeMs: number;
  /** Since when the store lives, as {@link Page.aliveSince}; `undefined` when nobody knows. */
  readonly aliveSince: number | undefined;
}

/** Of a store that never forgets. */
const FOR_EVER: Keeping = { lifeMs: Number.POSITIVE_INFINITY, aliveSince: undefined };

/** The last moment before `until` of which nobody can say whether there was a log that has gone since. */
function lastDoubt(until: number, { lifeMs, aliveSince = Number.NEGATIVE_INFINITY }: Keeping): number {
  return Math.max(until - lifeMs, aliveSince);
}

/**
 * Whether no log can have come and gone between a position before the first entry and a later time: too little time has passed for
 * a log to live and expire, and the store was there all along. A position without a date claims nothing.
 */
export function isUnbroken(origin: RealtimeCursor, until: number, keeping: Keeping): boolean {
  return origin === ORIGIN || timeOf(origin) > lastDoubt(until, keeping);
}

/** The gap before which a log may have come and gone. */
function doubtedUntil(until: number, keeping: Keeping): Pick<Gap, "cursor" | "reason"> {
  return { cursor: originAt(Math.floor(lastDoubt(until, keeping)) + 1), reason: "unproven" };
}

/**
 * Decides what a page proves about `position`, which must not lie before the position that the page was read from. Pure; with
 * {@link holeBetween} the only place where a read becomes a join or a gap.
 *
 * @param keeping what is known of the log's store. @default it never forgets
 * @param born an entry that follows `position`, as was heard, though it began a new life of the log.
 */
export function judge(position: RealtimeCursor, page: Page, keeping: Keeping = FOR_EVER, born?: RealtimeCursor): Verdict {
  const { entries, last } = page;
  const from = entries.findIndex((entry) => compareCursors(entry.id, position) > 0);
  const next = entries[from];

  if (next === undefined) {
    const end = entries.length;
    if (position === last) return { kind: "on", from: end };
    if (!isComplete(page)) return { kind: "short" };
    if (isOrigin(position) && isOrigin(last)) {
      if (isUnbroken(position, timeOf(last), keeping)) return { kind: "on", from: end };
      return { kind: "gap", ...doubtedUntil(timeOf(last), keeping), from: end };
    }
    // Above the last id: another log stands here now, or none (I3). Below it, with nothing left in between: all trimmed.
    const reason = compareCursors(position, last) > 0 ? "reset" : "trimmed";
    return { kind: "gap", reason, cursor: last, from: end };
  }

  const order = compareCursors(next.prev, position);
  if (order === 0 || next.id === born) return { kind: "on", from };
  if (isOrigin(position) && isNewborn(next)) {
    const birth = timeOf(next.id);
    if (isUnbroken(position, birth, keeping)) return { kind: "on", from };
    return { kind: "gap", ...doubtedUntil(birth, keeping), from };
  }
  if (order > 0) return { kind: "gap", reason: next.unproven ? "unproven" : "trimmed", cursor: next.prev, from };
  // The entry after `position` was appended to a log that had never reached `position`.
  return { kind: "gap", reason: "reset", cursor: last, from: entries.length };
}

/**
 * What is missing between two entries that stand side by side in a page; `undefined` when the second follows the first. Someone
 * took out what was between them, or the second was not written after the first.
 */
export function holeBetween(before: Entry, entry: Entry): Pick<Gap, "cursor" | "reason"> | undefined {
  if (entry.prev === before.id) return undefined;
  if (compareCursors(entry.prev, before.id) > 0) return { cursor: entry.prev, reason: "trimmed" };
  return { cursor: before.id, reason: "reset" };
}

/** Whether an entry began a log's life. */
export function isNewborn(entry: { readonly prev: RealtimeCursor }): boolean {
  return entry.prev === ORIGIN;
}
