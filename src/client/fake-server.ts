/** A server of the tests: logs, and streams that stand, stutter and break wherever a test wants. It speaks the wire of `frames.ts`. */
import { compareCursors, isCursorText, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { connectedFrame, eventFrame, gapFrame, HEARTBEAT_FRAME, positionFrame, reconnectFrame } from "../protocol/frames.ts";
import { createSseParser } from "./sse-parser.ts";
// Loaded by now, so that it takes no time when a client has something to explain.
import "./explain.ts";

/** An entry of a log. One with the event "" cannot be delivered: it is a `position` on the wire. */
export interface FakeEntry {
  readonly id: RealtimeCursor;
  readonly prev: RealtimeCursor;
  readonly event: string;
  /** Whether the log holds it no more. */
  gone: boolean;
}

/** A channel's log, and all that it ever held. */
export class FakeLog {
  entries: FakeEntry[] = [];
  last: RealtimeCursor = ORIGIN;
  readonly ever: Map<string, FakeEntry> = new Map();
  /** How often it was replaced by another log. */
  resets = 0;

  append(id: RealtimeCursor, event: string): void {
    const entry: FakeEntry = { id, prev: this.last, event, gone: false };
    this.entries.push(entry);
    this.ever.set(id, entry);
    this.last = id;
  }

  trim(keep: number): void {
    for (const entry of this.entries.splice(0, Math.max(0, this.entries.length - keep))) entry.gone = true;
  }

  /** A replica that was `behind` entries late takes over. */
  failOver(behind: number): void {
    const kept = this.entries.length - Math.min(behind, this.entries.length);
    const lost = this.entries.splice(kept);
    for (const entry of lost) entry.gone = true;
    if (lost[0]) this.last = lost[0].prev;
    if (lost.length > 0) this.resets++;
  }

  expire(): void {
    this.trim(0);
    this.last = ORIGIN;
    this.resets++;
  }

  /** Whether the log holds an entry no more that stood behind the first, up to the second. */
  isGone(from: RealtimeCursor, to: RealtimeCursor): boolean {
    for (const { id, gone } of this.ever.values())
      if (gone && compareCursors(id, from) > 0 && compareCursors(id, to) <= 0) return true;
    return false;
  }

  /** Whether a reader that goes from one to the other must be told of a gap. */
  mayTellGap(from: RealtimeCursor, to: RealtimeCursor): boolean {
    return this.isGone(from, to);
  }

  /** Whether the log holds nothing between the two that is shown to who wants `events`. */
  isEmpty(from: RealtimeCursor, to: RealtimeCursor, events: readonly string[]): boolean {
    return !this.entries.some(
      (entry) => isShown(entry, events) && compareCursors(entry.id, from) > 0 && compareCursors(entry.id, to) < 0,
    );
  }

  /** Whether every entry between the two was stored but is shown to nobody who wants `events`. */
  hides(from: RealtimeCursor, to: RealtimeCursor, events: readonly string[]): boolean {
    for (let at = to; at !== from;) {
      const entry = this.ever.get(at);
      if (!entry || (at !== to && isShown(entry, events))) return false;
      at = entry.prev;
    }
    return true;
  }
}

/** Whether someone who wants `events` (none: all) sees the entry. */
export function isShown({ event }: FakeEntry, events: readonly string[]): boolean {
  return event !== "" && (events.length === 0 || events.includes(event));
}

interface Feed {
  readonly channel: string;
  readonly asked: string;
  position: RealtimeCursor | undefined;
}

/** One response. What the server has said waits in `outbox` until the test lets it through. */
export class FakeStream {
  readonly channels: readonly string[];
  readonly url: URL;
  readonly headers: Headers;
  isOpen = true;
  readonly body: ReadableStream<Uint8Array>;
  readonly #server: FakeServer;
  #feeds: readonly Feed[];
  /** The end of each log at the time of the request. */
  readonly #heard: ReadonlyMap<string, RealtimeCursor>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #outbox = new Uint8Array();

  constructor(server: FakeServer, url: URL, init: { readonly headers: Headers; readonly signal: AbortSignal }) {
    this.#server = server;
    this.url = url;
    this.headers = init.headers;
    this.channels = (url.searchParams.get("channel") ?? "").split(",");
    // Its tail is never below what a client has: it need not draw level.
    const at = (url.searchParams.get("at") ?? "").split(",").map((start) => start.split("~")[0] as string);
    this.#feeds = this.channels.map((channel, index) => ({ channel, asked: at[index] ?? "", position: undefined }));
    this.#heard = new Map(this.channels.map((channel) => [channel, server.log(channel).last]));
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    init.signal.addEventListener("abort", () => this.#close(() => this.#controller.error(new Error("aborted"))));
    this.say("retry: 1000\n:\n\n");
  }

  /** Says nothing of a channel any more. */
  deny(channel: string): void {
    this.#feeds = this.#feeds.filter((feed) => feed.channel !== channel);
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  say(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const joined = new Uint8Array(this.#outbox.length + bytes.length);
    joined.set(this.#outbox);
    joined.set(bytes, this.#outbox.length);
    this.#outbox = joined;
  }

  reconnect(delayMs: number): void {
    this.say(reconnectFrame({ delayMs }));
  }

  /**
   * Reads the log for each channel.
   *
   * @param late how many entries the server has not heard of yet when it joins; it has heard all that was stored before the request
   */
  pump(count: number = Infinity, late = 0): void {
    for (const feed of this.#feeds) {
      const log = this.#server.log(feed.channel);
      if (feed.position === undefined) this.#join(feed, log, late);
      else this.#read(feed, log, count);
    }
  }

  #join(feed: Feed, log: FakeLog, late: number): void {
    const { channel, asked } = feed;
    const { entries, last } = log;
    const heard = this.#heard.get(channel) as RealtimeCursor;
    let tail = late > 0 ? (entries.at(-late)?.prev ?? last) : last;
    if (compareCursors(tail, heard) < 0) tail = compareCursors(heard, last) < 0 ? heard : last;
    // A client that is ahead saw the newest entries elsewhere: the server draws level before it joins.
    if (isCursorText(asked) && compareCursors(asked, tail) > 0) tail = last;
    if (isCursorText(asked)) feed.position = asked;
    else if (asked === "") feed.position = tail;
    else {
      const newest = asked === "-" ? entries.length : Number(asked.slice(1));
      feed.position = entries.at(Math.max(0, entries.length - newest))?.prev ?? last;
      if (compareCursors(tail, feed.position) < 0) tail = feed.position;
    }
    this.say(connectedFrame({ channel, cursor: feed.position, tail, heartbeatMs: 15_000 }));
  }

  #read(feed: Feed, log: FakeLog, count: number): void {
    const { channel } = feed;
    const after = feed.position as RealtimeCursor;
    const news = log.entries.filter(({ id }) => compareCursors(id, after) > 0);
    const prev = news[0]?.prev ?? log.last;
    const order = compareCursors(prev, after);
    if (order !== 0) {
      const isReset = order < 0;
      feed.position = isReset ? log.last : prev;
      this.say(gapFrame({ channel, after, cursor: feed.position, reason: isReset ? "reset" : "trimmed" }));
      if (isReset) return;
    }
    for (const { id, event } of news.slice(0, count)) {
      feed.position = id;
      this.say(event === "" ? positionFrame(channel, id) : eventFrame({ id, channel, event, json: JSON.stringify(id) }));
    }
  }

  /** By position, where the next request goes on. */
  get at(): string {
    return this.#feeds.map(({ position, asked }) => position ?? asked).join();
  }

  /** What it has said, as a page has it; it is not said again. */
  takeFrames(): unknown[] {
    const frames: unknown[] = [];
    const parse = createSseParser((name, data) => frames.push({ type: name || "event", ...JSON.parse(data) }));
    parse(new TextDecoder().decode(this.#outbox));
    this.#outbox = new Uint8Array();
    return frames;
  }

  /** Lets bytes through. */
  deliver(bytes: number = Infinity): void {
    const piece = this.#outbox.slice(0, bytes);
    this.#outbox = this.#outbox.slice(piece.length);
    if (this.isOpen && piece.length > 0) this.#controller.enqueue(piece);
  }

  /** Ends it as a proxy or the server does. */
  end(): void {
    this.#close(() => this.#controller.close());
  }

  /** Ends it as a broken network does. */
  cut(): void {
    this.#close(() => this.#controller.error(new TypeError("network error")));
  }

  #close(how: () => void): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    how();
  }
}

/** How a request is answered. `hang`: not at all, until the client gives up. */
export type FakeAnswer = "stream" | "refuse" | "break" | "hang" | Response;

/** The server. Its `fetch` is what a client is given. */
export class FakeServer {
  /** Every stream that was opened. */
  readonly streams: FakeStream[] = [];
  /** The answers to the next requests; a stream when there is none left. */
  readonly answers: FakeAnswer[] = [];
  /** Answers in place of a stream, when it is set and returns something. */
  fetchInstead: (() => Response | undefined) | undefined;
  requests = 0;
  /** Requests for pages among them. */
  pages = 0;
  readonly #waiting = new Set<() => void>();
  /** The channels of the newest page. */
  #polled: readonly string[] = [];
  /** The most streams that were open at once. */
  mostOpen = 0;
  readonly #logs = new Map<string, FakeLog>();

  log(channel: string): FakeLog {
    const log = this.#logs.get(channel) ?? new FakeLog();
    this.#logs.set(channel, log);
    return log;
  }

  get open(): readonly FakeStream[] {
    return this.streams.filter(({ isOpen }) => isOpen);
  }

  /** Whether a client may stand somewhere in a channel, and hear the rest later. */
  mayLag(channel: string): boolean {
    return this.#polled.includes(channel) || this.open.some(({ channels }) => channels.includes(channel));
  }

  /** It hears of everything at once, and a stream that is asked for now is joined there or later. */
  heard(channel: string): RealtimeCursor {
    return this.log(channel).last;
  }

  /** Streams that are open, and pages that are waited for. */
  get links(): number {
    return this.open.length + this.#waiting.size;
  }

  /** The newest stream. */
  get stream(): FakeStream {
    return this.streams.at(-1) as FakeStream;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const { signal, headers } = init as { readonly signal: AbortSignal; readonly headers: Headers };
    signal.throwIfAborted();
    this.requests++;
    const answer = this.fetchInstead?.() ?? this.answers.shift() ?? "stream";
    if (answer instanceof Response) return answer;
    if (answer === "break") throw new TypeError("Failed to fetch");
    if (answer === "refuse") return new Response("{}", { status: 503 });
    if (answer === "hang") {
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    }
    const stream = new FakeStream(this, new URL(input as string, "http://fake.test"), { headers, signal });
    if (headers.get("accept") === "application/json") return this.#page(stream, signal);
    this.streams.push(stream);
    this.mostOpen = Math.max(this.mostOpen, this.open.length);
    return new Response(stream.body, { headers: { "content-type": "text/event-stream" } });
  };

  /** Answers at once, or when there is something to say, or when the next `flush` says that it has waited for long enough. */
  async #page(stream: FakeStream, signal: AbortSignal): Promise<Response> {
    this.pages++;
    this.#polled = stream.channels;
    stream.pump();
    stream.pump();
    const frames = stream.takeFrames();
    if (stream.url.searchParams.get("wait") !== "0" && frames.length === stream.channels.length) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.addEventListener("abort", () => {
          this.#waiting.delete(resolve);
          reject(new Error("aborted"));
        });
      });
      stream.pump();
      frames.push(...stream.takeFrames());
    }
    return Response.json({ at: stream.at, frames });
  }

  /** Joins, reads and lets everything through. */
  flush(): void {
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
    for (const stream of this.open) {
      stream.pump();
      stream.pump();
      stream.say(HEARTBEAT_FRAME);
      stream.deliver();
    }
  }
}
