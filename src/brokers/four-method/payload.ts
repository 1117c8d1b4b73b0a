import { compareCursors, isRealtimeCursor, ORIGIN, type RealtimeCursor } from "../../protocol/cursor.ts";
import { isEventName } from "../../protocol/names.ts";
import type { Draft } from "../broker.ts";

/** The fields of a payload that is an event. An adapter may store each as a stream field of its own, or all as one JSON text. */
interface EventPayload extends Record<string, unknown> {
  /** The version of this format. */
  v: 1;
  /** The event's name. */
  e: string;
  /** The JSON text of its data: text within JSON, so that it comes back byte for byte. */
  d: string;
  /** The emit's id. */
  i: string;
  /** Entries kept after this one was added; absent for all. Readers conclude from it what can have been trimmed. */
  k?: number;
  /** The caller's own id of the event. */
  o?: string;
}

/** An entry of a log, as it was found. */
export interface Stored {
  readonly id: RealtimeCursor;
  /** Empty when no event can be read from the entry. */
  readonly event: string;
  readonly json: string;
  /** Entries that the log keeps for its readers; `undefined` when the entry does not say. */
  readonly keeps: number | undefined;
  readonly onceId: string | undefined;
}

/**
 * With a retention of 0 a log still has to hold an entry until the reading processes have heard it, for nothing else announces
 * it. So many are held, and none of them is ever read as history.
 */
const HELD_FOR_LISTENERS = 100;
/** No log is longer, and Redis reads it as an integer. */
const NO_LIMIT = 2 ** 53;

/** What `maxLen` a retention asks of an adapter; `undefined` for no limit. */
export function maxLenOf(maxLength: number): number | undefined {
  if (maxLength >= NO_LIMIT) return undefined;
  return maxLength <= 0 ? HELD_FOR_LISTENERS : Math.ceil(maxLength);
}

/** An event as a payload. */
export function encodePayload({ event, json, emitId, onceId }: Draft, maxLength: number): Record<string, unknown> {
  const payload: EventPayload = { v: 1, e: event, d: json, i: emitId };
  if (maxLength < NO_LIMIT) payload.k = Math.max(0, Math.ceil(maxLength));
  if (onceId !== undefined) payload.o = onceId;
  return payload;
}

/** Reads an entry; `undefined` when it has no id, so that it is none. */
function decodeEntry(entry: unknown): Stored | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { id, payload } = entry as { id?: unknown; payload?: unknown };
  if (!isRealtimeCursor(id) || id === ORIGIN) return undefined;
  const { v, e, d, k, o } = (typeof payload === "object" && payload !== null ? payload : {}) as Partial<
    Record<string, unknown>
  >;
  const keeps = k === undefined ? Number.POSITIVE_INFINITY : Number(k);
  // An adapter that stores fields without encoding them gives text for numbers.
  if (Number(v) !== 1 || !isEventName(e) || typeof d !== "string" || d === "" || !(keeps >= 0)) {
    return { id, event: "", json: "", keeps: undefined, onceId: undefined };
  }
  return { id, event: e, json: d, keeps, onceId: typeof o === "string" ? o : undefined };
}

/** Reads a list of entries, oldest first; `undefined` when it is none. */
export function decodeEntries(answer: unknown): readonly Stored[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const entries: Stored[] = [];
  for (const each of answer as readonly unknown[]) {
    const entry = decodeEntry(each);
    const before = entries.at(-1);
    if (!entry || (before && compareCursors(entry.id, before.id) <= 0)) return undefined;
    entries.push(entry);
  }
  return entries;
}

/**
 * Whether nothing was trimmed before the first of `entries`, which are all that a log holds above some position. What stood right
 * before the first could only go when one of them was added and left no more than itself and those before it.
 */
export function nothingTrimmedBefore(entries: ReadonlyArray<Pick<Stored, "keeps">>): boolean {
  return entries.every(({ keeps }, at) => keeps !== undefined && (maxLenOf(keeps) ?? Number.POSITIVE_INFINITY) > at + 1);
}
