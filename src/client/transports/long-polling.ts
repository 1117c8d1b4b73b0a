import { readFrame } from "../wire.ts";
import { request } from "./request.ts";
import { streaming } from "./streaming.ts";
import type { Link, Transport } from "./transport.ts";

/** What the endpoint answers to `Accept: application/json` (PROTOCOL.md, "Pages"). */
interface Page {
  /** Where the next page starts, as the request says it. */
  readonly at: string;
  readonly frames: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** The longest wait, where the server does not name a shorter time between its signs of life. */
const MAX_WAIT_MS = 20_000;
/** The shortest, and the rest after a page that came at once although it had nothing to say. */
const MIN_WAIT_MS = 1_000;
/** A stream is tried again after this time, and later and later when it still does not come through. */
const MIN_PATIENCE_MS = 60_000;
const MAX_PATIENCE_MS = 960_000;
/** Time for that stream to say something. */
const TRIAL_MS = 15_000;

/** One request after another, each answered as soon as there is something to say. For ways on which a response only arrives once it has ended. */
export const longPolling: Transport = async (link) => {
  const { options, signal, alive, hear } = link;
  const { clock, route } = options;
  /** By channel, where the next page starts. */
  const asked = new Map(link.asked);
  let triedAt = clock.now();
  /** The first page says at once where each channel stands. */
  let waitMs = 0;
  let longestMs = Math.min(MAX_WAIT_MS, route.waitMs ?? MAX_WAIT_MS);
  try {
    while (!signal.aborted) {
      const began = clock.now();
      // oxlint-disable-next-line no-await-in-loop -- each page begins where the one before ended
      const response = await request(
        { ...link, asked },
        "application/json",
        `${[...asked.values()].join()}&wait=${waitMs / 1_000}`,
      );
      if (typeof response === "number") return response;
      // oxlint-disable-next-line no-await-in-loop
      const page = (await response.json()) as Page;
      alive();
      const starts = page.at.split(",");
      for (const [index, channel] of [...asked.keys()].entries()) asked.set(channel, starts[index] ?? "");
      let isIdle = waitMs > 0;
      for (const { type, ...fields } of page.frames) {
        const frame = readFrame(type === "event" ? "" : String(type), JSON.stringify(fields));
        if (frame?.type === "connected") longestMs = Math.min(longestMs, frame.heartbeatMs);
        else if (frame?.type === "problem" && !frame.retry) asked.delete(frame.channel ?? "");
        else isIdle = false;
        if (frame) hear(frame);
      }
      waitMs = longestMs;
      // Every channel was refused: as on a stream, nothing more is said.
      if (asked.size === 0) await rest(link, Infinity);
      else if (isIdle && clock.now() - began < MIN_WAIT_MS) await rest(link, MIN_WAIT_MS);
      route.patienceMs ??= MIN_PATIENCE_MS;
      if (clock.now() - triedAt > route.patienceMs) {
        triedAt = clock.now();
        route.patienceMs = Math.min(MAX_PATIENCE_MS, route.patienceMs * 2);
        void tryStream({ ...link, asked: new Map(asked) });
      }
    }
    return 0;
  } finally {
    // It broke, and not because it was closed: before the first page polling is no better; later the wait was too long for the way.
    if (!signal.aborted && waitMs === 0) route.polls = false;
    else if (!signal.aborted) route.waitMs = Math.max(MIN_WAIT_MS, waitMs / 2);
  }
};

/** Asks for a stream beside the pages. When it says something, a stream takes their place. */
async function tryStream(link: Link): Promise<void> {
  const { options, signal, hear } = link;
  const trial = new AbortController();
  const end = (): void => trial.abort();
  signal.addEventListener("abort", end);
  const timer = options.clock.setTimeout(end, TRIAL_MS);
  trial.signal.addEventListener("abort", () => {
    options.clock.clearTimeout(timer);
    signal.removeEventListener("abort", end);
  });
  const hearAny = (): void => {
    if (trial.signal.aborted) return;
    end();
    options.route.polls = false;
    hear({ type: "reconnect", delayMs: 0 });
  };
  // However it ends: the pages go on.
  await streaming({ ...link, signal: trial.signal, alive: () => {}, hear: hearAny }).catch(() => {});
  end();
}

/** Waits, unless the stream is closed meanwhile. */
function rest({ options: { clock }, signal }: Link, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = delayMs < Infinity ? clock.setTimeout(end, delayMs) : undefined;
    function end(): void {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}
