import type { LocateRange, Page } from "../brokers/broker.ts";
import { compareCursors, isOrigin, laterOf, ORIGIN, originAt, timeOf, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { PAGE_BYTES } from "../protocol/limits.ts";
import type { EncodedPage } from "./encoded-page.ts";
import type { Feed } from "./feed.ts";
import { Batch, Frame } from "./frame.ts";
import { isComplete, isNewborn, isUnbroken, judge, type Keeping, type Verdict } from "./merge.ts";
import type { PageShelf } from "./page-shelf.ts";
import type { Ring } from "./ring.ts";
import type { TopicWatch } from "./watch.ts";

/** What stood when a page was asked for. */
export interface Asked {
  readonly number: number;
  readonly after: RealtimeCursor;
  /** Only such a read may conclude that something is missing. */
  readonly catchUp: boolean;
  readonly tail: RealtimeCursor;
  /** Entries in the queue: the log held them at the time of the read, or will never hold them again. */
  readonly queued: number;
}

/** A page and what it was read for. */
export interface Answer {
  readonly page: Page;
  readonly encoded: EncodedPage;
  readonly asked: Asked;
  /** Whether there is no log any more: then the position before the next one is level with our tail. */
  readonly gone: boolean;
}

/** What the log is to be asked for: the entries after a position, or where the newest of a range begin. */
export type Wanted = { readonly after: RealtimeCursor } | (LocateRange & { readonly after?: undefined });

/** Where a topic stands. */
export interface TopicState {
  /** Up to where it has the log; `undefined` before it was read. */
  readonly tail: RealtimeCursor | undefined;
  /** Whether that has to be proved by a read before anything else. */
  readonly mustCatchUp: boolean;
  readonly keeping: Keeping;
}

export interface WaitingFeedsOptions {
  readonly channel: string;
  /** The topic's newest frames. */
  readonly ring: Ring;
  readonly shelf: PageShelf;
  readonly watch: TopicWatch;
  /** Hands a feed that has everything over to the live ones. @returns whether it could be: then it waits no more */
  goLive(feed: Feed): boolean;
}

/**
 * The feeds of a topic that are not live: those that were not joined yet, that are replayed, or that lag. Each stands at a place of its
 * own in the log, and is served from the ring, from what others made the topic read, or from a page, until it stands where the topic does.
 */
export class WaitingFeeds {
  readonly #channel: string;
  readonly #ring: Ring;
  readonly #shelf: PageShelf;
  readonly #watch: TopicWatch;
  readonly #goLive: (feed: Feed) => boolean;
  readonly #waiting = new Set<Feed>();
  /** Where the topic stood when they were last served. */
  #state!: TopicState;

  constructor({ channel, ring, shelf, watch, goLive }: WaitingFeedsOptions) {
    this.#channel = channel;
    this.#ring = ring;
    this.#shelf = shelf;
    this.#watch = watch;
    this.#goLive = goLive;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get all(): Iterable<Feed> {
    return this.#waiting;
  }

  has(feed: Feed): boolean {
    return this.#waiting.has(feed);
  }

  /** @param asked the number of the topic's last read: a page that was asked for by then proves nothing about this feed. */
  add(feed: Feed, asked: number): void {
    feed.waitsSince = asked;
    this.#waiting.add(feed);
  }

  /** @returns whether it waited. */
  delete(feed: Feed): boolean {
    const waited = this.#waiting.delete(feed);
    if (this.#waiting.size === 0) this.#shelf.clear();
    return waited;
  }

  clear(): void {
    this.#shelf.clear();
    this.#waiting.clear();
  }

  /** What was read before a gap does not lead to the tail any more. */
  forgetPages(): void {
    this.#shelf.clear();
  }

  /** What the log is to be asked for on their behalf: where the newest n begin, or the entries after the oldest position. */
  next(tail: RealtimeCursor): Wanted | undefined {
    let oldest: RealtimeCursor | undefined;
    let lowest: RealtimeCursor | undefined;
    for (const { session, start, position } of this.#waiting) {
      if (position !== undefined && (lowest === undefined || compareCursors(position, lowest) < 0)) lowest = position;
      if (session.blocked) continue;
      if (start?.kind === "newest" && position === undefined) {
        return { newest: start.count, start: start.from, end: start.to };
      }
      if (position === undefined) continue;
      // A client that is ahead of us saw the newest entries on another server: we read from our own tail to draw level.
      const from = compareCursors(start?.level ?? position, tail) > 0 ? tail : position;
      if (oldest === undefined || compareCursors(from, oldest) < 0) oldest = from;
    }
    if (lowest !== undefined) this.#shelf.dropBelow(lowest);
    return oldest === undefined ? undefined : { after: oldest };
  }

  /** The newest n of a range begin behind a position. */
  located({ newest, start, end }: LocateRange, after: RealtimeCursor): void {
    for (const feed of this.#waiting) {
      if (feed.start?.kind !== "newest") continue;
      const { count, from, to } = feed.start;
      if (count === newest && from === start && to === end) feed.position ??= after;
    }
  }

  /** Serves those for whom the ring, the pages that others read, or the tail alone, is enough. */
  serveFromMemory(state: TopicState, feeds: Iterable<Feed> = this.#waiting): void {
    this.#state = state;
    const { tail } = state;
    if (tail === undefined || state.mustCatchUp) return;
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
    return isUnbroken(position, timeOf(tail), this.#state.keeping);
  }

  /** The log ends at `last`: there is nothing further to draw level with. */
  forgetLevels(last: RealtimeCursor, asked: Asked): void {
    for (const feed of this.#waiting) {
      const { start, waitsSince } = feed;
      if (start?.level && waitsSince < asked.number && compareCursors(start.level, last) > 0)
        feed.start = { ...start, level: undefined };
    }
  }

  /** @returns whether any feed moved. */
  serveFromPage({ page, encoded, asked, gone }: Answer, state: TopicState): boolean {
    this.#state = state;
    const tail = state.tail as RealtimeCursor;
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
      if (feed.start && state.mustCatchUp) continue;
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
    const tail = this.#state.tail as RealtimeCursor;
    const verdict = judge(position, page, this.#state.keeping);
    // Gapped twice without having been live in between: go on at the tail, or a slow reader re-fetches for ever.
    if (verdict.kind !== "gap" || !feed.gapped || compareCursors(verdict.cursor, tail) >= 0) return verdict;
    return { ...verdict, cursor: tail, from: page.entries.length };
  }

  #gapFeed(feed: Feed, { cursor, reason, last }: Pick<Gap, "cursor" | "reason"> & { readonly last: RealtimeCursor }): void {
    const after = feed.position as RealtimeCursor;
    this.#announce(feed, last);
    feed.gapped = true;
    if (reason === "reset") feed.toldTail = undefined;
    this.#give(feed, new Batch([Frame.ofGap({ channel: this.#channel, after, cursor, reason })]));
  }

  /** @param last the log's last id; the origin when there is no log any more. */
  #announce(feed: Feed, last: RealtimeCursor = this.#state.tail as RealtimeCursor): void {
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
    const tail = this.#state.tail as RealtimeCursor;
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
      this.#give(feed, new Batch([Frame.ofPosition(this.#channel, level)]));
    // The log was replaced since: who waits for that tail, or has it from elsewhere, must hear of it.
    else if (!isLevel && feed.toldTail && compareCursors(feed.toldTail, level) > 0)
      this.#gapFeed(feed, { cursor: level, reason: "reset", last: level });
    return this.#goLive(feed);
  }
}

/** A position before the first entry, with the time at which `page` says that there was none. */
function datedIn({ entries: [first], last }: Page, position: RealtimeCursor): RealtimeCursor {
  if (position !== ORIGIN) return position;
  if (!first) return isOrigin(last) ? last : position;
  return isNewborn(first) ? originAt(timeOf(first.id)) : position;
}
