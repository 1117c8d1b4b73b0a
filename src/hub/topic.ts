import type { Broker, Entry, LocateRange, Location, Page } from "../brokers/broker.ts";
import type { Clock } from "../protocol/clock.ts";
import { compareCursors, isOrigin, ORIGIN, originAt, timeOf, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { PAGE_BYTES, RING_BYTES } from "../protocol/limits.ts";
import { CONTROL_CHANNEL } from "../protocol/names.ts";
import { CatchUpQueue } from "./catch-up-queue.ts";
import { DatedTail } from "./dated-tail.ts";
import { EncodedPage } from "./encoded-page.ts";
import { Feed, type FeedSource, type FeedStart, type Session } from "./feed.ts";
import { Batch, Frame } from "./frame.ts";
import { isComplete, isNewborn, isUnbroken, judge, type Keeping, type Verdict } from "./merge.ts";
import { PageShelf } from "./page-shelf.ts";
import { ReadLoop, type Read } from "./read-loop.ts";
import type { ReadLimiter } from "./read-limiter.ts";
import { Ring, type ByteBudget } from "./ring.ts";
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

/** What stood when a page was asked for. */
interface Asked {
  readonly number: number;
  readonly after: RealtimeCursor;
  /** Only such a read may conclude that something is missing. */
  readonly catchUp: boolean;
  readonly tail: RealtimeCursor;
  /** Entries in the queue: the log held them at the time of the read, or will never hold them again. */
  readonly queued: number;
}

/** A page and what it was read for. */
interface Answer {
  readonly page: Page;
  readonly encoded: EncodedPage;
  readonly asked: Asked;
  /** Whether there is no log any more: then the position before the next one is level with our tail. */
  readonly gone: boolean;
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
  readonly #shelf: PageShelf;
  readonly #queue: CatchUpQueue;
  readonly #live = new Set<Feed>();
  readonly #waiting = new Set<Feed>();
  /** Frames accepted in this turn and not yet given to the live feeds. */
  #turn: Frame[] = [];
  #tail: RealtimeCursor | undefined;
  #flushed: RealtimeCursor = ORIGIN;
  /** Whether the subscription is acknowledged and unbroken. */
  #hearing = false;
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
    this.#shelf = new PageShelf(host.shelfBudget);
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
    this.#wait(feed);
    // Not before the session holds the feed.
    queueMicrotask(() => this.#loop.look());
    return feed;
  }

  detach(feed: Feed): void {
    const known = this.#live.delete(feed) || this.#leave(feed);
    this.#watch.left(feed);
    if (known && this.feeds === 0 && !this.#closed) this.#host.idle(this);
  }

  lag(feed: Feed): void {
    if (!this.#live.delete(feed)) return;
    feed.position = feed.cursor;
    feed.state = "lagging";
    this.#watch.fellBehind(feed);
    this.#wait(feed);
  }

  #wait(feed: Feed): void {
    feed.waitsSince = this.#asked;
    this.#waiting.add(feed);
  }

  /** @returns whether it waited. */
  #leave(feed: Feed): boolean {
    const waited = this.#waiting.delete(feed);
    if (this.#waiting.size === 0) this.#shelf.clear();
    return waited;
  }

  resume(feed: Feed): void {
    if (!this.#waiting.has(feed)) return;
    const before = feed.position;
    if (this.#hearing) this.#serveFromMemory([feed]);
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
    this.#shelf.clear();
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
    this.#serveFromMemory();
    if (this.#tail === undefined) return this.feeds > 0 ? this.#locate({ newest: 0 }) : undefined;
    if (this.#mustCatchUp) return this.#read(this.#tail, true);
    let oldest: RealtimeCursor | undefined;
    let lowest: RealtimeCursor | undefined;
    for (const { session, start, position } of this.#waiting) {
      if (position !== undefined && (lowest === undefined || compareCursors(position, lowest) < 0)) lowest = position;
      if (session.blocked) continue;
      if (start?.kind === "newest" && position === undefined) {
        return this.#locate({ newest: start.count, start: start.from, end: start.to });
      }
      if (position === undefined) continue;
      // A client that is ahead of us saw the newest entries on another server: we read from our own tail to draw level.
      const from = compareCursors(start?.level ?? position, this.#tail) > 0 ? this.#tail : position;
      if (oldest === undefined || compareCursors(from, oldest) < 0) oldest = from;
    }
    if (lowest !== undefined) this.#shelf.dropBelow(lowest);
    return oldest === undefined ? undefined : this.#read(oldest, false);
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
    for (const feed of this.#waiting) {
      if (feed.start?.kind !== "newest") continue;
      const { count, from, to } = feed.start;
      if (count === newest && from === start && to === end) feed.position ??= after;
    }
  }

  #apply(page: Page, asked: Asked): void {
    const before = this.#tail;
    this.#aliveSince = page.aliveSince ?? this.#aliveSince;
    const encoded = new EncodedPage(this.channel, page);
    const unreadable = encoded.entries.find((frame) => frame.isUnreadable);
    if (unreadable) this.#host.unreadable(this.channel, unreadable.cursor);
    if (asked.catchUp) this.#doubts = false;
    this.#advance(page, encoded, asked.catchUp);
    if (asked.catchUp && isComplete(page)) {
      this.#mustCatchUp = false;
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
    if (isComplete(page)) this.#forgetLevels(page.last, asked);
    const moved = !this.#doubts && (!behind || gone) && this.#serveFromPage({ page, encoded, asked, gone });
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

  // Feeds that wait

  /** Serves those for whom the ring, the pages that others read, or the tail alone, is enough. */
  #serveFromMemory(feeds: Iterable<Feed> = this.#waiting): void {
    const tail = this.#tail;
    if (tail === undefined || this.#mustCatchUp) return;
    for (const feed of feeds) {
      // Ahead of us: the log tells.
      if (feed.start?.level && compareCursors(feed.start.level, tail) > 0) continue;
      if (feed.start?.kind === "live") {
        feed.position = tail;
      } else if (feed.start?.kind === "held" || feed.position === undefined) {
        continue;
      }
      while (!feed.session.blocked && this.#waiting.has(feed) && feed.position !== tail) {
        // Before a birth: of which life of the log, only the log can say. The one that we have in memory may be over, and was shown.
        if (isOrigin(feed.position)) break;
        const frames = this.#ring.after(feed.position, PAGE_BYTES);
        // Not for who returns: by what it is told of a log, one server must be like the other.
        const batch = frames ? new Batch(frames) : feed.start ? undefined : this.#shelf.after(feed.position);
        if (!batch) break;
        this.#give(feed, batch);
        this.#limitReplay(feed);
      }
      this.#goLiveAt(feed, tail, this.#isLevelWith(tail, feed.position));
    }
  }

  /** Whether nothing can have come between the time at which a reader knew of no log, and that at which we did. */
  #isLevelWith(tail: RealtimeCursor, position: RealtimeCursor): boolean {
    if (!isOrigin(tail) || !isOrigin(position) || compareCursors(position, tail) > 0) return false;
    return isUnbroken(position, timeOf(tail), this.#keeping);
  }

  /** The log ends at `last`: there is nothing further to draw level with. */
  #forgetLevels(last: RealtimeCursor, asked: Asked): void {
    for (const feed of this.#waiting) {
      const { start, waitsSince } = feed;
      if (start?.level && waitsSince < asked.number && compareCursors(start.level, last) > 0)
        feed.start = { ...start, level: undefined };
    }
  }

  /** @returns whether any feed moved. */
  #serveFromPage({ page, encoded, asked, gone }: Answer): boolean {
    const tail = this.#tail as RealtimeCursor;
    const end = encoded.entries.findLastIndex((frame) => compareCursors(frame.cursor, tail) <= 0) + 1;
    const suffixes = new Map<number, Batch>();
    const level = gone ? page.last : tail;
    this.#shelve(encoded, end);
    // Who comes next finds it in memory: those who return to a server that is new to the channel do not all come at the same moment.
    if (encoded.isUnbroken && encoded.entries[end - 1]?.cursor === tail) this.#ring.extend(encoded.entries.slice(0, end));
    let moved = false;
    for (const feed of this.#waiting) {
      const before = feed.position;
      if (before === undefined || feed.session.blocked || feed.start?.kind === "live") continue;
      // In the middle of a catch-up the tail is not the log's end, which is what a feed that is joined is told.
      if (feed.start && this.#mustCatchUp) continue;
      // Waits since after we had asked, or further back: this page proves nothing about it.
      if (feed.waitsSince >= asked.number || compareCursors(before, asked.after) < 0) continue;
      // Ahead of us: the next page tells, unless this one was the last. What is to be drawn level with is waited for.
      const isAhead = compareCursors(feed.start?.level ?? before, tail) > 0;
      if (isAhead && (feed.start?.level || !isComplete(page))) continue;
      const verdict = this.#judgeFeed(feed, page);
      if (verdict.kind === "short") continue;
      if (feed.replay) feed.replay.readsLog = true;
      // Nobody is told that what it never asked for is missing: all that is held, and the newest n, are what there is now.
      if (feed.start?.kind === "held" || feed.start?.kind === "newest")
        feed.position = verdict.kind === "gap" ? verdict.cursor : datedIn(page, before);
      else if (verdict.kind === "gap")
        this.#gapFeed(feed, { ...verdict, last: verdict.reason === "reset" ? level : laterOf(level, before) });
      // What the log holds can begin above our tail. Nobody is joined behind the end that it is told of.
      this.#announce(feed, laterOf(level, feed.position as RealtimeCursor));
      if (verdict.from < end && !feed.session.blocked && this.#waiting.has(feed)) {
        let batch = suffixes.get(verdict.from);
        if (!batch) suffixes.set(verdict.from, (batch = new Batch(encoded.slice(verdict.from, end))));
        this.#give(feed, batch);
        this.#limitReplay(feed);
      }
      const isLevel = isOrigin(level) && isOrigin(feed.position as RealtimeCursor);
      if (this.#goLiveAt(feed, level, isLevel) || feed.position !== before) moved = true;
    }
    return moved;
  }

  /** Keeps a page for those who are not there yet, or cannot take it now. Who reads alone passes each page once. */
  #shelve(encoded: EncodedPage, end: number): void {
    if (this.#waiting.size > 1 && encoded.isUnbroken) this.#shelf.keep(encoded.entries.slice(0, end));
  }

  #judgeFeed(feed: Feed, page: Page): Verdict {
    const position = feed.position as RealtimeCursor;
    const tail = this.#tail as RealtimeCursor;
    const verdict = judge(position, page, this.#keeping);
    // Gapped twice without having been live in between: go on at the tail, or a slow reader re-fetches for ever.
    if (verdict.kind !== "gap" || !feed.gapped || compareCursors(verdict.cursor, tail) >= 0) return verdict;
    return { ...verdict, cursor: tail, from: page.entries.length };
  }

  #gapFeed(feed: Feed, { cursor, reason, last }: Pick<Gap, "cursor" | "reason"> & { readonly last: RealtimeCursor }): void {
    const after = feed.position as RealtimeCursor;
    this.#announce(feed, last);
    feed.gapped = true;
    if (reason === "reset") feed.toldTail = undefined;
    this.#give(feed, new Batch([Frame.ofGap({ channel: this.channel, after, cursor, reason })]));
  }

  /** @param last the log's last id; the origin when there is no log any more. */
  #announce(feed: Feed, last: RealtimeCursor = this.#tail as RealtimeCursor): void {
    if (!feed.start) return;
    feed.start = undefined;
    const tail = feed.sawNoLog ? laterOf(last, feed.sawNoLog) : last;
    feed.toldTail = tail;
    feed.session.joined(feed, tail);
  }

  #give(feed: Feed, batch: Batch): void {
    this.#announce(feed);
    feed.position = (batch.frames.at(-1) as Frame).cursor;
    feed.replayed += batch.length;
    this.#watch.give(feed, batch.frames);
    feed.session.deliver(feed, batch);
  }

  /** Who was away for more than it may be given goes on at the tail, and is told so. What it was given until then it keeps. */
  #limitReplay(feed: Feed): void {
    const { replayed, position, session } = feed;
    const tail = this.#tail as RealtimeCursor;
    if (session.maxReplayBytes === undefined || replayed < session.maxReplayBytes || !this.#waiting.has(feed)) return;
    if (compareCursors(position as RealtimeCursor, tail) < 0)
      this.#gapFeed(feed, { cursor: tail, reason: "limit", last: tail });
  }

  /**
   * Hands a feed that has everything over to the live topic, in one synchronous turn.
   *
   * @param isLevel whether it has everything though it stands elsewhere: both stand before the same beginning
   */
  #goLiveAt(feed: Feed, level: RealtimeCursor, isLevel: boolean): boolean {
    const { position } = feed;
    if ((position !== level && !isLevel) || feed.session.blocked || !this.#waiting.has(feed)) return false;
    // Who asked for no position begins with one that has a date.
    if (isLevel && position === ORIGIN && feed.start && feed.start.kind !== "after") feed.position = level;
    this.#announce(feed, laterOf(level, position as RealtimeCursor));
    if (isLevel && compareCursors(feed.position as RealtimeCursor, level) < 0)
      this.#give(feed, new Batch([Frame.ofPosition(this.channel, level)]));
    // The log was replaced since: who waits for that tail, or has it from elsewhere, must hear of it.
    else if (!isLevel && feed.toldTail && compareCursors(feed.toldTail, level) > 0)
      this.#gapFeed(feed, { cursor: level, reason: "reset", last: level });
    // What this turn brought so far is in the feed's hands already: it must not get it again with the others.
    this.flush();
    if (feed.session.blocked || !this.#leave(feed)) return false;
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
    const unjoined = [...this.#waiting].filter((feed) => feed.start);
    if (unjoined.length === this.feeds) {
      this.fail(error);
      return;
    }
    for (const feed of unjoined) this.#leave(feed);
    for (const feed of unjoined) feed.session.failed(feed, "channel_unavailable");
    if (isFirst) this.#host.refused(this, error);
  }

  /** Tells every feed that the channel cannot be had, and ends. Only for a topic to which nobody was joined. */
  fail(error: unknown): void {
    const feeds = [...this.#waiting];
    this.close();
    for (const feed of feeds) feed.session.failed(feed, "channel_unavailable");
    this.#host.failed(this, error);
  }

  close(): void {
    this.#closed = true;
    this.#hearing = false;
    this.#dated.stop();
    for (const feed of this.#waiting) this.#watch.left(feed);
    this.#loop.stop();
    this.#queue.clear();
    this.#shelf.clear();
    this.#ring.clear();
    this.#live.clear();
    this.#waiting.clear();
    this.#turn = [];
  }
}

/** A position before the first entry, with the time at which `page` says that there was none. */
function datedIn({ entries: [first], last }: Page, position: RealtimeCursor): RealtimeCursor {
  if (position !== ORIGIN) return position;
  if (!first) return isOrigin(last) ? last : position;
  return isNewborn(first) ? originAt(timeOf(first.id)) : position;
}

function laterOf(a: RealtimeCursor, b: RealtimeCursor): RealtimeCursor {
  return compareCursors(a, b) < 0 ? b : a;
}
