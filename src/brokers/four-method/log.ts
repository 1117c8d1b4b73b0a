import {
  compareCursors,
  isRealtimeCursor,
  ORIGIN,
  positionBelow,
  positionEarlier,
  type RealtimeCursor,
} from "../../protocol/cursor.ts";
import { TidingsError } from "../../protocol/error.ts";
import type { Entry, LocateRange, Location, Page, ReadOptions } from "../broker.ts";
import type { RedisAdapter, XRangeArgs } from "./adapter.ts";
import type { Calls } from "./calls.ts";
import { lateReadError, readError, strangeAnswer } from "./failures.ts";
import { decodeEntries, nothingTrimmedBefore, type Stored } from "./payload.ts";

/** One channel's log: its name, and its name in the store. */
export interface LogName {
  readonly channel: string;
  readonly key: string;
}

/** How long one call of an adapter may take. */
export const CALL_TIMEOUT_MS = 5_000;
/** Entries asked for at once: first, and at most. */
const FIRST_STEP = 32;
const MAX_STEP = 512;
/** How often a log is looked at anew when it changes under the look. */
const LOOKS = 3;
/** A log that is no longer is looked through whole; in a longer one the newest entries are looked for in a time span that grows. */
const SHORT_LOG = 1_000;
const FIRST_SPAN_MS = 1_000;
const SPAN_FACTOR = 8;
const LONGEST_SPAN_MS = 1e12;

/** A stretch of a log. */
interface Stretch {
  /** Oldest first. */
  readonly entries: readonly Stored[];
  /** Whether the entry that it was asked to begin with is still there, so that nothing is missing after it. */
  readonly joined: boolean;
  /** Whether the log holds no more. */
  readonly complete: boolean;
}

/** Entries that follow one another. */
interface Run {
  readonly entries: ReadonlyArray<Pick<Stored, "id" | "keeps">>;
  /** What the first one follows, when that is known. */
  readonly before: RealtimeCursor | undefined;
}

const encoder = new TextEncoder();

/** Reads logs through `xrange` and `getLatestCursor`. */
export class AdapterLog {
  readonly #adapter: RedisAdapter;
  readonly #calls: Calls;

  constructor(adapter: RedisAdapter, calls: Calls) {
    this.#adapter = adapter;
    this.#calls = calls;
  }

  /** The id of the newest entry; the origin when there is none. */
  async last(log: LogName): Promise<RealtimeCursor> {
    const latest: unknown = await this.#call(log, () => this.#adapter.getLatestCursor(log.key));
    if (latest === null || latest === undefined) return ORIGIN;
    if (!isRealtimeCursor(latest)) throw strangeAnswer("getLatestCursor", latest);
    return latest;
  }

  /** Entries after a position. */
  async read(log: LogName, after: RealtimeCursor, options: ReadOptions): Promise<Page> {
    for (let look = 1; look <= LOOKS; look++) {
      const page = await this.#look(log, after, { ...options, isLast: look === LOOKS });
      if (page) return page;
    }
    throw new TidingsError(
      "broker_unavailable",
      `the log of channel "${log.channel}" kept changing while it was read. Try again later.`,
    );
  }

  /** The id of an entry after a position that carries the caller's own id. */
  async find(log: LogName, after: RealtimeCursor, onceId: string): Promise<RealtimeCursor | undefined> {
    for await (const { entries } of this.#walk(log, after)) {
      const found = entries.find((entry) => entry.onceId === onceId);
      if (found) return found.id;
    }
    return undefined;
  }

  /** Where the newest entries of a range begin. */
  async locate(log: LogName, range: LocateRange): Promise<Location> {
    const last = await this.last(log);
    if (range.newest < 1 || last === ORIGIN) return { after: last, last };
    const until = range.end !== undefined && compareCursors(range.end, last) < 0 ? range.end : last;
    const whole = await this.#whole(log, until, Math.min(range.newest, SHORT_LOG) + 1);
    if (whole) return { after: positionIn(whole, range, last) ?? last, last };
    for (let spanMs = FIRST_SPAN_MS; ; spanMs *= SPAN_FACTOR) {
      const from = spanMs > LONGEST_SPAN_MS ? ORIGIN : positionEarlier(until, spanMs);
      const after = positionIn(await this.#window(log, from, until, range.newest + 1), range, last);
      if (after !== undefined || from === ORIGIN) return { after: after ?? last, last };
    }
  }

  /** @returns `undefined` when the log changed meanwhile, so that its end is not known. */
  async #look(
    log: LogName,
    after: RealtimeCursor,
    options: ReadOptions & { readonly isLast: boolean },
  ): Promise<Page | undefined> {
    const { pageBytes, count = Number.POSITIVE_INFINITY, isLast } = options;
    let seen: Stored[] = [];
    let bytes = 0;
    let before: RealtimeCursor | undefined;
    let walked = 0;
    let isComplete = false;
    const wanted = (): number =>
      Math.min(count - seen.length, bytes === 0 ? FIRST_STEP : ((pageBytes - bytes) / bytes) * seen.length);
    for await (const { entries, joined, complete } of this.#walk(log, after, wanted)) {
      // What was read is gone, so that these may not follow it.
      if (!joined && walked > 0) break;
      if (joined && walked === 0 && after !== ORIGIN) before = after;
      walked += entries.length;
      for (const entry of entries) {
        seen.push(entry);
        bytes += encoder.encode(entry.json).length;
        if (entry.keeps !== 0) continue;
        // When this one was added, nothing was to be kept: neither it nor what is older is there for readers.
        before = entry.id;
        seen = [];
        bytes = 0;
      }
      isComplete = complete;
      if (bytes >= pageBytes || seen.length >= count) break;
    }
    const [first] = seen;
    const end = seen.at(-1);
    if (!first || !end) {
      if (before !== undefined && isComplete) return { entries: [], last: before };
      const last = await this.last(log);
      // Appended meanwhile; or the store remembers how far an empty log was.
      return compareCursors(last, after) > 0 && !isLast ? undefined : { entries: [], last };
    }
    const last = isComplete ? end.id : await this.last(log);
    if (compareCursors(last, end.id) < 0) return undefined;
    const entries = cut(seen, pageBytes, count).map(({ id, event, json }, at): Entry => ({
      id,
      prev: seen[at - 1]?.id ?? ORIGIN,
      event,
      json,
    }));
    if (entries[0])
      entries[0] = {
        ...entries[0],
        ...(before !== undefined ? { prev: before } : guess(first.id, after, isComplete && nothingTrimmedBefore(seen))),
      };
    return { entries, last };
  }

  /** Everything up to a position, if the log holds no more than `most` entries. */
  async #whole(log: LogName, until: RealtimeCursor, most: number): Promise<Run | undefined> {
    let all: Array<Pick<Stored, "id" | "keeps">> = [];
    let before: RealtimeCursor | undefined;
    for await (const { entries, joined, complete } of this.#walk(log, ORIGIN)) {
      if (!joined || (!complete && all.length + entries.length > most)) return undefined;
      for (const { id, keeps } of entries) all.push({ id, keeps });
    }
    const hidden = all.findLastIndex(({ keeps }) => keeps === 0);
    if (hidden >= 0) {
      before = all[hidden]?.id;
      all = all.slice(hidden + 1);
    }
    const [first] = all;
    if (first) before ??= nothingTrimmedBefore(all) ? ORIGIN : positionBelow(first.id);
    return { entries: all.filter(({ id }) => compareCursors(id, until) <= 0), before };
  }

  /** The newest entries of a time span, at most `keep`. */
  async #window(log: LogName, from: RealtimeCursor, until: RealtimeCursor, keep: number): Promise<Run> {
    let found: Array<Pick<Stored, "id" | "keeps">> = [];
    let before: RealtimeCursor | undefined;
    let walked = 0;
    for await (const { entries, joined } of this.#walk(log, from)) {
      if (!joined && walked > 0) {
        found = [];
        before = undefined;
      }
      walked += entries.length;
      for (const { id, keeps } of entries) {
        if (keeps === 0) {
          found = [];
          before = id;
        } else if (compareCursors(id, until) <= 0) {
          found.push({ id, keeps });
          if (found.length > keep) before = found.shift()?.id;
        }
      }
      const end = entries.at(-1);
      if (end && compareCursors(end.id, until) > 0) break;
    }
    if (from === ORIGIN && found[0]) before ??= positionBelow(found[0].id);
    return { entries: found, before };
  }

  /**
   * Goes through a log from a position on. Each stretch is asked to begin with the last entry of the one before, and the first one
   * with that of the position itself.
   * @param wanted how many more entries may be wanted
   */
  async *#walk(log: LogName, after: RealtimeCursor, wanted: () => number = () => MAX_STEP): AsyncGenerator<Stretch, void> {
    let from = after;
    for (let step = FIRST_STEP; ; step *= 2) {
      step = Math.max(1, Math.min(step, MAX_STEP, Math.ceil(wanted())));
      const count = step + 1;
      const range = await this.#range(log, from === ORIGIN ? { count } : { start: from, count });
      const isThere = range[0]?.id === from;
      const entries = isThere ? range.slice(1) : range;
      const complete = range.length < count;
      yield { entries, joined: isThere || from === ORIGIN, complete };
      const end = entries.at(-1);
      if (complete || !end) return;
      from = end.id;
    }
  }

  async #range(log: LogName, args: XRangeArgs): Promise<readonly Stored[]> {
    const answer: unknown = await this.#call(log, () => this.#adapter.xrange(log.key, args));
    const entries = decodeEntries(answer);
    if (!entries) throw strangeAnswer("xrange", answer);
    return entries;
  }

  async #call<T>(log: LogName, call: () => Promise<T>): Promise<T> {
    try {
      return await this.#calls.run({ limitMs: CALL_TIMEOUT_MS, late: () => lateReadError(log.channel, CALL_TIMEOUT_MS) }, call);
    } catch (error) {
      throw readError(log.channel, error);
    }
  }
}

/**
 * What the first entry after a position follows, when the position's own entry is not in the log any more. Where nothing can be
 * told, it claims the largest position before itself, which makes a gap unless exactly that was asked for.
 */
function guess(id: RealtimeCursor, after: RealtimeCursor, isNewborn: boolean): Pick<Entry, "prev" | "unproven"> {
  const prev = positionBelow(id);
  if (prev === after) return { prev };
  return isNewborn ? { prev: ORIGIN } : { prev, unproven: true };
}

/** As many entries as a page takes. */
function cut(entries: readonly Stored[], pageBytes: number, count: number): readonly Stored[] {
  let bytes = 0;
  let end = 0;
  for (; end < entries.length && end < count && bytes < pageBytes; end++) bytes += encoder.encode(entries[end]?.json).length;
  return entries.slice(0, end);
}

/**
 * The position before the oldest of the newest entries of a range; `last` when there is none, `undefined` when that lies before
 * what is given.
 */
function positionIn(
  { entries, before }: Run,
  { newest, start }: LocateRange,
  last: RealtimeCursor,
): RealtimeCursor | undefined {
  const inside = start === undefined ? 0 : entries.findIndex(({ id }) => compareCursors(id, start) >= 0);
  const oldest = inside < 0 ? entries.length : Math.max(inside, entries.length - newest);
  if (oldest > 0) return oldest === entries.length ? last : entries[oldest - 1]?.id;
  return entries.length === 0 && before !== undefined ? last : before;
}
