/**
 * A cursor is a position in a channel's log, `"<milliseconds>-<sequence>"`: everything up to it is accounted for.
 * Both parts are unsigned 64-bit integers in canonical decimal, as Redis Streams write them. This is the one module
 * that reads or compares them. They pass through no `number`, for ids can be
 * larger than 2^53; but for the time that one names, which is only reckoned with.
 */

declare const cursorBrand: unique symbol;

/** A position in a channel's log. Opaque to users: keep it, compare it for equality, hand it back. */
export type RealtimeCursor = string & { readonly [cursorBrand]: true };

/** The position before a log's first entry: "nothing seen since birth". As `0-<milliseconds>` it says when there was no log. */
export const ORIGIN: RealtimeCursor = "0-0" as RealtimeCursor;

const GRAMMAR = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/;
const MAX_U64 = "18446744073709551615";

/** Whether `value` is a well-formed cursor. Says nothing about whether a log still holds it. */
export function isRealtimeCursor(value: unknown): value is RealtimeCursor {
  // Either part of a short one is below 10^19, and nearly all are short.
  return isCursorText(value) && (value.length < 22 || value.split("-").every((part) => BigInt(part) < 2n ** 64n));
}

/** Whether `value` is written as a cursor is. For clients, which can compare larger numbers and leave the bound to the server. */
export function isCursorText(value: unknown): value is RealtimeCursor {
  return typeof value === "string" && GRAMMAR.test(value);
}

/** Log order of two well-formed cursors: negative when `a` is earlier, positive when it is later, 0 when equal. */
export function compareCursors(a: RealtimeCursor, b: RealtimeCursor): number {
  // Canonical decimals: the longer one is larger, equally long ones compare as text.
  const dash = a.indexOf("-");
  return dash - b.indexOf("-") || (b.startsWith(a.slice(0, dash)) && a.length - b.length) || (a < b ? -1 : Number(a > b));
}

/** The one of two cursors that is later in the log. */
export function laterOf(a: RealtimeCursor, b: RealtimeCursor): RealtimeCursor {
  return compareCursors(a, b) < 0 ? b : a;
}

/** Whether a position stands before a log's first entry. */
export function isOrigin(cursor: RealtimeCursor): boolean {
  return cursor.startsWith("0-");
}

/** Before the first entry of a log that was not there at this time. @param ms the store's time, in milliseconds since 1970 */
export function originAt(ms: number): RealtimeCursor {
  return `0-${Math.max(0, Math.floor(ms))}` as RealtimeCursor;
}

/** The time that a position names, in milliseconds since 1970: of an entry, or at which there was no log; 0 when it names none. */
export function timeOf(cursor: RealtimeCursor): number {
  const dash = cursor.indexOf("-");
  return Number(isOrigin(cursor) ? cursor.slice(dash + 1) : cursor.slice(0, dash));
}

/** The largest position below an id: nothing can lie between the two. @param id above the origin */
export function positionBelow(id: RealtimeCursor): RealtimeCursor {
  const dash = id.indexOf("-");
  const sequence = BigInt(id.slice(dash + 1));
  if (sequence > 0n) return `${id.slice(0, dash)}-${sequence - 1n}` as RealtimeCursor;
  return `${BigInt(id.slice(0, dash)) - 1n}-${MAX_U64}` as RealtimeCursor;
}

/** The first position of the millisecond that lies `ms` before an id's; the origin when there is none. */
export function positionEarlier(id: RealtimeCursor, ms: number): RealtimeCursor {
  const time = BigInt(id.slice(0, id.indexOf("-"))) - BigInt(ms);
  return time > 0n ? (`${time}-0` as RealtimeCursor) : ORIGIN;
}
