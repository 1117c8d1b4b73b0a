import { readFrame } from "../wire.ts";
import { request } from "./request.ts";
import type { Transport } from "./transport.ts";

/** What the endpoint answers to `Accept: application/json` (PROTOCOL.md, "Pages"). */
interface Page {
  /** Where the next page starts, as the request says it. */
  readonly at: string;
  readonly frames: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** The longest wait, where the server does not name a shorter time between its signs of life. */
const MAX_WAIT_MS = 20_000;
const MIN_WAIT_MS = 1_000;
/** A stream is tried again after this time, and later and later when it still does not come through. */
const MIN_PATIENCE_MS = 60_000;
const MAX_PATIENCE_MS = 960_000;

/** One request after another, each answered as soon as there is something to say. For ways on which a response only arrives once it has ended. */
export const longPolling: Transport = async (link) => {
  const { asked, options, signal, alive, hear } = link;
  const { clock, route } = options;
  const patienceMs = (route.patienceMs ??= MIN_PATIENCE_MS);
  const began = clock.now();
  let at = [...asked.values()].join();
  /** The first page says at once where each channel stands. */
  let waitMs = 0;
  let longestMs = Math.min(MAX_WAIT_MS, route.waitMs ?? MAX_WAIT_MS);
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each page begins where the one before ended
      const response = await request(link, "application/json", `${at}&wait=${waitMs / 1_000}`);
      if (typeof response === "number") return response;
      // oxlint-disable-next-line no-await-in-loop
      const page = (await response.json()) as Page;
      alive();
      for (const { type, ...fields } of page.frames) {
        const frame = readFrame(type === "event" ? "" : String(type), JSON.stringify(fields));
        if (frame?.type === "connected") longestMs = Math.min(longestMs, frame.heartbeatMs);
        if (frame) hear(frame);
      }
      at = page.at;
      waitMs = longestMs;
      if (route.polls && clock.now() - began > patienceMs) {
        route.polls = false;
        route.patienceMs = Math.min(MAX_PATIENCE_MS, patienceMs * 2);
        hear({ type: "reconnect", delayMs: 0 });
      }
    }
  } finally {
    // It broke, and not because it was closed: before the first page polling is no better; later the wait was too long for the way.
    if (!signal.aborted && waitMs === 0) route.polls = false;
    else if (!signal.aborted) route.waitMs = Math.max(MIN_WAIT_MS, waitMs / 2);
  }
};
