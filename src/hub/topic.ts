import type { Broker, Entry, LocateRange, Location, Page } from "../brokers/broker.ts";
import type { Clock } from "../protocol/clock.ts";
import { compareCursors, isOrigin, laterOf, ORIGIN, timeOf, type RealtimeCursor } from "../protocol/cursor.ts";
import { PAGE_BYTES, RING_BYTES } from "../protocol/limits.ts";
import { CONTROL_CHANNEL } from "../protocol/names.ts";
import { CatchUpQueue } from "./catch-up-queue.ts";
import { DatedTail } from "./dated-tail.ts";
import { EncodedPage } from "./encoded-page.ts";
import { Feed, type FeedSource, type FeedStart, type Session } from "./feed.ts";
import { Batch, Frame } from "./frame.ts";
import { isComplete, isNewborn, isUnbroken, judge, type Keeping } from "./merge.ts";
import { PageShelf } from "./page-shelf.ts";
import { ReadLoop, type Read } from "./read-loop.ts";
import type { ReadLimiter } from "./read-limiter.ts";
import { Ring, type ByteBudget } from "./ring.ts";
import { WaitingFeeds, type Asked, type TopicState } from "./waiting-feeds.ts";
import { UNWATCHED, type TopicWatch } from "./watch.ts";

/** What a topic needs of its hub. */
export interface TopicHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly limiter: ReadLimiter;
  readonly ringBudget: ByteBudget;
  readonly shelfBudget: ByteBudget;
  readonly queueBudget: ByteBudget;
  readonly watch: TopicWatch;
  /** The time that a channel's log lives at least after each of its entries, in milliseconds. */
  lifeOf(channel: string): number;
  /** Calls `flush` of this topic at the end of the turn. */
  schedule(topic: Topic): void;
  /** The topic has lost its last feed. */
  idle(topic: Topic): void;
  /** The log holds an entry that no event can be read from. */
  unreadable(channel: string, cursor: RealtimeCursor): void;
  /** The log cannot be read just now. The topic goes on asking, for feeds that count on it. */
  refused(topic: Topic, error: unknown): void;
  /** The topic cannot go on, and has told its feeds so. */
  failed(topic: Topic, error: unknown): void;
}

/** Reads in a row that moved nothing before the topic stops waiting for its subscription and lets the log decide. */
const MAX_STALLS = 20;
const STALL_MS = 20;

/**
 * A channel that someone in this process listens to.
 *
 * `tail` is the position up to which this process has the channel's log: every entry up to it was heard, read, or announced as
 * missing. An entry that chains to the tail moves it; anything else makes the topic read the log from its tail, and what it hears
 * meanwhile queues. Live feeds stand at the tail by definition, so they need no cursor and no comparison of their own.
 */
export class Topic implements FeedSource {
  readonly channel: string;
  readonly #host: TopicHost;
  readonly #watch: TopicWatch;
  readonly #ring: Ring;
  readonly #queue: CatchUpQueue;
  readonly #live = new Set<Feed>();
  readonly #waiting: WaitingFeeds;
  /** Frames accepted in this turn and not yet given to the live feeds. */
  #turn: Frame[] = [];
  #tail: RealtimeCursor | undefined;
  #flushed: RealtimeCursor = ORIGIN;
  /** Whether the subscription is acknowledged and unbroken. */
  #hearing = false;
  /** Since when nothing is heard, until a read has proved the tail again. */
  #deafSince: number | undefined;
  #deafMs = 0;
  /** Counts losses of the subscription: a page that was asked for in an earlier life proves nothing. */
  #life = 0;
  /** Whether the tail has to be proved by a read before anything else is accepted. */
  #mustCatchUp = false;
  #closed = false;
  /** Numbers the reads. */
  #asked = 0;
  #stalls = 0;
  /** Whether the broker refused the last read. */
  #isRefused = false;
  /** A position that the log is known to have reached, and how many reads had been asked for when that was said. */
  #reached: { readonly last: RealtimeCursor; readonly asked: number } | undefined;
  /** An entry that was heard to follow the tail, and has to be read: it may have begun a new life of the log (I4). */
  #next: RealtimeCursor | undefined;
  /** Whether those who listen may have missed something, by a read that was no catch-up: nobody joins them before they know. */
  #doubts = false;
  /** Since when the store lives, as far as it said. */
  #aliveSince: number | undefined;
  readonly #dated: DatedTail;
  readonly #loop: ReadLoop;

  constructor(channel: string, host: TopicHost) {
    this.channel = channel;
    this.#host = host;
    this.#watch = channel === CONTROL_CHANNEL ? UNWATCHED : host.watch;
    this.#ring = new Ring(RING_BYTES, host.ringBudget);
    this.#waiting = new WaitingFeeds({
      ...{ channel, ring: this.#ring, shelf: new PageShelf(host.shelfBudget), watch: this.#watch },
      goLive: (feed) => this.#goLive(feed),
    });
    this.#queue = new CatchUpQueue(host.queueBudget);
    this.#dated = new DatedTail(host.clock, (tail) => this.#refresh(tail));
    this.#loop = new ReadLoop({
      clock: host.clock,
      limiter: host.limiter,
      next: () => this.#nextRead(),
      refused: (error) => this.#refused(error),
    });
  }

  get flushed(): RealtimeCursor {
    return this.#flushed;
  }

  get deafMs(): number {
    return this.#deafMs;
  }

  get feeds(): number {
    return this.#live.size + this.#waiting.size;
  }

  /** Whether a client that comes back can be served from memory. */
  get holdsFrames(): boolean {
    return this.#ring.length > 0;
  }

  // Feeds come and go

  attach(session: Session, asked: FeedStart): Feed {
    const { level } = asked;
    // There is nothing before the first entry to draw level with.
    const isBorn = !level || !isOrigin(level);
    const start = isBorn ? asked : { ...asked, level: undefined };
    const feed = new Feed(this.channel, session, this, start);
    if (!isBorn) feed.sawNoLog = level;
    if (start.kind === "after") feed.position = start.cursor;
    if (start.kind === "held") feed.position = ORIGIN;
    if (start.kind !== "live") this.#watch.returned(feed);
    this.#waiting.add(feed, this.#asked);
    // Not before the session holds the feed.
    queueMicrotask(() => this.#loop.look());
    return feed;
  }

  detach(feed: Feed): void {
    const known = this.#live.delete(feed) || this.#waiting.delete(feed);
    this.#watch.left(feed);
    if (known && this.feeds === 0 && !this.#closed) this.#host.idle(this);
  }

  lag(feed: Feed): void {
    if (!this.#live.delete(feed)) return;
    feed.position = feed.cursor;
    feed.state = "lagging";
    this.#watch.fellBehind(feed);
    this.#waiting.add(feed, this.#asked);
  }

  resume(feed: Feed): void {
    if (!this.#waiting.has(feed)) return;
    const before = feed.position;
    if (this.#hearing) this.#waiting.serveFromMemory(this.#state, [feed]);
    // A page that is on its way can lie behind where it stands now.
    if (feed.position !== before) feed.waitsSince = this.#asked;
    if (this.#waiting.has(feed) && !feed.session.blocked) this.#loop.look();
  }

  // The subscription

  /** The subscription is acknowledged. @param delayMs before the log is read, so that processes do not all read at once. */
  heardFrom(delayMs = 0): void {
    this.#hearing = true;
    if (this.#tail !== undefined) this.#mustCatchUp = true;
    if (delayMs > 0) this.#loop.pauseFor(delayMs, false);
    this.#loop.look();
  }

  lost(): void {
    this.#hearing = false;
    this.#deafSince ??= this.#host.clock.now();
    this.#life++;
    this.#queue.clear();
    this.#reached = undefined;
    this.#next = undefined;
  }

  /** An entry was heard on the subscription. */
  hear(entry: Entry): void {
    if (this.#closed || !this.#hearing) return;
    const tail = this.#tail;
    if (tail === undefined || this.#mustCatchUp) {
      this.#queue.push(entry);
      return;
    }
    const follows = this.#follows(entry, tail);
    if (!follows && (entry.id === tail || this.#ring.has(entry.id))) return;
    const frame = follows ? Frame.ofEntry(this.channel, entry) : undefined;
    if (frame && !frame.isUnreadable) {
      this.#accept(frame);
    } else {
      // The log holds it, or never did or will again: the read tells, so it need not queue.
      if (follows) this.#next = entry.id;
      this.#mustCatchUp = true;
      this.#loop.look();
    }
  }

  /** Newborn: the log expired and was born again while we listened without a break: nothing is missing in between (I4). */
  #follows(entry: Pick<Entry, "id" | "prev">, tail: RealtimeCursor): boolean {
    return compareCursors(entry.id, tail) > 0 && (entry.prev === tail || isNewborn(entry));
  }

  /** The log ends at `last`, or ended there a moment ago: who does not have that entry reads. @param prev what it follows, if known. */
  moved(last: RealtimeCursor, prev?: RealtimeCursor): void {
    if (this.#closed || !this.#hearing || last === this.#tail || this.#ring.has(last)) return;
    if (this.#tail && isOrigin(this.#tail) && isOrigin(last)) return;
    this.#reached = { last, asked: this.#asked };
    if (this.#tail === undefined) return;
    if (prev && !this.#mustCatchUp && this.#follows({ id: last, prev }, this.#tail)) this.#next = last;
    this.#mustCatchUp = true;
    this.#loop.look();
  }

  #accept(frame: Frame): void {
    this.#tail = frame.cursor;
    this.#dated.stop();
    this.#ring.push(frame);
    this.#emit(frame);
  }

  /** Goes on behind a gap. */
  #skip(gap: Frame): void {
    this.#tail = gap.cursor;
    this.#waiting.forgetPages();
    this.#ring.clear();
    this.#emit(gap);
  }

  /** There is still no log. */
  #refresh(tail: RealtimeCursor): void {
    if (!this.#hearing || this.#mustCatchUp || compareCursors(tail, this.#flushed) <= 0) return;
    this.#tail = laterOf(tail, this.#tail as RealtimeCursor);
    this.#emit(Frame.ofPosition(this.channel, this.#tail));
  }

  /** A read found that there is no log, as there was none before. */
  #sawNoLog(last: RealtimeCursor): void {
    const tail = this.#tail as RealtimeCursor;
    if (!isOrigin(last) || !isOrigin(tail) || compareCursors(last, tail) <= 0) return;
    if (!isUnbroken(tail, timeOf(last), this.#keeping)) return this.#doubt();
    this.#tail = last;
    this.#dated.follow(last, this.#host.lifeOf(this.channel));
  }

  /** A machine that slept may have missed more than it knows: those who listen have to be told so, before others join them. */
  #doubt(): void {
    this.#mustCatchUp = this.#doubts = true;
  }

  get #state(): TopicState {
    return { tail: this.#tail, mustCatchUp: this.#mustCatchUp, keeping: this.#keeping };
  }

  get #keeping(): Keeping {
    return { lifeMs: this.#host.lifeOf(this.channel), aliveSince: this.#aliveSince };
  }

  /** Gives a frame to the live feeds at the end of the turn. */
  #emit(frame: Frame): void {
    if (this.#turn.push(frame) === 1) this.#host.schedule(this);
  }

  /** Gives what was accepted in this turn to the live feeds: one batch, whose bytes they share. */
  flush(): void {
    if (this.#turn.length === 0 || this.#tail === undefined) return;
    const batch = new Batch(this.#turn);
    this.#turn = [];
    this.#flushed = this.#tail;
    const done = this.#watch.fan(batch.frames, this.#live);
    for (const feed of this.#live) feed.session.deliver(feed, batch);
    done?.();
    if (this.#waiting.size > 0) this.#loop.look();
  }

  // The log

  /** What the log is asked for next: to prove the tail, then for the oldest position that is waited for. */
  #nextRead(): Read | undefined {
    if (this.#closed || !this.#hearing) return undefined;
    this.#waiting.serveFromMemory(this.#state);
    if (this.#tail === undefined) return this.feeds > 0 ? this.#locate({ newest: 0 }) : undefined;
    if (this.#mustCatchUp) return this.#read(this.#tail, true);
    const wanted = this.#waiting.next(this.#tail);
    if (wanted === undefined) return undefined;
    return wanted.after === undefined ? this.#locate(wanted) : this.#read(wanted.after, false);
  }

  #locate(range: LocateRange): Read {
    const life = this.#life;
    return async () => {
      const location = await this.#watch.read(this.#host.broker.locate(this.channel, range));
      return () => {
        if (life === this.#life) this.#located(range, location);
        this.#isRefused = false;
      };
    };
  }

  #read(after: RealtimeCursor, catchUp: boolean): Read {
    // As of now: the subscription may break, and even be there again, while the read waits for its place among the others.
    const life = this.#life;
    return async () => {
      const asked: Asked = {
        number: ++this.#asked,
        after,
        catchUp,
        tail: this.#tail as RealtimeCursor,
        queued: this.#queue.length,
      };
      const page = await this.#watch.read(this.#host.broker.read(this.channel, after, { pageBytes: PAGE_BYTES }));
      return () => {
        if (life === this.#life) this.#apply(page, asked);
        this.#isRefused = false;
      };
    };
  }

  #located({ newest, start, end }: LocateRange, { after, last, aliveSince }: Location): void {
    this.#aliveSince = aliveSince ?? this.#aliveSince;
    if (this.#tail === undefined) {
      this.#tail = this.#flushed = last;
      this.#dated.follow(last, this.#host.lifeOf(this.channel));
      this.#drainQueue(0);
      this.#considerReached(0);
    } else this.#sawNoLog(last);
    if (newest === 0) return;
    this.#waiting.located({ newest, start, end }, after);
  }

  #apply(page: Page, asked: Asked): void {
    const before = this.#tail;
    this.#aliveSince = page.aliveSince ?? this.#aliveSince;
    const encoded = new EncodedPage(this.channel, page);
    const unreadable = encoded.entries.find((frame) => frame.isUnreadable);
    if (unreadable) this.#host.unreadable(this.channel, unreadable.cursor);
    if (asked.catchUp) {
      this.#doubts = false;
      this.#deafMs = this.#deafSince === undefined ? 0 : this.#host.clock.now() - this.#deafSince;
    }
    this.#advance(page, encoded, asked.catchUp);
    if (asked.catchUp && isComplete(page)) {
      this.#mustCatchUp = false;
      this.#deafSince = undefined;
      this.#next = undefined;
      this.#drainQueue(asked.queued);
      this.#considerReached(asked.number);
    }
    // The log lies behind what we have, though nothing came in since we asked.
    const behind = asked.tail === this.#tail && compareCursors(page.last, asked.tail) < 0;
    // Gone: it took nothing with it that we do not have, for we listened without a break. Replaced: let a catch-up decide, before
    // anybody is told of a tail that the log will not reach.
    const gone = behind && isOrigin(page.last);
    if (behind && !gone && !asked.catchUp) this.#mustCatchUp = true;
    if (isComplete(page)) this.#waiting.forgetLevels(page.last, asked);
    const moved =
      !this.#doubts && (!behind || gone) && this.#waiting.serveFromPage({ page, encoded, asked, gone }, this.#state);
    if (moved || asked.catchUp || this.#mustCatchUp || this.#tail !== before) {
      this.#stalls = 0;
    } else if (++this.#stalls < MAX_STALLS) {
      // What the log holds has not reached us yet on the subscription.
      this.#loop.pauseFor(STALL_MS * this.#stalls, true);
    } else {
      this.#stalls = 0;
      this.#mustCatchUp = true;
    }
  }

  /**
   * Reads run ahead of the subscription: what a page holds above the tail goes into the topic first. Only a catch-up may
   * conclude that something is missing; otherwise it may still be on its way to us.
   */
  #advance(page: Page, encoded: EncodedPage, catchUp: boolean): void {
    const tail = this.#tail as RealtimeCursor;
    const verdict = judge(tail, page, this.#keeping, catchUp ? this.#next : undefined);
    if (verdict.kind === "gap" && catchUp) {
      const { cursor, reason } = verdict;
      this.#skip(Frame.ofGap({ channel: this.channel, after: tail, cursor, reason }));
    }
    this.#sawNoLog(page.last);
    if (verdict.kind === "gap" && !catchUp && isOrigin(verdict.cursor) && isOrigin(tail)) this.#doubt();
    if (verdict.kind === "short" || (verdict.kind === "gap" && !catchUp)) return;
    // Behind the last doubt.
    if (verdict.kind === "gap" && verdict.cursor !== this.#tail)
      this.#emit(Frame.ofPosition(this.channel, this.#tail as RealtimeCursor));
    for (const frame of encoded.slice(verdict.from)) {
      if (!frame.gap) this.#accept(frame);
      else if (catchUp) this.#skip(frame);
      else return;
    }
  }

  /** @param heardBefore how many were heard before the last read: the log held them then, or holds them no more. */
  #drainQueue(heardBefore: number): void {
    const { entries, overflowed } = this.#queue.take();
    if (overflowed) {
      this.#mustCatchUp = true;
      return;
    }
    for (const entry of entries.slice(heardBefore)) {
      if (compareCursors(entry.id, this.#tail as RealtimeCursor) > 0) this.hear(entry);
    }
  }

  /** Reads again if the log was said to have gone further since this read was asked for. */
  #considerReached(read: number): void {
    const reached = this.#reached;
    if (!reached) return;
    const isAhead = compareCursors(reached.last, this.#tail as RealtimeCursor) > 0;
    if (isAhead && read <= reached.asked) this.#mustCatchUp = true;
    else this.#reached = undefined;
  }

  /** Hands a feed that has everything over to the live ones, in one synchronous turn. @returns whether it could be */
  #goLive(feed: Feed): boolean {
    // What this turn brought so far is in the feed's hands already: it must not get it again with the others.
    this.flush();
    if (feed.session.blocked || !this.#waiting.delete(feed)) return false;
    this.#watch.caughtUp(feed);
    feed.state = "live";
    feed.levelledAt = this.#flushed;
    feed.gapped = false;
    feed.replayed = 0;
    feed.toldTail = undefined;
    this.#live.add(feed);
    return true;
  }

  // The end

  /**
   * The broker answered a read with an error, which may pass or stay. Who waits to be joined is told so, and can ask again. Who was
   * joined counts on the channel: it is read until it can be read again, from where everybody stands.
   */
  #refused(error: unknown): void {
    const isFirst = !this.#isRefused;
    this.#isRefused = true;
    const unjoined = [...this.#waiting.all].filter((feed) => feed.start);
    if (unjoined.length === this.feeds) {
      this.fail(error);
      return;
    }
    for (const feed of unjoined) this.#waiting.delete(feed);
    for (const feed of unjoined) feed.session.failed(feed, "channel_unavailable");
    if (isFirst) this.#host.refused(this, error);
  }

  /** Tells every feed that the channel cannot be had, and ends. Only for a topic to which nobody was joined. */
  fail(error: unknown): void {
    const feeds = [...this.#waiting.all];
    this.close();
    for (const feed of feeds) feed.session.failed(feed, "channel_unavailable");
    this.#host.failed(this, error);
  }

  close(): void {
    this.#closed = true;
    this.#hearing = false;
    this.#dated.stop();
    for (const feed of this.#waiting.all) this.#watch.left(feed);
    this.#loop.stop();
    this.#queue.clear();
    this.#ring.clear();
    this.#live.clear();
    this.#waiting.clear();
    this.#turn = [];
  }
}
