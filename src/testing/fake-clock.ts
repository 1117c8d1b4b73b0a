import type { Clock, Timer } from "../protocol/clock.ts";

/** A {@link Clock} that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves time forward, calling each due timer at its own time, in order; microtasks run between them. */
  advance(ms: number): Promise<void>;
  /** Timers that are pending: 0 after everything was closed. */
  readonly pending: number;
}

interface FakeTimer extends Timer {
  at: number;
  order: number;
  callback: () => void;
}

/** A clock that starts at 0. `random` is what `random()` returns, 0.5 unless given. */
export function fakeClock(random: () => number = () => 0.5): FakeClock {
  const timers = new Set<FakeTimer>();
  let now = 0;
  let order = 0;

  function nextDue(until: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  return {
    now: () => now,
    random,
    setTimeout(callback, delayMs) {
      const timer: FakeTimer = { at: now + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      if (timer) timers.delete(timer as FakeTimer);
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let timer = nextDue(until); timer; timer = nextDue(until)) {
        timers.delete(timer);
        now = timer.at;
        timer.callback();
        await settle();
      }
      now = until;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Lets promise chains of ordinary depth finish. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
