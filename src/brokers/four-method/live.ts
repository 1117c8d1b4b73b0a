import type { Clock, Timer } from "../../protocol/clock.ts";
import { compareCursors, ORIGIN, positionBelow, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { Entry, ListenerHandlers } from "../broker.ts";
import type { RedisAdapter, XReadArgs } from "./adapter.ts";
import { backOffMs, closedError, type Calls } from "./calls.ts";
import { isRefusal, readError } from "./failures.ts";
import { findFailing } from "./find-failing.ts";
import { foundIn, type LiveChannel, type Read } from "./live-read.ts";
import { CALL_TIMEOUT_MS, type AdapterLog, type LogName } from "./log.ts";
import { nothingTrimmedBefore, type Stored } from "./payload.ts";

/** Where a broker says what an operator should know. `console` is one. */
export interface FourMethodLogger {
  warn(message: string, ...details: unknown[]): void;
}

/** What a {@link LiveReader} works with. */
export interface LiveContext {
  readonly adapter: RedisAdapter;
  readonly calls: Calls;
  readonly log: AdapterLog;
  readonly clock: Clock;
  readonly logger: FourMethodLogger;
}

/** An `xread` that may wait. */
interface BlockingRead extends Read {
  readonly abort: AbortController;
  overdue: Timer | undefined;
}

/** How long one `xread` may wait for an entry. */
const BLOCK_MS = 400;
/** An adapter that does not wait is asked so often. */
const POLL_MS = 100;
/** Time between two reads while entries come in: those of a burst share one. */
const PACE_MS = 5;
/** Entries of one channel in one read. */
const READ_COUNT = 1_000;
/** An adapter may go on waiting when its signal aborts: so many reads are let wait beside each other. */
const MAX_READS = 2;
/** A read that has not returned so long after it should have is given up; the next waits longer. */
const PATIENCE_MS = 5_000;
const MAX_PATIENCE_MS = 300_000;
/**
 * Logs live at least for a second after their last entry, so that one cannot come and go between two looks that are not further
 * apart. Two reads that wait for their whole time are not.
 */
const STALE_MS = 1_000;
const MAX_BACKOFF_MS = 2_000;
const MAX_ALONE_BACKOFF_MS = 5_000;
/** Every so often one channel's end is compared with the place where we are. */
const AUDIT_MS = 1_000;

/**
 * Hears the logs of all channels of a process through one `xread` at a time, which is issued anew when a channel comes in.
 *
 * Each channel has a cursor, and only what was read moves it: an answer that is late, lost, repeated or overtaken by another one
 * does no harm. What can happen is that entries are trimmed before they are read; whenever that cannot be ruled out, the first
 * entry behind claims to follow something unknown, and who hears it looks into the log.
 */
export class LiveReader {
  readonly #context: LiveContext;
  readonly #listeners = new Set<ListenerHandlers>();
  readonly #channels = new Map<string, LiveChannel>();
  readonly #reads = new Set<BlockingRead>();
  #newest: BlockingRead | undefined;
  #timer: Timer | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  /** Whether a channel came in since the newest read was issued. */
  #isOutdated = false;
  /** Whether the store cannot be read, so that nothing is heard. */
  #isDown = false;
  #downSince = 0;
  /** Whether the adapter can read each channel and no two of them at once. */
  #isApart = false;
  #patienceMs = PATIENCE_MS;
  #auditAt = Number.NEGATIVE_INFINITY;
  #auditor: MapIterator<LiveChannel> = this.#channels.values();
  #isClosed = false;

  constructor(context: LiveContext) {
    this.#context = context;
  }

  listen(handlers: ListenerHandlers): void {
    this.#listeners.add(handlers);
  }

  /** Resolves when everything that is appended from then on is heard. */
  join(log: LogName, handlers: ListenerHandlers): Promise<void> {
    let channel = this.#channels.get(log.channel);
    if (!channel) this.#channels.set(log.channel, (channel = this.#open(log)));
    channel.listeners.add(handlers);
    return channel.opened;
  }

  leave(name: string, handlers: ListenerHandlers): void {
    const channel = this.#channels.get(name);
    if (!channel?.listeners.delete(handlers) || channel.listeners.size > 0) return;
    this.#channels.delete(name);
    if (this.#together().length === 0) this.#abandonReads();
  }

  /** Forgets who listens, and every channel that nobody else listens to. */
  forget(handlers: ListenerHandlers): void {
    this.#listeners.delete(handlers);
    for (const name of [...this.#channels.keys()]) this.leave(name, handlers);
  }

  close(): void {
    this.#isClosed = true;
    this.#channels.clear();
    this.#listeners.clear();
    this.#abandonReads();
  }

  // Channels come in

  #open(log: LogName): LiveChannel {
    let opened = (): void => {};
    let failed = (_error: unknown): void => {};
    const channel: LiveChannel = {
      ...log,
      listeners: new Set(),
      opened: new Promise<void>((resolve, reject) => {
        opened = resolve;
        failed = reject;
      }),
      cursor: undefined,
      knownAt: 0,
      isAlone: false,
      failures: 0,
    };
    this.#findStart(channel).then(opened, failed);
    return channel;
  }

  async #findStart(channel: LiveChannel): Promise<void> {
    const { log, calls, clock } = this.#context;
    for (let failures = 0; ; failures++) {
      channel.knownAt = clock.now();
      try {
        const cursor = await log.last(channel);
        if (!this.#isWanted(channel)) throw closedError();
        channel.cursor = cursor;
        break;
      } catch (error) {
        if (!this.#isWanted(channel)) throw closedError();
        if (isTidingsRefusal(error)) {
          this.#channels.delete(channel.channel);
          throw error;
        }
        await calls.pause(backOffMs(failures, MAX_BACKOFF_MS, clock));
      }
    }
    if (this.#isApart) void this.#readAlone(channel);
    else this.#refresh();
  }

  #isWanted(channel: LiveChannel): boolean {
    return !this.#isClosed && this.#channels.get(channel.channel) === channel;
  }

  /** The channels that are read by one call. */
  #together(): LiveChannel[] {
    return [...this.#channels.values()].filter(({ cursor, isAlone }) => cursor !== undefined && !isAlone);
  }

  // Reading together

  /** Reads anew, for there is a channel that the present read does not know. */
  #refresh(): void {
    this.#isOutdated = true;
    if (this.#isDown) return;
    for (const { abort } of this.#reads) abort.abort();
    this.#plan(PACE_MS);
  }

  /** Sees to it that the next read is issued by then. */
  #plan(delayMs: number): void {
    const { clock } = this.#context;
    const dueAt = clock.now() + delayMs;
    if (this.#isClosed || dueAt >= this.#dueAt) return;
    clock.clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = clock.setTimeout(
      () => {
        this.#dueAt = Number.POSITIVE_INFINITY;
        this.#issue();
      },
      delayMs,
      "keepAlive",
    );
  }

  #issue(): void {
    const channels = this.#together();
    // One that is on its way plans the next when it returns.
    if (this.#isClosed || this.#isDown || channels.length === 0 || this.#reads.size >= MAX_READS) return;
    this.#isOutdated = false;
    const read: BlockingRead = { ...this.#read(channels), abort: new AbortController(), overdue: undefined };
    this.#reads.add(read);
    this.#newest = read;
    read.overdue = this.#context.clock.setTimeout(() => this.#giveUp(read), BLOCK_MS + this.#patienceMs, "keepAlive");
    this.#ask(read, { blockMs: BLOCK_MS, signal: read.abort.signal }).then(
      (found) => this.#answered(read, found),
      (error: unknown) => this.#failed(read, error),
    );
  }

  #read(channels: readonly LiveChannel[]): Read {
    const issuedAt = this.#context.clock.now();
    return {
      channels,
      cursors: channels.map(({ cursor }) => cursor ?? ORIGIN),
      knownAts: channels.map(({ knownAt }) => knownAt),
      issuedAt,
    };
  }

  async #ask(
    { channels, cursors }: Read,
    wait: Pick<XReadArgs, "blockMs" | "signal">,
  ): Promise<ReadonlyArray<readonly Stored[]>> {
    const keys = channels.map(({ key }) => key);
    const answer: unknown = await this.#context.adapter.xread({
      channels: keys,
      cursors: [...cursors],
      count: READ_COUNT,
      ...wait,
    });
    return foundIn(answer, keys);
  }

  #answered(read: BlockingRead, found: ReadonlyArray<readonly Stored[]>): void {
    const isTimely = this.#reads.has(read);
    const wasWaitedFor = this.#end(read);
    if (this.#isClosed) return;
    this.#patienceMs = PATIENCE_MS;
    const heard = this.#deliver(read, found, isTimely);
    this.#audit();
    if (!wasWaitedFor) return;
    const pauseMs = heard === "nothing" ? POLL_MS : heard === "all" ? PACE_MS : 0;
    const waitedMs = this.#context.clock.now() - read.issuedAt;
    this.#plan(this.#isOutdated ? PACE_MS : Math.max(0, pauseMs - waitedMs));
  }

  #failed(read: BlockingRead, error: unknown): void {
    const wasWaitedFor = this.#end(read);
    if (this.#isClosed || this.#isDown) return;
    // We aborted it ourselves, or had given it up.
    if (read.abort.signal.aborted) {
      if (wasWaitedFor) this.#plan(PACE_MS);
      return;
    }
    this.#isDown = true;
    this.#downSince = this.#context.clock.now();
    this.#abandonReads();
    // Another server may answer next, with a log that was never at our cursor.
    for (const channel of this.#channels.values()) channel.knownAt = Number.NEGATIVE_INFINITY;
    for (const listener of this.#listeners) listener.lost();
    const warning = "tidings: the four-method adapter failed to read. Streams stay open and catch up when it reads again.";
    this.#context.logger.warn(warning, error);
    this.#recover().catch(() => {
      // The broker was closed.
    });
  }

  /** It has neither returned nor failed for too long; it may still do. */
  #giveUp(read: BlockingRead): void {
    if (!this.#reads.has(read)) return;
    this.#patienceMs = Math.min(this.#patienceMs * 2, MAX_PATIENCE_MS);
    read.abort.abort();
    if (this.#end(read)) this.#plan(0);
  }

  /** @returns whether the next read waits for this one. */
  #end(read: BlockingRead): boolean {
    this.#context.clock.clearTimeout(read.overdue);
    return this.#reads.delete(read) && (read === this.#newest || this.#isOutdated);
  }

  #abandonReads(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
    for (const read of [...this.#reads]) {
      read.abort.abort();
      this.#end(read);
    }
  }

  // What was read

  /**
   * @param isTimely whether it was still waited for: else it tells nothing about the log as it is now
   * @returns whether nothing new was heard, all that there was, or as much as one read may bring.
   */
  #deliver(read: Read, found: ReadonlyArray<readonly Stored[]>, isTimely = true): "nothing" | "all" | "part" {
    const { channels, cursors, knownAts, issuedAt } = read;
    const now = this.#context.clock.now();
    let heard: "nothing" | "all" | "part" = "nothing";
    for (const [at, channel] of channels.entries()) {
      const entries = found[at] ?? [];
      if (!this.#isWanted(channel)) continue;
      if (isTimely) channel.knownAt = Math.max(channel.knownAt, issuedAt);
      const isAll = entries.length < READ_COUNT;
      const after = cursors[at] ?? ORIGIN;
      if (
        !this.#hear(
          channel,
          entries,
          isAll && !(now - (knownAts[at] ?? 0) > STALE_MS) && nothingTrimmedBefore(entries) ? after : undefined,
        )
      )
        continue;
      if (!isAll) heard = "part";
      else if (heard === "nothing") heard = "all";
    }
    return heard;
  }

  /** @param before what the first entry follows, when that is known */
  #hear(channel: LiveChannel, entries: readonly Stored[], before: RealtimeCursor | undefined): boolean {
    let heard = false;
    for (const [at, { id, event, json, keeps }] of entries.entries()) {
      // Heard before, by a read that was issued later and returned earlier.
      if (compareCursors(id, channel.cursor ?? ORIGIN) <= 0) continue;
      heard = true;
      channel.cursor = id;
      const known = entries[at - 1]?.id ?? before;
      const prev = known ?? positionBelow(id);
      const entry: Entry = { id, prev, event, json, keeps, ...(known === undefined && { unproven: true }) };
      for (const listener of [...channel.listeners]) listener.entry(channel.channel, entry);
    }
    return heard;
  }

  /**
   * A log that was replaced can end below the place where we are, and what it gets from then on would not be above our cursor.
   * Compares one channel at a time, so that the cost does not depend on their number.
   */
  #audit(): void {
    const { clock, log } = this.#context;
    if (clock.now() < this.#auditAt) return;
    this.#auditAt = clock.now() + AUDIT_MS;
    let next = this.#auditor.next();
    if (next.done) next = (this.#auditor = this.#channels.values()).next();
    if (next.done) return;
    const channel = next.value;
    const { cursor } = channel;
    if (cursor === undefined) return;
    log.last(channel).then(
      (last) => {
        if (!this.#isWanted(channel) || channel.cursor !== cursor || compareCursors(last, cursor) >= 0) return;
        channel.cursor = last;
        // One that expired took nothing with it that we have not heard.
        if (last !== ORIGIN) for (const listener of [...channel.listeners]) listener.moved(channel.channel, last);
      },
      () => {
        // The reads tell.
      },
    );
  }

  // After a failure

  async #recover(): Promise<void> {
    const { calls, clock } = this.#context;
    let isSuspect = false;
    for (let failures = 0; ; failures++) {
      await calls.pause(backOffMs(failures, MAX_BACKOFF_MS, clock));
      const channels = this.#together();
      const read = this.#read(channels);
      try {
        const found = channels.length > 0 ? await this.#askNow(read) : [];
        this.#rise();
        this.#deliver(read, found);
        this.#plan(PACE_MS);
        return;
      } catch (error) {
        if (calls.isClosed) return;
        if (channels.length < 2 || !(isRefusal(error) || failures >= 2)) continue;
        const verdict = await this.#separate(channels);
        // Twice in a row: together they fail, and each by itself does not.
        if (verdict === "none" && isSuspect) this.#setApart(channels, error);
        isSuspect = verdict === "none";
        if (verdict === "some") failures = -1;
      }
    }
  }

  #rise(): void {
    const { clock, logger } = this.#context;
    this.#isDown = false;
    const downSecs = ((clock.now() - this.#downSince) / 1_000).toFixed(1);
    logger.warn(`tidings: the four-method adapter reads again, after ${downSecs} s.`);
    const restored = [...this.#channels.values()].filter(({ cursor, failures }) => cursor !== undefined && failures === 0);
    for (const listener of this.#listeners) {
      const names = restored.filter(({ listeners }) => listeners.has(listener)).map(({ channel }) => channel);
      if (names.length > 0) listener.restored(names);
    }
  }

  /** Reads without waiting. */
  #askNow(read: Read): Promise<ReadonlyArray<readonly Stored[]>> {
    const limitMs = CALL_TIMEOUT_MS;
    const late = (): Error => new Error(`xread gave no answer within ${limitMs} ms`);
    return this.#context.calls.run({ limitMs, late }, () => this.#ask(read, {}));
  }

  /** Takes the channels aside that cannot be read, so that they do not keep the others from being heard. */
  async #separate(channels: readonly LiveChannel[]): Promise<"some" | "none" | "all"> {
    const { clock, logger } = this.#context;
    const { verdict, failing } = await findFailing(channels, clock, (group) => this.#askNow(this.#read(group)));
    for (const [channel, error] of failing) {
      channel.failures = 1;
      const warning = `${readError(channel.channel, error).message} It is tried again every few seconds; the others are not held up.`;
      logger.warn(warning, error);
      void this.#readAlone(channel);
    }
    return verdict;
  }

  #setApart(channels: readonly LiveChannel[], error: unknown): void {
    this.#isApart = true;
    this.#context.logger.warn(
      "tidings: `xread` of the four-method adapter reads one channel and fails for several at once. Each is read by itself from now on, which costs ten calls a second for each. On a Redis Cluster, let `xread` read each slot by itself.",
      error,
    );
    for (const channel of channels) void this.#readAlone(channel);
  }

  // Reading alone

  async #readAlone(channel: LiveChannel): Promise<void> {
    const { calls, clock } = this.#context;
    channel.isAlone = true;
    try {
      while (this.#isWanted(channel) && channel.isAlone) {
        await calls.pause(channel.failures > 0 ? backOffMs(channel.failures + 3, MAX_ALONE_BACKOFF_MS, clock) : POLL_MS);
        if (this.#isWanted(channel)) await this.#readOne(channel);
      }
    } catch {
      // The broker was closed.
    }
  }

  async #readOne(channel: LiveChannel): Promise<void> {
    const read = this.#read([channel]);
    let found: ReadonlyArray<readonly Stored[]>;
    try {
      found = await this.#askNow(read);
    } catch {
      channel.knownAt = Number.NEGATIVE_INFINITY;
      if (channel.failures++ === 0) for (const listener of channel.listeners) listener.lost([channel.channel]);
      return;
    }
    if (!this.#isWanted(channel)) return;
    if (channel.failures > 0) {
      channel.failures = 0;
      for (const listener of channel.listeners) listener.restored([channel.channel]);
      channel.isAlone = this.#isApart;
      if (!channel.isAlone) this.#refresh();
    }
    this.#deliver(read, found);
    this.#audit();
  }
}

function isTidingsRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "broker_refused";
}
