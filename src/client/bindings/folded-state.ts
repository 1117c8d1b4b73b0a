import type { Clock, Timer } from "../../protocol/clock.ts";
import { compareCursors, isCursorText, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { ClientMessage, RealtimeClient } from "../options.ts";
import { pageClock } from "../page-clock.ts";
import { guarded, warn } from "../report.ts";
import type { FoldedState, RealtimeSnapshot, UntypedStateOptions } from "./state-options.ts";

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A page that nobody sees has no frames, and browsers hold its timers back to about one a second anyway. */
const FRAMELESS_MS = 1_000;
/** Events that are kept while a state is fetched: with more of them the server is asked for what follows it. */
const MAX_KEPT = 1_000;

/** Folds the events of a channel into a state. Does nothing until somebody subscribes. */
export function createFoldedState<S>(
  firstClient: RealtimeClient,
  options: UntypedStateOptions<S>,
  clock: Clock = pageClock,
): FoldedState<S> {
  const { channel = "", events, after, initial } = options;
  const listeners = new Set<() => void>();
  const cursors = new Map<string, RealtimeCursor>();
  void warn(async () => (await import("../explain-options.ts")).explainUseRealtimeState(options));
  let latest = options;
  let client = firstClient;
  let shown: RealtimeSnapshot<S> = {
    state: typeof initial === "function" ? (initial as () => S)() : initial,
    isStale: false,
  };
  /** What the listeners are told with the next frame. */
  let next = shown;
  let frame: number | undefined;
  let frameTimer: Timer | undefined;
  let end: (() => void) | undefined;
  /** While `resync` waits for its time. */
  let timer: Timer | undefined;
  /** While `resync` runs. */
  let running: AbortController | undefined;
  /** What has come since `resync` was called, unless there was a gap in it. */
  let kept: ClientMessage[] | undefined;
  let tries = 0;

  function set(state: S, isStale: boolean): void {
    if (Object.is(state, next.state) && isStale === next.isStale) return;
    next = { state, isStale };
    // The one that comes first cancels the other.
    frameTimer ??= clock.setTimeout(tell, FRAMELESS_MS);
    frame ??= globalThis.requestAnimationFrame?.(tell);
  }

  function tell(): void {
    clock.clearTimeout(frameTimer);
    if (frame) cancelAnimationFrame(frame);
    frame = frameTimer = undefined;
    shown = next;
    for (const listener of [...listeners]) listener();
  }

  function fold(message: ClientMessage): void {
    try {
      set(latest.reduce(next.state, message), next.isStale);
    } catch (error) {
      // What it says is missing in the state, as after a gap.
      set(next.state, true);
      plan();
      throw error;
    }
  }

  /** Subscribes from where `cursors` stand. */
  function follow(): void {
    const endBefore = end;
    end = client.subscribe({
      ...{ channels: [channel], events, after, cursors },
      onData(message) {
        if (kept && kept.push(message) > MAX_KEPT) kept = undefined;
        // What was fetched last was not fetched in vain.
        if (!next.isStale) tries = 0;
        fold(message);
      },
      onGap(gap) {
        kept = undefined;
        set(next.state, true);
        plan();
        if (latest.resync) return;
        if (latest.onGap) latest.onGap(gap);
        else void warn(() => `events of channel "${channel}" may be missing (${gap.reason}). Fetch the state anew in resync.`);
      },
    });
    // Last: a client that nobody listens to for a moment would report that it is disconnected.
    endBefore?.();
  }

  /** Soon; later, the more often that was in vain. What is a gap for one page is one for many, in the same moment. */
  function plan(): void {
    if (!next.isStale || timer || running || !latest.resync) return;
    const delayMs = clock.random() * Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** tries++);
    timer = clock.setTimeout(() => void resync(), delayMs);
  }

  async function resync(): Promise<void> {
    timer = undefined;
    const { signal } = (running = new AbortController());
    const since = cursors.get(channel) as RealtimeCursor;
    kept = [];
    try {
      const fresh = await latest.resync?.(signal);
      if (signal.aborted) return;
      if (!fresh || !isCursorText(fresh.cursor)) throw new TypeError("it resolves with { state, cursor }.");
      goOn(fresh.state, fresh.cursor, since);
    } catch (error) {
      if (signal.aborted) return;
      void warn(() => `resync of channel "${channel}" failed, and will be called again: ${String(error)}`);
    }
    running = kept = undefined;
    plan();
  }

  /** Goes on from a state that stands at `cursor`, with what was kept since the subscription stood at `since`. */
  function goOn(state: S, cursor: RealtimeCursor, since: RealtimeCursor): void {
    const position = cursors.get(channel) as RealtimeCursor;
    set(state, false);
    if (kept && compareCursors(since, cursor) <= 0 && compareCursors(cursor, position) <= 0) {
      for (const message of kept) if (compareCursors(cursor, message.id) < 0) void guarded(() => fold(message));
    }
    // What follows it anywhere else is for the server to say, or that it cannot say.
    else {
      cursors.set(channel, cursor);
      follow();
    }
  }

  return {
    subscribe(onChange) {
      if (listeners.size === 0) {
        follow();
        plan();
      }
      // A function of our own, so that the same one can subscribe twice.
      const listener = (): void => onChange();
      listeners.add(listener);
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        end?.();
        clock.clearTimeout(timer);
        running?.abort();
        end = timer = running = kept = undefined;
        tell();
      };
    },
    get: () => shown,
    update(newest, newestClient = client) {
      latest = newest;
      if (newestClient === client) return;
      client = newestClient;
      if (end) follow();
    },
  };
}
