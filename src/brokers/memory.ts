import { compareCursors, ORIGIN, originAt, type RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";
import { ONCE_MS } from "../protocol/limits.ts";
import { utf8Length } from "../protocol/utf8-length.ts";
import type {
  Broker,
  Draft,
  Entry,
  Listener,
  ListenerHandlers,
  LocateRange,
  Location,
  Page,
  ReadOptions,
  Retention,
} from "./broker.ts";

/** What a memory broker takes from outside, for tests. */
export interface MemoryBrokerOptions {
  /** Epoch milliseconds: ids and idle times come from it. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** A number in [0, 1), for the first sequence of each log. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** Calls back soon, never within the call. @default setImmediate, or a timer where there is none */
  readonly defer?: ((run: () => void) => void) | undefined;
}

/**
 * How many logs an append looks at for expired ones. One may be born meanwhile, or be put last, so the look gets round to all of
 * them within as many appends as there are logs.
 */
const SWEPT_PER_APPEND = 2;
/** Sequences start below this, so that they keep to exact integers for ever. */
const SEQUENCE_SPREAD = 2 ** 32;

/**
 * Logs in this process's memory: the default, so that everything runs with no service. They end with the process.
 * Rejects with `closed` after `close()`; never with anything else.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(options);
}

class MemoryBroker implements Broker {
  readonly name = "memory";
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #defer: (run: () => void) => void;
  /** The least recently appended to comes first. */
  readonly #logs = new Map<string, Log>();
  /** Where the sweep stands. The iterator of a map sees what is put in and taken out meanwhile. */
  #sweeper: MapIterator<[string, Log]> = this.#logs.entries();
  readonly #listeners = new Set<MemoryListener>();
  /** What was stored under a caller's own id, by channel and id; the oldest comes first. They outlive the log. */
  readonly #once = new Map<string, Once>();
  /** The largest time in any id: ids keep rising when the clock is set back. */
  #latestMs = 0;
  /** The last moment at which these logs were not there. */
  readonly #aliveSince: number;
  #closed = false;

  constructor({ now = Date.now, random = Math.random, defer = soon }: MemoryBrokerOptions) {
    this.#now = now;
    this.#random = random;
    this.#defer = defer;
    this.#aliveSince = now() - 1;
  }

  watch(changed: (state: "connected") => void): void {
    changed("connected");
  }

  async append(channel: string, draft: Draft, retention: Retention): Promise<RealtimeCursor> {
    this.#assertOpen();
    const now = this.#now();
    const once = draft.onceId === undefined ? undefined : `${channel} ${draft.onceId}`;
    this.#forgetOnce(now);
    const earlier = once === undefined ? undefined : this.#once.get(once);
    if (earlier) return earlier.id;
    const log = this.#log(channel, now) ?? new Log(Math.floor(this.#random() * SEQUENCE_SPREAD));
    this.#latestMs = Math.max(this.#latestMs, Math.floor(now));
    const entry = log.append(draft, this.#latestMs);
    if (once !== undefined) this.#once.set(once, { id: entry.id, forgottenAt: now + ONCE_MS });
    log.trim(retention.maxLength);
    log.expiresAt = now + retention.expireAfterMs;
    this.#logs.delete(channel);
    this.#logs.set(channel, log);
    this.#sweep(now);
    const announced: Entry = { ...entry, keeps: retention.maxLength };
    for (const listener of this.#listeners) listener.announce(channel, announced);
    return entry.id;
  }

  async read(channel: string, after: RealtimeCursor, { pageBytes, count }: ReadOptions): Promise<Page> {
    this.#assertOpen();
    const now = this.#now();
    const page = this.#log(channel, now)?.read(after, pageBytes, count) ?? { entries: [], last: originAt(now) };
    return { ...page, aliveSince: this.#aliveSince };
  }

  async locate(channel: string, range: LocateRange): Promise<Location> {
    this.#assertOpen();
    const now = this.#now();
    const none = originAt(now);
    const found = this.#log(channel, now)?.locate(range) ?? { after: none, last: none };
    return { ...found, aliveSince: this.#aliveSince };
  }

  listen(handlers: ListenerHandlers): Listener {
    const listener = new MemoryListener(handlers, this.#defer, () => this.#listeners.delete(listener));
    if (this.#closed) listener.close();
    else this.#listeners.add(listener);
    return listener;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#logs.clear();
    this.#once.clear();
    for (const listener of [...this.#listeners]) listener.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  /** The channel's log, unless it has expired. */
  #log(channel: string, now: number): Log | undefined {
    const log = this.#logs.get(channel);
    if (!log || log.expiresAt > now) return log;
    this.#logs.delete(channel);
    return undefined;
  }

  #forgetOnce(now: number): void {
    for (const [key, { forgottenAt }] of this.#once) {
      if (forgottenAt > now) return;
      this.#once.delete(key);
    }
  }

  /** Drops expired logs without a timer: goes round all of them, a few at a time, for they do not expire in their order. */
  #sweep(now: number): void {
    for (let looked = 0; looked < SWEPT_PER_APPEND; looked++) {
      const { value, done } = this.#sweeper.next();
      if (done) this.#sweeper = this.#logs.entries();
      else if (value[1].expiresAt <= now) this.#logs.delete(value[0]);
    }
  }
}

/** What was stored under a caller's own id. */
interface Once {
  readonly id: RealtimeCursor;
  readonly forgottenAt: number;
}

/** An entry, and what it weighs. */
interface Stored extends Entry {
  readonly bytes: number;
}

/** One life of one channel's log. */
class Log {
  readonly #firstSequence: number;
  #entries: Stored[] = [];
  /** Where the entries begin in the array: taking one off the front of an array each time would move all the others. */
  #head = 0;
  #last: RealtimeCursor = ORIGIN;
  #lastMs = -1;
  #sequence = 0;
  expiresAt: number = Number.POSITIVE_INFINITY;

  /** @param firstSequence random, so that a cursor of another life never looks valid by chance. */
  constructor(firstSequence: number) {
    this.#firstSequence = firstSequence;
  }

  append({ event, json, trace }: Draft, ms: number): Stored {
    this.#sequence = ms === this.#lastMs ? this.#sequence + 1 : this.#firstSequence;
    this.#lastMs = ms;
    const id = `${ms}-${this.#sequence}` as RealtimeCursor;
    const bytes = utf8Length(json) + (trace?.length ?? 0);
    const entry: Stored = { id, prev: this.#last, event, json, bytes, ...(trace !== undefined && { trace }) };
    this.#last = id;
    this.#entries.push(entry);
    return entry;
  }

  trim(maxLength: number): void {
    const surplus = this.#entries.length - this.#head - maxLength;
    if (surplus <= 0) return;
    // What was dropped must not be held until the array is next copied.
    this.#entries.fill(undefined as never, this.#head, this.#head + surplus);
    this.#head += surplus;
    if (this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  read(after: RealtimeCursor, pageBytes: number, count: number = Number.POSITIVE_INFINITY): Page {
    const start = this.#indexAfter(after);
    let end = start;
    let bytes = 0;
    while (end < this.#entries.length && bytes < pageBytes && end - start < count) bytes += this.#at(end++).bytes;
    return { entries: this.#entries.slice(start, end), last: this.#last };
  }

  locate({ newest, start, end }: LocateRange): Location {
    const from = start === undefined ? this.#head : this.#indexAfter(start, true);
    const to = end === undefined ? this.#entries.length : this.#indexAfter(end);
    const oldest = Math.max(from, to - newest);
    return { after: oldest < to ? this.#at(oldest).prev : this.#last, last: this.#last };
  }

  #at(index: number): Stored {
    return this.#entries[index] as Stored;
  }

  /** The index of the first entry above `position`, or at it when `inclusive`. */
  #indexAfter(position: RealtimeCursor, inclusive = false): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareCursors(this.#at(middle).id, position);
      if (order > 0 || (inclusive && order === 0)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

class MemoryListener implements Listener {
  readonly #handlers: ListenerHandlers;
  readonly #defer: (run: () => void) => void;
  readonly #onClose: () => void;
  readonly #joined = new Set<string>();
  #queue: Array<readonly [channel: string, entry: Entry]> = [];
  #closed = false;

  constructor(handlers: ListenerHandlers, defer: (run: () => void) => void, onClose: () => void) {
    this.#handlers = handlers;
    this.#defer = defer;
    this.#onClose = onClose;
  }

  async join(channel: string): Promise<void> {
    if (this.#closed) throw closedError();
    this.#joined.add(channel);
  }

  leave(channel: string): void {
    this.#joined.delete(channel);
  }

  close(): void {
    this.#closed = true;
    this.#joined.clear();
    this.#queue = [];
    this.#onClose();
  }

  /** Delivers in a turn of its own: a burst becomes one turn, and a handler that appends cannot starve the process. */
  announce(channel: string, entry: Entry): void {
    if (this.#joined.has(channel) && this.#queue.push([channel, entry]) === 1) this.#defer(() => this.#deliver());
  }

  #deliver(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const [channel, entry] of queue) {
      if (this.#joined.has(channel)) this.#handlers.entry(channel, entry);
    }
  }
}

function closedError(): TidingsError {
  return new TidingsError("closed", "the memory broker was closed; its logs are gone. Make a new `Realtime`.");
}

function soon(run: () => void): void {
  if (typeof setImmediate === "function") setImmediate(run);
  else setTimeout(run, 0);
}
