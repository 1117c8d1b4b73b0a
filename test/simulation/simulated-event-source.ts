import type { Timer } from "../../src/protocol/clock.ts";
import { createEventStreamParser, type StreamMessage } from "./event-stream.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";

/** Browsers differ; the server says a time of its own with the first bytes. */
const RETRY_MS = 3_000;
/** A request that nobody answers fails by then: the only silence that ends. A stream that has begun is waited for, for ever. */
const CONNECT_MS = 60_000;

export interface EventSourceHandlers {
  /** A stream is asked for. @param lastEventId what the request says; `""` for nothing */
  asks(lastEventId: string): void;
  message(message: StreamMessage): void;
  /** It has ended for good: the answer was no stream. */
  failed(status: number): void;
}

/**
 * An `EventSource` as browsers have it: it asks for the same URL again whenever its stream ends or breaks, with the last `id:` that it saw, and
 * gives up for good when the answer is no stream. The standard would have it forget that `id:` with the first frame of the next stream
 * that has none; no browser does so.
 */
export class SimulatedEventSource {
  readonly #url: string;
  readonly #network: SimulatedNetwork;
  readonly #handlers: EventSourceHandlers;
  #lastEventId = "";
  #retryMs = RETRY_MS;
  #request = new AbortController();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(url: string, network: SimulatedNetwork, handlers: EventSourceHandlers) {
    this.#url = url;
    this.#network = network;
    this.#handlers = handlers;
    void this.#connect();
  }

  /** What it would say if it asked again; `""` for nothing. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  close(): void {
    this.#isClosed = true;
    this.#network.time.clearTimeout(this.#timer);
    this.#request.abort();
  }

  async #connect(): Promise<void> {
    const { time } = this.#network;
    const request = new AbortController();
    this.#request = request;
    this.#timer = time.setTimeout(() => request.abort(), CONNECT_MS);
    let refusal: number | undefined;
    try {
      refusal = await this.#read(request.signal);
    } catch {
      // It broke, or could not be had.
    }
    if (this.#isClosed) return;
    time.clearTimeout(this.#timer);
    if (refusal === undefined) this.#timer = time.setTimeout(() => void this.#connect(), this.#retryMs);
    else this.#handlers.failed(refusal);
  }

  /** Reads a stream to its end. @returns the status of what is none */
  async #read(signal: AbortSignal): Promise<number | undefined> {
    const headers = new Headers({ accept: "text/event-stream" });
    if (this.#lastEventId !== "") headers.set("last-event-id", this.#lastEventId);
    this.#handlers.asks(this.#lastEventId);
    const response = await this.#network.fetch(this.#url, { headers, signal });
    this.#network.time.clearTimeout(this.#timer);
    const { status } = response;
    if (status !== 200 || response.headers.get("content-type") !== "text/event-stream") return status;
    const parse = createEventStreamParser({
      message: (message) => {
        if (this.#isClosed) return;
        this.#lastEventId = message.id ?? this.#lastEventId;
        this.#handlers.message(message);
      },
      retry: (delayMs) => (this.#retryMs = delayMs),
    });
    const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { done, value } = await reader.read();
      if (done) return undefined;
      parse(value);
    }
  }
}
