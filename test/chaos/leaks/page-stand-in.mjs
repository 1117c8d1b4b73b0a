// @ts-check
/** As much of a page as the client looks for, in Node, and what of it is in use. To be imported before the client. */

/** Who listens to the page, by event. Node's own EventTarget forgets a listener's signal when garbage is collected. @type {Map<string, Set<any>>} */
const listeners = new Map();

/** @param {string} name @param {any} listener @param {{ signal?: AbortSignal }} [options] */
function addEventListener(name, listener, { signal } = {}) {
  const all = listeners.get(name) ?? new Set();
  listeners.set(name, all.add(listener));
  signal?.addEventListener("abort", () => all.delete(listener), { once: true });
}

/** @param {string} name @param {any} listener */
const removeEventListener = (name, listener) => void listeners.get(name)?.delete(listener);
const document = { baseURI: "http://localhost/", visibilityState: "visible", addEventListener, removeEventListener };

/** @typedef {{ run: () => unknown, settle: (outcome: Promise<unknown>) => void }} LockRequest */

/** Web Locks, all of them exclusive. */
class Locks {
  /** @type {Map<string, LockRequest>} */
  held = new Map();
  /** @type {Map<string, LockRequest[]>} */
  queues = new Map();

  /** @param {string} name @param {any} options @param {() => unknown} [run] */
  request(name, options, run = options) {
    return new Promise((resolve, reject) => {
      /** @type {LockRequest} */
      const request = { run, settle: (outcome) => void outcome.then(resolve, reject) };
      const { signal, steal } = typeof options === "function" ? {} : options;
      if (signal?.aborted) return reject(new Error("aborted"));
      if (steal) {
        this.held.get(name)?.settle(Promise.reject(new Error("stolen")));
        return this.#grant(name, request);
      }
      const queue = this.queues.get(name) ?? [];
      this.queues.set(name, queue);
      queue.push(request);
      const withdraw = () => {
        if (!queue.includes(request)) return;
        queue.splice(queue.indexOf(request), 1);
        if (queue.length === 0 && !this.held.has(name)) this.queues.delete(name);
        reject(new Error("aborted"));
      };
      signal?.addEventListener("abort", withdraw, { once: true });
      this.#next(name);
    });
  }

  /** @param {string} name */
  #next(name) {
    const queue = this.queues.get(name);
    if (this.held.has(name)) return;
    const request = queue?.shift();
    if (!request) return void this.queues.delete(name);
    this.#grant(name, request);
  }

  /** @param {string} name @param {LockRequest} request */
  #grant(name, request) {
    this.held.set(name, request);
    setImmediate(() => {
      const outcome = Promise.resolve().then(request.run);
      request.settle(outcome);
      const release = () => {
        if (this.held.get(name) !== request) return;
        this.held.delete(name);
        this.#next(name);
      };
      outcome.then(release, release);
    });
  }
}

const locks = new Locks();
let channels = 0;
const RealChannel = BroadcastChannel;
class CountedChannel extends RealChannel {
  #isOpen = true;
  /** @param {string} name */
  constructor(name) {
    super(name);
    channels++;
  }

  close() {
    if (this.#isOpen) channels--;
    this.#isOpen = false;
    super.close();
  }
}

Object.assign(globalThis, {
  window: globalThis,
  document,
  BroadcastChannel: CountedChannel,
  addEventListener,
  removeEventListener,
});
Object.defineProperty(globalThis, "navigator", { value: { locks, onLine: true }, configurable: true });

/** Something happens to the page. @param {string} name */
export function fire(name) {
  for (const listener of listeners.get(name) ?? []) listener(new Event(name));
}

/** What of the page is in use. */
export const pageInUse = () => ({
  "listeners of the page": [...listeners.values()].reduce((sum, { size }) => sum + size, 0),
  "broadcast channels": channels,
  locks: locks.held.size + [...locks.queues.values()].reduce((sum, queue) => sum + queue.length, 0),
});
