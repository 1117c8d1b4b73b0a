import { joinBytes } from "../protocol/bytes.ts";
import type { Clock, Timer } from "../protocol/clock.ts";
import type { WireCode } from "../protocol/codes.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { WIRE_CODES } from "../protocol/codes.ts";
import {
  connectedFrame,
  HEARTBEAT_FRAME,
  idLine,
  problemFrame,
  reconnectFrame,
  streamPositionFrame,
} from "../protocol/frames.ts";
import { MAX_BUFFERED_BYTES, MAX_REPLAY_BYTES, MAX_STALLED_HEARTBEATS, MAX_TOTAL_BUFFERED_BYTES } from "../protocol/limits.ts";
import type { Backlog, SlowReader } from "./backlog.ts";
import type { Feed, Session } from "./feed.ts";
import { encode, type Batch } from "./frame.ts";
import { TICKS_PER_INTERVAL, type Beating, type Heartbeat } from "./heartbeat.ts";
import type { SessionReader } from "./observer.ts";
import type { HubWatch } from "./watch.ts";

/** The port to a transport: bytes out of a session. */
export interface Sink {
  /** @returns whether more may follow. After `false` the session waits for {@link StreamSession.drained}. */
  write(bytes: Uint8Array): boolean;
  /** Bytes that the reader has not taken, as far as this process can see. */
  readonly waiting: number;
  /** Ends the response, behind all that was written. Either this or `abandon` is called, once. */
  end(): void;
  /** Ends the response and throws away what waits: its reader takes nothing, so that it could wait for ever. */
  abandon(): void;
}

/** What all streams and pages of a hub share. */
export interface SessionHost {
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  readonly watch: HubWatch;
  readonly backlog: Backlog;
  /** Calls `flush` of the session at the end of the turn. */
  scheduleSession(session: Flushed): void;
}

/** What gathers for a turn. */
export interface Flushed {
  /** The end of the turn. */
  flush(): void;
}

/** Whose a stream or page is: told of its beginning and of its end. A `Set` is one. */
export interface SessionOwner<S> {
  add(session: S): void;
  delete(session: S): void;
  readonly reader?: SessionReader | undefined;
}

export interface StreamOptions {
  /** Whether the reader keeps cursors per channel (our client, `v=1`). A plain `EventSource` has one `Last-Event-ID`. */
  readonly keepsCursors: boolean;
  /** Life of the stream; `Infinity` for one without end. */
  readonly maxDurationMs: number;
  /** Bytes of one channel that it catches up on; above that it goes on at the end of the log. @default 64 MB */
  readonly maxReplayBytes?: number | undefined;
  /** Bytes that one turn may gather; what there is besides waits until these are written. @default 256 kB */
  readonly maxBufferedBytes?: number | undefined;
  /** Bytes that may wait for all slow readers of the hub. @default 256 MB */
  readonly maxTotalBufferedBytes?: number | undefined;
  readonly owner: SessionOwner<StreamSession>;
}

const HEARTBEAT_BYTES = encode(HEARTBEAT_FRAME);
const MAX_STALLED_TICKS = MAX_STALLED_HEARTBEATS * TICKS_PER_INTERVAL;
/** The stream ends this long, or a tenth of its life, before the limit: clients move over in the meantime. */
const FAREWELL_MS = 10_000;
/** A stream is kept this long after the time at which its client was told to have moved. */
const OVERLAP_SHARE = 0.5;

/** A stream to a browser: frames in, at most one write per turn out. */
export class StreamSession implements Session, Beating, Flushed, SlowReader {
  lastWrite = 0;
  blocked = false;
  readonly maxReplayBytes: number;
  readonly #sink: Sink;
  readonly #host: SessionHost;
  readonly #options: StreamOptions;
  /** In the order of the request, which is the order of the cursors in a position frame; empty where there is no feed. */
  #feeds: ReadonlyArray<Feed | undefined> = [];
  /** The only channel's frames carry an `id:`; with several, and no cursors at the reader, a position frame does. */
  readonly #solo: boolean;
  /** What this turn brought, unless it could be written through. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Whether it takes nothing more only because this turn has brought so much. */
  #isFull = false;
  /** Whether it moved the position of a channel. */
  #moved = false;
  /** Bytes that were written; without those that wait, what the reader took. */
  #given = 0;
  /** What it had taken at the last visit of the heartbeat. */
  #taken = 0;
  /** What waited at that visit. */
  #waited = 0;
  /** The tick at which it was first seen to take nothing, though something waits. */
  #stalledSince: number | undefined;
  #lifeTimer: Timer | undefined;
  #saidFarewell = false;
  #ended = false;

  /** @param channels how many the stream has. */
  constructor(sink: Sink, host: SessionHost, options: StreamOptions & { readonly channels: number }) {
    this.#sink = sink;
    this.#host = host;
    this.#options = options;
    this.#solo = options.channels === 1;
    this.maxReplayBytes = options.maxReplayBytes ?? MAX_REPLAY_BYTES;
    options.owner.add(this);
    host.heartbeat.add(this);
    this.#planFarewell();
    // A first byte at once, so that no proxy holds the headers back. `retry:` is for a plain `EventSource`.
    this.#append(encode("retry: 1000\n:\n\n"));
  }

  /** Whether its reader knows what a `reconnect` is. */
  get keepsCursors(): boolean {
    return this.#options.keepsCursors;
  }

  get reader(): SessionReader | undefined {
    return this.#options.owner.reader;
  }

  /** Bytes that were written so far. */
  get bytesSent(): number {
    return this.#given;
  }

  /** The feeds of this stream, in the order of its request. Called once, in the turn of the constructor. */
  open(feeds: ReadonlyArray<Feed | undefined>): void {
    this.#feeds = feeds;
  }

  joined(feed: Feed, tail: RealtimeCursor): void {
    const cursor = feed.position as RealtimeCursor;
    this.#moved = true;
    const { channel } = feed;
    const frame = connectedFrame({ channel, cursor, tail, heartbeatMs: this.#host.heartbeat.intervalMs });
    this.#append(encode(this.#solo ? idLine(cursor) + frame : frame));
  }

  deliver(_feed: Feed, batch: Batch): void {
    const bytes = batch.bytes(this.#solo);
    this.#moved = true;
    if (this.#solo && this.#pending.length === 0) this.#write(bytes);
    else this.#append(bytes);
  }

  failed(feed: Feed, code: WireCode): void {
    // Of one that may be had another time the position stays, for an `EventSource` that comes back with it.
    if (!WIRE_CODES[code].retry) this.#feeds = this.#feeds.map((other) => (other === feed ? undefined : other));
    this.problem(feed.channel, code);
  }

  /** Tells the client that one of its channels cannot be had; the rest flows. */
  problem(channel: string, code: WireCode): void {
    this.#append(encode(problemFrame({ code, channel, retry: WIRE_CODES[code].retry })));
  }

  /** Whether this channel flows on it, or will. */
  has(channel: string): boolean {
    return this.#feeds.some((feed) => feed?.channel === channel);
  }

  /** Takes a channel from the client, and tells it why; the rest flows. */
  withdraw(channel: string, code: WireCode): void {
    const feed = this.#feeds.find((each) => each?.channel === channel);
    if (!feed) return;
    feed.detach();
    this.failed(feed, code);
  }

  /** Tells the client, unless it was told before, to open its next stream so long from now. Who calls this ends the stream. */
  farewell(delayMs: number): void {
    if (this.#saidFarewell) return;
    this.#saidFarewell = true;
    this.#host.clock.clearTimeout(this.#lifeTimer);
    this.#append(encode(reconnectFrame({ delayMs })));
  }

  /** The end of the turn: writes what it brought, in one piece. */
  flush(): void {
    if (this.#pending.length === 0 || this.#ended) return;
    const parts = this.#pending;
    const wasFull = this.#isFull;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#isFull = false;
    if (this.#moved && !this.#solo && !this.#options.keepsCursors) {
      parts.push(encode(streamPositionFrame(this.#feeds.map((feed) => feed?.resumption ?? ""))));
    }
    this.#moved = false;
    if (this.#write(joinBytes(parts)) && wasFull) this.drained();
  }

  visit(isSilent: boolean): void {
    const { waiting } = this.#sink;
    const taken = this.#given - waiting;
    if (waiting === 0 || taken > this.#taken) this.#stalledSince = undefined;
    else this.#stalledSince ??= this.#host.heartbeat.tick;
    this.#taken = taken;
    // What is there at one look may be on its way; at two of them its reader is slow.
    const behind = Math.min(waiting, this.#waited);
    this.#waited = waiting;
    this.#host.backlog.note(this, behind, this.#options.maxTotalBufferedBytes ?? MAX_TOTAL_BUFFERED_BYTES);
    if (this.#stalledSince !== undefined && this.#host.heartbeat.tick - this.#stalledSince >= MAX_STALLED_TICKS) {
      // Some hosts signal in no way that a client has left; and a tab that sleeps keeps its connection, and takes nothing.
      this.#finish("abandon");
    } else if (isSilent && waiting === 0 && !this.blocked && this.#pending.length === 0) {
      // Who has not taken what waits needs no sign of life, and must not pile them up.
      this.#write(HEARTBEAT_BYTES);
    }
  }

  /** The transport takes bytes again. */
  drained(): void {
    if (!this.blocked || this.#ended) return;
    this.blocked = false;
    for (const feed of this.#feeds) feed?.resume();
  }

  /** Ends the stream from either side. Safe to call twice. */
  end(): void {
    this.#finish(this.#stalledSince === undefined ? "end" : "abandon");
  }

  letGo(): void {
    this.#finish("abandon");
  }

  #finish(how: "end" | "abandon"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.clock.clearTimeout(this.#lifeTimer);
    this.#host.heartbeat.remove(this);
    this.#host.backlog.forget(this);
    for (const feed of this.#feeds) feed?.detach();
    this.#feeds = [];
    this.#pending = [];
    this.#sink[how]();
    this.#options.owner.delete(this);
  }

  #append(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (this.#pending.push(bytes) === 1) this.#host.scheduleSession(this);
    this.#pendingBytes += bytes.length;
    // Each of its channels can have a page in memory, and nothing is written before the turn ends.
    if (this.blocked || this.#pendingBytes < (this.#options.maxBufferedBytes ?? MAX_BUFFERED_BYTES)) return;
    this.#isFull = true;
    this.#block();
  }

  /** @returns whether more may follow. */
  #write(bytes: Uint8Array): boolean {
    if (this.#ended) return false;
    this.lastWrite = this.#host.heartbeat.tick;
    this.#given += bytes.length;
    this.#host.watch.bytesSent += bytes.length;
    const takesMore = this.#sink.write(bytes);
    if (!takesMore && !this.blocked && !this.#ended) this.#block();
    return takesMore;
  }

  #block(): void {
    this.blocked = true;
    for (const feed of this.#feeds) feed?.lag();
  }

  /**
   * Serverless platforms cut a response at their limit. Shortly before, the client is told to open the next stream, at a time
   * that spreads a herd; this one stays live meanwhile, so that nothing waits for the change.
   */
  #planFarewell(): void {
    const { clock } = this.#host;
    const { maxDurationMs } = this.#options;
    if (maxDurationMs === Number.POSITIVE_INFINITY) return;
    const farewellMs = Math.min(FAREWELL_MS, maxDurationMs / 10);
    this.#lifeTimer = clock.setTimeout(() => {
      const delayMs = Math.floor(clock.random() * farewellMs * OVERLAP_SHARE);
      this.farewell(delayMs);
      // What still waits then would have nobody who sees whether it is ever taken.
      this.#lifeTimer = clock.setTimeout(() => this.#finish(this.#sink.waiting === 0 ? "end" : "abandon"), farewellMs * 0.9);
    }, maxDurationMs - farewellMs);
  }
}
