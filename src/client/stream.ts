import type { Clock, Timer } from "../protocol/clock.ts";
import { createSseParser } from "./sse-parser.ts";
import type { RealtimeClientOptions } from "./options.ts";
import { warn } from "./report.ts";
import { readFrame, type WireFrame } from "./wire.ts";

export interface StreamHandlers {
  onFrame(frame: WireFrame): void;
  /**
   * It ended, or never came about. Called once, and neither in the turn that opened the stream nor after `close`.
   *
   * @param retryAfterMs when the server wants to be asked again; 0 or less when it did not say, `Infinity` when it would answer the same.
   */
  onEnd(retryAfterMs: number): void;
}

/** A stream that was asked for. */
export interface Stream {
  /** Milliseconds since anything came. */
  silentMs(): number;
  close(): void;
}

/** Where and how streams are asked for. */
export type StreamOptions = Pick<RealtimeClientOptions, "api" | "fetch"> & { readonly clock: Clock };

/** Assumed until the server has told its own. */
const DEFAULT_HEARTBEAT_MS = 15_000;
/** No server beats faster: one that says so would keep a timer busy. */
const MIN_HEARTBEAT_MS = 100;
/** Half heartbeats without a byte after which the connection is dead. */
const DEAD_AFTER_TICKS = 5;
/** Statuses below 500 that are worth another try. */
const RETRIED: readonly number[] = [408, 425, 429];

/**
 * Opens a stream with `fetch`, which can send headers and sees comments and status codes; an `EventSource` does neither.
 *
 * @param asked by channel, what the request says: a cursor, `""`, `"-"` or `"-<n>"`.
 */
export function openStream(
  asked: ReadonlyMap<string, string>,
  { api = {}, fetch = globalThis.fetch, clock }: StreamOptions,
  { onFrame, onEnd }: StreamHandlers,
): Stream {
  const { url = "/api/realtime", withCredentials, headers: given } = api;
  const abort = new AbortController();
  const { signal } = abort;
  let lastByte = clock.now();
  let heartbeatMs = DEFAULT_HEARTBEAT_MS;
  let timer: Timer | undefined;
  let ticks = 0;
  let complained = false;

  function close(): void {
    clock.clearTimeout(timer);
    abort.abort();
  }

  function end(retryAfterMs: number): void {
    if (signal.aborted) return;
    close();
    onEnd(retryAfterMs);
  }

  /** Counts silence half a heartbeat at a time. A tick that comes late proves nothing: the page slept, not the server. */
  function watch(): void {
    const planned = heartbeatMs / 2;
    const since = clock.now();
    timer = clock.setTimeout(() => {
      if (clock.now() - since <= planned * 1.5) ticks++;
      if (ticks >= DEAD_AFTER_TICKS) end(0);
      else watch();
    }, planned);
  }

  const parse = createSseParser((event, data) => {
    if (signal.aborted) return;
    const frame = readFrame(event, data);
    if (!frame) {
      if (!complained) warn(() => `a frame that cannot be understood is skipped: ${event} ${data.slice(0, 200)}`);
      complained = true;
      return;
    }
    if (frame.type === "connected") heartbeatMs = Math.max(MIN_HEARTBEAT_MS, frame.heartbeatMs);
    onFrame(frame);
  });

  async function run(): Promise<void> {
    const query = [...asked.keys()].map((channel) => `channel=${encodeURIComponent(channel)}&`).join("");
    const address = `${url}${url.includes("?") ? "&" : "?"}${query}v=1&at=${[...asked.values()].join()}`;
    const headers = new Headers(await (typeof given === "function" ? given() : given));
    headers.set("accept", "text/event-stream");
    const response = await fetch(address, {
      headers,
      signal,
      cache: "no-store",
      ...(withCredentials && { credentials: "include" }),
    });
    const { status, body } = response;
    if (status >= 500 || RETRIED.includes(status)) return end(Number(response.headers.get("retry-after")) * 1_000 || 0);
    if (!response.ok || !body) {
      const answer = await response.text();
      warn(() => `the server refused the stream: ${status} ${answer.slice(0, 500)}`);
      return end(Infinity);
    }
    // A page that says "back soon" with status 200, or a wrong address: later, perhaps.
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      warn(() => `${address} answered with something else than an event stream`);
      return end(0);
    }
    const reader = body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return end(0);
      ticks = 0;
      lastByte = clock.now();
      parse(decoder.decode(value, { stream: true }));
    }
  }

  watch();
  // Not in this turn: who opens a stream does not hold it yet.
  void Promise.resolve()
    .then(run)
    .catch((error: unknown) => {
      if (!signal.aborted) warn(() => `the stream broke, and will be opened again: ${String(error)}`);
      end(0);
    });
  return { silentMs: () => clock.now() - lastByte, close };
}
