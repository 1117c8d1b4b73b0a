import type { Clock, Timer } from "../protocol/clock.ts";
import { createSseParser } from "./sse-parser.ts";
import { readFrame, type WireFrame } from "./wire.ts";

/** How a stream ended, or why it never came about. */
export type StreamEnd =
  | { readonly type: "lost"; readonly retryAfterMs: number }
  /** The server would answer the same again. */
  | { readonly type: "refused"; readonly status: number; readonly message: string };

export interface StreamOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly credentials: RequestCredentials;
  /** Asked for anew by each stream. */
  readonly headers: () => HeadersInit | undefined | Promise<HeadersInit | undefined>;
  onFrame(frame: WireFrame): void;
  /** Called once, and not after `close`. */
  onEnd(end: StreamEnd): void;
  /** Something came that is no frame. The stream goes on. */
  onMalformed(): void;
}

/** A stream that was asked for. */
export interface Stream {
  /** Milliseconds since anything came. */
  silentMs(): number;
  close(): void;
}

/** Assumed until the server has told its own. */
const DEFAULT_HEARTBEAT_MS = 15_000;
/** Silence of this many heartbeats means that the connection is dead. */
export const DEAD_AFTER_HEARTBEATS = 2.5;
/** Statuses below 500 that are worth another try. */
const RETRIED: readonly number[] = [408, 425, 429];

/** Opens a stream with `fetch`, which can send headers and sees comments and status codes; an `EventSource` does neither. */
export function openStream({ url, fetch, clock, credentials, headers, onFrame, onEnd, onMalformed }: StreamOptions): Stream {
  const abort = new AbortController();
  let ended = false;
  let lastByte = clock.now();
  let heartbeatMs = DEFAULT_HEARTBEAT_MS;
  let timer: Timer | undefined;
  let quiet = 0;

  function end(how?: StreamEnd): void {
    if (ended) return;
    ended = true;
    clock.clearTimeout(timer);
    abort.abort();
    if (how) onEnd(how);
  }

  /** Counts silence half a heartbeat at a time. A tick that comes late proves nothing: the page slept, not the server. */
  function watch(): void {
    const planned = heartbeatMs / 2;
    const since = clock.now();
    timer = clock.setTimeout(() => {
      const late = clock.now() - since > planned * 1.5;
      if (!late && ++quiet >= DEAD_AFTER_HEARTBEATS * 2) end({ type: "lost", retryAfterMs: 0 });
      else watch();
    }, planned);
  }

  const parse = createSseParser(({ event, data }) => {
    if (ended) return;
    let frame: WireFrame | undefined;
    try {
      frame = readFrame(event, data);
    } catch {
      onMalformed();
    }
    if (frame?.type === "connected") heartbeatMs = frame.frame.heartbeatMs;
    if (frame) onFrame(frame);
  });

  async function run(): Promise<void> {
    watch();
    const own = new Headers(await headers());
    own.set("accept", "text/event-stream");
    const response = await fetch(url, { headers: own, credentials, cache: "no-store", signal: abort.signal });
    const { status, body } = response;
    if (!response.ok || !body) {
      const retried = status >= 500 || RETRIED.includes(status);
      if (retried) return end({ type: "lost", retryAfterMs: Number(response.headers.get("retry-after")) * 1_000 || 0 });
      return end({ type: "refused", status, message: (await response.text()).slice(0, 500) });
    }
    const reader = body.getReader();
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    for (;;) {
      const { done, value } = await reader.read();
      if (done || ended) return end({ type: "lost", retryAfterMs: 0 });
      quiet = 0;
      lastByte = clock.now();
      parse(decoder.decode(value, { stream: true }));
    }
  }

  run().catch(() => end({ type: "lost", retryAfterMs: 0 }));
  return { silentMs: () => clock.now() - lastByte, close: () => end() };
}
