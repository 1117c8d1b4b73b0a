import type { Timer } from "../protocol/clock.ts";
import { WIRE_CODES, type WireCode } from "../protocol/codes.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { pageBody, pageEvent, pageFrame } from "../protocol/frames.ts";
import { MAX_BUFFERED_BYTES, PAGE_JOIN_MS, PAGE_STRAGGLER_MS } from "../protocol/limits.ts";
import { utf8Length } from "../protocol/utf8-length.ts";
import { formatStart, type Feed, type FeedStart, type Session } from "./feed.ts";
import type { Batch, Frame } from "./frame.ts";
import type { SessionReader } from "./observer.ts";
import type { Flushed, SessionHost, SessionOwner } from "./stream-session.ts";

export interface PageOptions {
  /** How long the page waits for an event when there is none. */
  readonly waitMs: number;
  /** How long a response may take; `Infinity` for one without end. */
  readonly maxDurationMs: number;
  /** A page that has so many is full. @default 256 kB */
  readonly maxBytes?: number | undefined;
  readonly owner: SessionOwner<PageSession>;
}

/** Of the time that a response may take, the part that a page waits at most. */
const LIFE_SHARE = 0.9;

/**
 * A page to a browser that cannot have a stream, or to `curl`: a subscriber for a moment, that gathers what a stream would be
 * given. It is over at the end of the turn that brought something, once each channel was joined or refused; or after its wait.
 */
export class PageSession implements Session, Flushed {
  blocked = false;
  /** Bytes of the page; 0 until there is one. */
  bytesSent = 0;
  readonly #host: SessionHost;
  readonly #owner: SessionOwner<PageSession>;
  readonly #starts: readonly FeedStart[];
  readonly #maxBytes: number;
  readonly #answer: (body: string | undefined) => void;
  /** When it is over though nothing came. */
  readonly #waitEnd: number;
  /** When it is over though not every channel could be joined. */
  readonly #joinEnd: number;
  /** In the order of the request; empty where there is no feed. */
  #feeds: ReadonlyArray<Feed | undefined> = [];
  /** Where each channel stands by what the page tells: the next one goes on there. */
  readonly #told = new Map<Feed, RealtimeCursor>();
  readonly #frames: string[] = [];
  #bytes = 0;
  /** Channels that were neither joined nor refused. */
  #awaited = 0;
  /** When the first frame came that moves a cursor. */
  #movedAt: number | undefined;
  #scheduled = false;
  #timer: Timer | undefined;
  #ended = false;

  /** @param answer is called once: with the page, or with nothing when the session was ended before there was one. */
  constructor(
    host: SessionHost,
    {
      waitMs,
      maxDurationMs,
      maxBytes = MAX_BUFFERED_BYTES,
      owner,
      starts,
    }: PageOptions & { readonly starts: readonly FeedStart[] },
    answer: (body: string | undefined) => void,
  ) {
    this.#host = host;
    this.#owner = owner;
    this.#starts = starts;
    this.#maxBytes = maxBytes;
    this.#answer = answer;
    const openedAt = host.clock.now();
    const lifeMs = maxDurationMs * LIFE_SHARE;
    this.#waitEnd = openedAt + Math.min(waitMs, lifeMs);
    this.#joinEnd = openedAt + Math.min(Math.max(waitMs, PAGE_JOIN_MS), lifeMs);
    owner.add(this);
    host.watch.pages++;
  }

  get reader(): SessionReader | undefined {
    return this.#owner.reader;
  }

  /** The feeds of this page, in the order of its request. Called once, in the turn of the constructor. */
  open(feeds: ReadonlyArray<Feed | undefined>): void {
    this.#feeds = feeds;
    this.#awaited = feeds.filter((feed) => feed !== undefined).length;
    this.#schedule();
  }

  joined(feed: Feed, tail: RealtimeCursor): void {
    this.#awaited--;
    const { channel } = feed;
    const cursor = feed.position as RealtimeCursor;
    this.#told.set(feed, cursor);
    const { intervalMs: heartbeatMs } = this.#host.heartbeat;
    this.#say(pageFrame({ type: "connected", channel, cursor, tail, heartbeatMs }));
  }

  deliver(feed: Feed, batch: Batch): void {
    if (this.#ended) return;
    for (const frame of batch.frames) {
      // A position alone is nothing to be told at once: the next page would be too.
      if (frame.hasContent) this.#movedAt ??= this.#host.clock.now();
      this.#bytes += frame.bytes(false).length;
      this.#told.set(feed, frame.cursor);
      this.#say(textOf(frame));
    }
    if (this.blocked || this.#bytes < this.#maxBytes) return;
    // The next page goes on from there.
    this.blocked = true;
    for (const each of this.#feeds) each?.lag();
  }

  failed(feed: Feed, code: WireCode): void {
    this.#awaited--;
    this.problem(feed.channel, code);
  }

  /** Tells the client that one of its channels cannot be had; the rest flows. */
  problem(channel: string, code: WireCode): void {
    this.#say(pageFrame({ type: "problem", code, channel, retry: WIRE_CODES[code].retry }));
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#ended) return;
    const { clock } = this.#host;
    clock.clearTimeout(this.#timer);
    const leftMs = this.#endsAt() - clock.now();
    if (leftMs <= 0) this.#finish();
    else this.#timer = clock.setTimeout(() => this.#finish(), leftMs);
  }

  /** Whether this channel is on it. */
  has(channel: string): boolean {
    return this.#feeds.some((feed) => feed?.channel === channel);
  }

  /** Answers at once, with what there is: the next page goes on from there. */
  conclude(): void {
    if (!this.#ended) this.#finish();
  }

  /** Ends the session before there is a page: nobody waits for it any more, or the server closes. Safe to call twice. */
  end(): void {
    if (this.#ended) return;
    this.#release();
    this.#answer(undefined);
  }

  /** When the page is over, by what it knows now. */
  #endsAt(): number {
    if (this.blocked) return Number.NEGATIVE_INFINITY;
    if (this.#awaited === 0) return this.#movedAt ?? this.#waitEnd;
    // A channel that was not joined is asked for anew with each page. Beside one that always has something it must have its time.
    return this.#movedAt === undefined ? this.#joinEnd : Math.min(this.#joinEnd, this.#movedAt + PAGE_STRAGGLER_MS);
  }

  #finish(): void {
    const at = this.#starts.map((start, index) => this.#told.get(this.#feeds[index] as Feed) ?? formatStart(start));
    const body = pageBody(at.join(","), this.#frames);
    this.bytesSent = utf8Length(body);
    this.#host.watch.bytesSent += this.bytesSent;
    this.#release();
    this.#answer(body);
  }

  #release(): void {
    this.#ended = true;
    this.#host.clock.clearTimeout(this.#timer);
    for (const feed of this.#feeds) feed?.detach();
    this.#feeds = [];
    this.#owner.delete(this);
    this.#host.watch.pages--;
  }

  #say(frame: string): void {
    this.#frames.push(frame);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    this.#host.scheduleSession(this);
  }
}

function textOf({ channel, cursor, gap, entry, isUnreadable }: Frame): string {
  if (gap) return pageFrame({ type: "gap", ...gap });
  if (!entry || isUnreadable) return pageFrame({ type: "position", channel, cursor });
  const { event, json } = entry;
  return pageEvent({ id: cursor, channel, event, json });
}
