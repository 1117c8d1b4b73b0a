/** Time and chance as the library sees them, so that tests can hold both in their hands. */

declare const timerBrand: unique symbol;

/** A pending call of a {@link Clock}. */
export interface Timer {
  readonly [timerBrand]?: never;
}

export interface Clock {
  /** Milliseconds; only differences mean anything. */
  now(): number;
  /** Calls back once, after `delayMs`. Never keeps a Node process alive. */
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
  /** A number in [0, 1). */
  random(): number;
}

/** The real one. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout(callback, delayMs) {
    const timer: unknown = setTimeout(callback, delayMs);
    // Node's timers are objects that would hold the process open; a browser's are numbers.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") timer.unref();
    return timer as Timer;
  },
  clearTimeout(timer) {
    clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
  },
  random: () => Math.random(),
};
