// @ts-check
/** Places an order by itself every second, for as long as a page watches. */

const EVERY_MS = 1_000;
/** A page asks for the state twice a second; one in the background once. */
const WATCHED_MS = 5_000;
const ITEMS = ["tea", "mocha", "cake"];

/** @param {{ isBusy(): boolean, place(order: object): unknown }} till */
export function createTicker(till) {
  let paused = false;
  /** Times at which something needs orders, paused or not. */
  let needed = 0;
  let watchedUntil = 0;

  const timer = setInterval(() => {
    const wanted = needed > 0 || (!paused && Date.now() < watchedUntil);
    if (!wanted || till.isBusy()) return;
    const item = ITEMS[Math.floor(Math.random() * ITEMS.length)];
    void till.place({ item, quantity: 1 + Math.floor(Math.random() * 3) });
  }, EVERY_MS);

  return {
    isPaused: () => paused,
    /** @param {boolean} value */
    pause: (value) => void (paused = value),
    watched: () => void (watchedUntil = Date.now() + WATCHED_MS),
    /** Goes on while `work` does, paused or not. @param {() => Promise<void>} work */
    async during(work) {
      needed += 1;
      await work().finally(() => (needed -= 1));
    },
    stop: () => clearInterval(timer),
  };
}
