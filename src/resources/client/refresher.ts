import { systemClock, type Clock, type Timer } from "../../protocol/clock.ts";

/** How {@link createRefresher} works. */
export interface RefresherOptions {
  /** Fetches. What it gets after its signal was aborted is nobody's concern any more. */
  refetch(signal: AbortSignal): unknown;
  /** A fetch that failed; the next one is on its way. */
  onError?: ((error: unknown) => void) | undefined;
  /** Quiet for so long, a burst is over. @default 200 */
  readonly debounceMs?: number | undefined;
  /** Up to so much more, so that a thousand lists do not ask in the same moment. @default 200 */
  readonly jitterMs?: number | undefined;
  /** Time and chance, for tests. @internal */
  readonly clock?: Clock | undefined;
}

/** Turns pings into fetches: one for a burst, never two at once. */
export interface Refresher {
  /**
   * Something changed: fetches when the burst is over. During a fetch, any number of these is one more after it; after one that failed,
   * they wait for the next attempt.
   */
  ping(): void;
  /** Fetches now, or once more after the fetch that runs. */
  now(): void;
  /** Fetches now, in place of what runs: what it would bring is not wanted any more. */
  restart(): void;
  /** Ends what runs, and what waits. {@link Refresher.ping} begins anew. */
  stop(): void;
}

const DEBOUNCE_MS = 200;
const JITTER_MS = 200;
/** A burst that does not end is not waited for. */
const LONGEST_BURST_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export function createRefresher({
  refetch,
  onError = (error) => console.error("tidings: a list could not be fetched; it is tried again.", error),
  debounceMs = DEBOUNCE_MS,
  jitterMs = JITTER_MS,
  clock = systemClock,
}: RefresherOptions): Refresher {
  let timer: Timer | undefined;
  /** When the burst that is waited for began. */
  let burstSince: number | undefined;
  let running: AbortController | undefined;
  /** What is wanted after the fetch that runs. */
  let next: "ping" | "now" | undefined;
  let failures = 0;

  function wait(delayMs: number): void {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(run, delayMs);
  }

  function run(): void {
    clock.clearTimeout(timer);
    burstSince = undefined;
    next = undefined;
    running?.abort();
    const mine = new AbortController();
    running = mine;
    void fetchWith(mine);
  }

  async function fetchWith(mine: AbortController): Promise<void> {
    let failed = false;
    try {
      await refetch(mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      failed = true;
      onError(error);
    }
    if (mine.signal.aborted) return;
    running = undefined;
    failures = failed ? failures + 1 : 0;
    if (next === "now") run();
    else if (failed) retry();
    else if (next === "ping") ping();
  }

  function retry(): void {
    const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    // At least half of it: what fails at once must not be asked at once.
    wait(ceiling * (1 + clock.random()) * 0.5);
  }

  function ping(): void {
    if (running) {
      next ??= "ping";
      return;
    }
    // The next attempt has its time, and brings this too.
    if (failures > 0) return;
    burstSince ??= clock.now();
    const left = burstSince + LONGEST_BURST_MS - clock.now();
    wait(Math.max(0, Math.min(left, debounceMs + clock.random() * jitterMs)));
  }

  return {
    ping,
    now() {
      if (running) next = "now";
      else run();
    },
    restart: run,
    stop() {
      clock.clearTimeout(timer);
      running?.abort();
      timer = burstSince = running = next = undefined;
      failures = 0;
    },
  };
}
