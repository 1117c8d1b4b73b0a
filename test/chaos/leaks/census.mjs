// @ts-check
/** Counts what a process holds. To be imported before anything that it is to count. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** @type {Set<unknown>} */
const timers = new Set();
for (const [set, clear] of /** @type {const} */ ([
  ["setTimeout", "clearTimeout"],
  ["setInterval", "clearInterval"],
])) {
  const [realSet, realClear] = /** @type {[Function, Function]} */ ([globalThis[set], globalThis[clear]]);
  const counted = (/** @type {Function} */ callback, /** @type {number} */ ms, /** @type {unknown[]} */ ...rest) => {
    const timer = realSet(() => {
      if (set === "setTimeout") timers.delete(timer);
      callback(...rest);
    }, ms);
    timers.add(timer);
    return timer;
  };
  const cleared = (/** @type {unknown} */ timer) => {
    timers.delete(timer);
    realClear(timer);
  };
  Object.assign(globalThis, { [set]: counted, [clear]: cleared });
}

/** Resolves after so many milliseconds, by a timer that is not counted. @type {(ms: number) => Promise<void>} */
export const { setTimeout: sleep } = await import("node:timers/promises");

/** How many timers are pending, also such as do not keep the process alive. */
export const pendingTimers = () => timers.size;

/** Sockets, pipes and other handles that keep the process alive, without its own three. */
export const handles = () =>
  process.getActiveResourcesInfo().filter((name) => !["Immediate", "Timeout", "PipeWrap", "TTYWrap"].includes(name)).length;

/** @param {import("node:events").EventEmitter} emitter */
export const listenersOf = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

/** The hubs of this process. @returns {Array<{ streams: number, topics: number, channels: number }>} */
export function hubs() {
  const registry = /** @type {Record<symbol, Record<number, { hubs: Map<unknown, { hub: any }> }>>} */ (
    /** @type {unknown} */ (globalThis)
  )[Symbol.for("tidings")];
  return Object.values(registry ?? {}).flatMap(({ hubs }) => [...hubs.values()].map(({ hub }) => hub));
}

/** Bytes of the heap that are in use once its garbage is collected. */
export async function heap() {
  for (let pass = 0; pass < 4; pass++) {
    await nextTurn();
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

/**
 * Resolves when a condition holds.
 * @param {string} what
 * @param {() => unknown} isMet what is not `true`, also by a promise, stands in the error
 */
export async function until(what, isMet, timeoutMs = 40_000) {
  const deadline = performance.now() + timeoutMs;
  for (let answer = await isMet(); answer !== true; answer = await isMet()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what} (${JSON.stringify(answer)})`);
    await sleep(10);
  }
}

/**
 * Does each thing so many times, a few at once.
 * @param {ReadonlyArray<readonly [times: number, act: (n: number) => Promise<void>]>} acts
 * @returns {Promise<number>} how often something was done
 */
export async function doAll(acts) {
  const queue = acts.flatMap(([times, act]) => Array.from({ length: times }, (_, n) => () => act(n)));
  // One kind beside the other.
  for (let at = queue.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [queue[at], queue[other]] = /** @type {[() => Promise<void>, () => Promise<void>]} */ ([queue[other], queue[at]]);
  }
  const count = queue.length;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = queue.pop(); next; next = queue.pop()) await next();
    }),
  );
  return count;
}
