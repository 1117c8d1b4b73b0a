import type { Entry } from "../brokers/broker.ts";
import type { WireCode } from "../protocol/codes.ts";
import { compareCursors, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { MAX_BUFFERED_BYTES } from "../protocol/limits.ts";
import type { Feed, Session } from "./feed.ts";
import type { Batch, Frame } from "./frame.ts";
import type { SessionReader } from "./observer.ts";

/** What a server-side subscriber wants to hear. Handlers are awaited, one at a time, in log order. */
export interface SubscriptionHandlers {
  /** The feed is joined: what is emitted from now on will arrive. */
  joined(cursor: RealtimeCursor): void;
  entry(entry: Entry, replayed: boolean): unknown;
  gap(gap: Gap): unknown;
  failed(code: WireCode): void;
  /** A handler threw or rejected. */
  thrown(error: unknown): void;
}

/**
 * A subscriber in this process: entries in, handler calls out, one at a time. A slow handler makes it blocked like a slow
 * socket: it leaves the live topic and goes on from the log.
 */
export class Subscription implements Session {
  blocked = false;
  readonly reader: SessionReader | undefined;
  readonly #handlers: SubscriptionHandlers;
  #feed: Feed | undefined;
  #queue: Frame[] = [];
  #queuedBytes = 0;
  #replayedUpTo: RealtimeCursor | undefined;
  /** Where it stands by what its handlers were called with. */
  #position: RealtimeCursor | undefined;
  #working = false;
  #ended = false;

  constructor(handlers: SubscriptionHandlers, reader?: SessionReader) {
    this.#handlers = handlers;
    this.reader = reader;
  }

  open(feed: Feed): void {
    this.#feed = feed;
  }

  joined(feed: Feed, tail: RealtimeCursor): void {
    this.#replayedUpTo = tail;
    this.#position = feed.position as RealtimeCursor;
    this.#handlers.joined(this.#position);
  }

  deliver(_feed: Feed, batch: Batch): void {
    if (this.#ended) return;
    for (const frame of batch.frames) {
      this.#queue.push(frame);
      this.#queuedBytes += frame.size;
    }
    if (!this.blocked && this.#queuedBytes > MAX_BUFFERED_BYTES) {
      this.blocked = true;
      this.#feed?.lag();
    }
    if (!this.#working) void this.#work();
  }

  failed(_feed: Feed, code: WireCode): void {
    if (!this.#ended) this.#handlers.failed(code);
  }

  /** Nothing is called any more; a handler that runs is not waited for. */
  end(): void {
    this.#ended = true;
    this.#queue = [];
    this.#feed?.detach();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let frame = this.#queue.shift(); frame && !this.#ended; frame = this.#queue.shift()) {
      this.#queuedBytes -= frame.size;
      try {
        await this.#handle(frame);
      } catch (error) {
        this.#handlers.thrown(error);
      }
      if (this.blocked && this.#queue.length === 0 && !this.#ended) {
        this.blocked = false;
        this.#feed?.resume();
      }
    }
    this.#working = false;
  }

  /** Async, so that also a handler that throws at once ends in a later turn: in this one the topic is still handing out what it has. */
  async #handle({ entry, gap, cursor }: Frame): Promise<unknown> {
    const after = this.#position as RealtimeCursor;
    this.#position = cursor;
    if (gap) {
      // A new life of the log: what was replayed in the old one says nothing about this one.
      if (gap.reason === "reset") this.#replayedUpTo = undefined;
      // It was joined to this life already: the gap is for who had more of the one before.
      if (after === cursor) return undefined;
      return this.#handlers.gap({ ...gap, after });
    }
    if (!entry || entry.event === "") return undefined;
    const replayed = this.#replayedUpTo !== undefined && compareCursors(cursor, this.#replayedUpTo) <= 0;
    return this.#handlers.entry(entry, replayed);
  }
}
