import type { Clock, Timer } from "../protocol/clock.ts";

/** Time and chance of the page. In Node its timers keep the process alive: someone waits for events. */
export const pageClock: Clock = {
  now: Date.now,
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) as unknown as Timer,
  clearTimeout: (timer) => clearTimeout(timer as unknown as number),
  random: Math.random,
};
