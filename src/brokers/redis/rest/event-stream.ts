import type { Clock, Timer } from "../../../protocol/clock.ts";
import { PROBE_MS } from "../../../protocol/limits.ts";
import type { Endpoint } from "./endpoint.ts";

/** What an {@link EventStream} tells its owner. */
export interface EventStreamHandlers {
  /** The service has acknowledged the subscription: what is published from now on is heard. */
  up(): void;
  /** Nothing is heard from now on. Follows each `up` once. */
  down(): void;
  message(text: string): void;
  /** It could not be opened. It is tried again. @param isRefused whether the service said no in so many words */
  failed(error: Error, isRefused: boolean): void;
  /** The service has no such stream of this channel, or none at all. It is not tried again. */
  absent(error: Error, ofAnyChannel: boolean): void;
}

interface EventStreamOptions {
  readonly live: string;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly handlers: EventStreamHandlers;
}

const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;
/** A stream that lived for so long was well. */
const STABLE_MS = 10_000;
/** How long the acknowledgement may take. */
const ACKNOWLEDGE_MS = 10_000;
/** What waits for the end of its line. No announcement is longer than its entry, and entries above 8 kB are not sent along. */
const MAX_LINE: number = 2 * 1024 * 1024;

/**
 * A stream of what is published on one live channel: one request that stays open. It is made again for ever. The channel's name may
 * hold anything that a key prefix may: it travels encoded in the URL, and what comes back is compared with it as a whole, where the service's
 * own client looks for commas.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  /** Tells what an earlier request says from what the present one does. */
  #life = 0;
  #abort: AbortController | undefined;
  #timer: Timer | undefined;
  #upSince: number | undefined;
  #attempts = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    void this.#open();
  }

  get isUp(): boolean {
    return this.#upSince !== undefined;
  }

  /** Attempts in a row that failed, or did not last. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Drops the request and makes it again. */
  reopen(): void {
    if (this.#abort) this.#lose(undefined);
  }

  close(): void {
    this.#life++;
    this.#upSince = undefined;
    this.#options.clock.clearTimeout(this.#timer);
    this.#end();
  }

  async #open(): Promise<void> {
    const { live, endpoint, clock, handlers } = this.#options;
    const life = ++this.#life;
    const abort = new AbortController();
    this.#abort = abort;
    this.#timer = clock.setTimeout(
      () => this.#lose({ error: new Error(`no acknowledgement within ${ACKNOWLEDGE_MS / 1_000} s`) }),
      ACKNOWLEDGE_MS,
    );
    const stream = await endpoint.subscribe(live, abort);
    if (life !== this.#life) return;
    if (stream.kind === "open") {
      let error = new Error("the service ended the stream");
      try {
        for await (const line of linesOf(stream.body)) {
          if (life !== this.#life) return;
          this.#read(line);
        }
      } catch (reason) {
        error = reason instanceof Error ? reason : new Error(String(reason));
      }
      if (life === this.#life) this.#lose(this.isUp ? undefined : { error });
    } else if (stream.kind === "absent") {
      this.close();
      handlers.absent(stream.error, true);
    } else if (stream.kind === "refused") {
      this.#lose({ error: stream.error, isRefused: true, waitMs: PROBE_MS });
    } else {
      this.#lose(stream);
    }
  }

  #read(line: string): void {
    const { live, clock, handlers } = this.#options;
    if (this.isUp) {
      const start = `data: message,${live},`;
      if (line.startsWith(start)) handlers.message(line.slice(start.length));
    } else if (line.startsWith(`data: subscribe,${live},`)) {
      clock.clearTimeout(this.#timer);
      this.#upSince = clock.now();
      handlers.up();
    } else if (line.startsWith("data: subscribe,")) {
      this.close();
      handlers.absent(new Error(`the service took the name of the channel for ${JSON.stringify(line.slice(6, 200))}`), false);
    }
  }

  /** Gives the request up and makes the next one, later. @param failure when it never was up */
  #lose(failure: { error: Error; isRefused?: boolean; waitMs?: number | undefined } | undefined): void {
    const { clock, handlers } = this.#options;
    this.#life++;
    this.#end();
    const upSince = this.#upSince;
    this.#upSince = undefined;
    if (upSince !== undefined && clock.now() - upSince >= STABLE_MS) this.#attempts = 0;
    const ceiling = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(this.#attempts++, 10));
    const delayMs = Math.max(failure?.waitMs ?? 0, Math.ceil(ceiling * (0.5 + clock.random() / 2)));
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => void this.#open(), delayMs, "keepAlive");
    if (upSince !== undefined) handlers.down();
    if (failure) handlers.failed(failure.error, failure.isRefused ?? false);
  }

  #end(): void {
    this.#abort?.abort(new Error("closed"));
    this.#abort = undefined;
  }
}

/** The lines of a stream, without their ends. @throws Error for a line that is too long, and when the connection breaks */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new Error("a line of the stream is too long");
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
