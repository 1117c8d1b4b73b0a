import type { Timer } from "../protocol/clock.ts";
import { warn } from "./report.ts";
import { anyTransport } from "./transports/choose.ts";
import type { Link, TransportOptions } from "./transports/transport.ts";
import { DEAD_AFTER, FIRST_HEARTBEAT_MS, HEADERS_MS, MAX_CUTS, SHORT_MS } from "./times.ts";
import type { WireFrame } from "./wire.ts";

export interface StreamHandlers {
  hear(frame: WireFrame): void;
  /**
   * It ended, or never came about. Called once, and neither in the turn that opened the stream nor after `close`.
   *
   * @param retryAfterMs when the server wants to be asked again; 0 or less when it did not say, `Infinity` when it would answer the same.
   */
  end(retryAfterMs: number): void;
}

/** A stream that was asked for. */
export interface Stream {
  /** Milliseconds since anything came. */
  silentMs(): number;
  /** Ends it. @returns what is left of it */
  close(): undefined;
}

/**
 * Opens a stream over the transport that suits the way to the server, and watches over its silence.
 *
 * @param asked by channel, what the request says: a cursor, `""`, `"-"` or `"-<n>"`.
 */
export function openStream(asked: ReadonlyMap<string, string>, options: TransportOptions, handlers: StreamHandlers): Stream {
  const { clock, route } = options;
  const opened = clock.now();
  const abort = new AbortController();
  const { signal } = abort;
  let lastByte = opened;
  let heartbeatMs: number | undefined;
  let timer: Timer | undefined;
  /** What `headers` takes is not the server's. */
  let silence = -HEADERS_MS;

  function close(): undefined {
    clock.clearTimeout(timer);
    abort.abort();
  }

  function end(retryAfterMs: number): void {
    if (signal.aborted) return;
    close();
    if (!heartbeatMs || route.polls || lastByte - opened > SHORT_MS) route.cuts = 0;
    else if (++route.cuts > MAX_CUTS) distrust();
    handlers.end(retryAfterMs);
  }

  /** Streams do not come through here, or pages do not: the other is tried next. */
  function distrust(): void {
    route.polls = !route.polls;
    void warn(() =>
      route.polls
        ? "no stream has come through: nothing came for ten seconds, or each was cut or fell silent soon after it began. Either something on the way holds streams back (docs/guides/proxies.md), or the server is slow just now, as `next dev` is while it compiles. Asking for pages; a stream is tried again in a minute."
        : "pages do not come through either. Trying a stream again.",
    );
  }

  /** Counts silence half a heartbeat at a time. A tick that comes late proves nothing: the page slept, not the server. */
  function watch(): void {
    const heartbeat = heartbeatMs ?? FIRST_HEARTBEAT_MS;
    const planned = heartbeat / 2;
    const since = clock.now();
    timer = clock.setTimeout(() => {
      if (clock.now() - since <= planned * 1.5) silence += planned;
      if (silence < heartbeat * DEAD_AFTER) return watch();
      if (!heartbeatMs) distrust();
      end(0);
    }, planned);
  }

  const link: Link = {
    ...{ asked, options, signal },
    alive() {
      silence = 0;
      lastByte = clock.now();
    },
    hear(frame) {
      if (signal.aborted) return;
      if (frame.type === "connected") ({ heartbeatMs } = frame);
      handlers.hear(frame);
    },
  };

  watch();
  void anyTransport(link)
    .catch((error: unknown) => {
      void warn(async () => {
        if (signal.aborted) return "";
        if (heartbeatMs) return `the stream broke, and will be opened again: ${String(error)}`;
        return (await import("./explain.ts")).explainUnanswered(options.api ?? {}, error);
      });
      return 0;
    })
    .then(end);
  return { silentMs: () => clock.now() - lastByte, close };
}
