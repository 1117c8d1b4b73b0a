import type { Entry, Page } from "../brokers/broker.ts";
import type { GapReason } from "../protocol/codes.ts";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
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

/**
 * Decides what a page proves about `position`, which must not lie before the position that the page was read from. Pure; with
 * {@link holeBetween} the only place where a read becomes a join or a gap.
 *
 * @param born an entry that follows `position`, as was heard, though it began a new life of the log.
 */
export function judge(position: RealtimeCursor, page: Page, born?: RealtimeCursor): Verdict {
  const { entries, last } = page;
  const from = entries.findIndex((entry) => compareCursors(entry.id, position) > 0);
  const next = entries[from];

  if (next === undefined) {
    const end = entries.length;
    if (position === last) return { kind: "on", from: end };
    if (!isComplete(page)) return { kind: "short" };
    // Above the last id: another log stands here now, or none (I3). Below it, with nothing left in between: all trimmed.
    const reason = compareCursors(position, last) > 0 ? "reset" : "trimmed";
    return { kind: "gap", reason, cursor: last, from: end };
  }

  const order = compareCursors(next.prev, position);
  if (order === 0 || next.id === born) return { kind: "on", from };
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
