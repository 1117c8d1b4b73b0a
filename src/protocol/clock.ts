/** Time and chance as the library sees them, so that tests can hold both in their hands. */

declare const timerBrand: unique symbol;

/** A pending call of a {@link Clock}. */
export interface Timer {
  readonly [timerBrand]?: never;
}

/** What tells the time, calls back later, and rolls the dice. */
export interface Clock {
  /** Milliseconds; only differences mean anything. */
  now(): number;
  /**
   * Calls back once, after `delayMs`. It keeps a Node process alive only with `"keepAlive"`: where somebody waits for what is done
   * then, the process must not end in silence before.
   */
  setTimeout(callback: () => void, delayMs: number, keepAlive?: "keepAlive"): Timer;
  clearTimeout(timer: Timer | undefined): void;
  /** A number in [0, 1). */
  random(): number;
}

/** A platform's timer fires at once when it is asked for more than this (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real one. Waits 24.8 days at most. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout(callback, delayMs, keepAlive) {
    const timer: unknown = setTimeout(callback, Math.min(delayMs, LONGEST_TIMER_MS));
    if (keepAlive) return timer as Timer;
    // Node's timers are objects that would hold the process open; a browser's are numbers.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") timer.unref();
    return timer as Timer;
  },
  clearTimeout(timer) {
    clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
  },
  random: () => Math.random(),
};
