/**
 * A browser of the tests: tabs that can be frozen, closed and crash, with Web Locks and BroadcastChannels between them. All tabs live
 * in this process, so what is global to a page finds out by the asynchronous context which tab it is asked by.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setMaxListeners } from "node:events";
import type { Clock, Timer } from "../../src/protocol/clock.ts";
import type { FakeServer } from "../../src/client/fake-server.ts";

/** One tab of a {@link FakeBrowser}. */
export class FakeTab {
  state: "active" | "frozen" | "gone" = "active";
  /** The tab's own, whose timers wait while it is frozen. */
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly #browser: FakeBrowser;
  readonly #waiting: Array<() => void> = [];
  /** Nothing goes on in the network for a tab that has gone. */
  readonly #gone = new AbortController();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(browser: FakeBrowser, clock: Clock, server: FakeServer) {
    this.#browser = browser;
    const cleared = new WeakSet<Timer>();
    const deliver = (what: () => void): void => this.deliver(what);
    setMaxListeners(Infinity, this.#gone.signal);
    this.clock = {
      now: () => clock.now(),
      random: () => clock.random(),
      setTimeout(callback, delayMs) {
        const timer = clock.setTimeout(() => deliver(() => cleared.has(timer) || callback()), delayMs);
        return timer;
      },
      clearTimeout(timer) {
        clock.clearTimeout(timer);
        // One that is due, and waits until the tab is awake again.
        if (timer) cleared.add(timer);
      },
    };
    this.fetch = async (input, init) => {
      const abort = new AbortController();
      for (const signal of [this.#gone.signal, init?.signal]) {
        if (signal?.aborted) abort.abort();
        signal?.addEventListener("abort", () => abort.abort());
      }
      const response = await server.fetch(input, { ...init, signal: abort.signal });
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
      return new Response(this.#gated(response.body as ReadableStream<Uint8Array>), response);
    };
  }

  /** Runs code of the page. */
  run<T>(code: () => T): T {
    return this.#browser.current.run(this, code);
  }

  /** Something happens in the page: when it is frozen, later; when it has gone, never. */
  deliver(what: () => void): void {
    if (this.state === "active") this.run(what);
    else if (this.state === "frozen") this.#waiting.push(what);
  }

  freeze(): void {
    if (this.state === "active") this.state = "frozen";
  }

  thaw(): void {
    if (this.state !== "frozen") return;
    this.state = "active";
    for (const what of this.#waiting.splice(0)) this.deliver(what);
  }

  /** Ends as a tab does that is closed, after it was told; or as one that crashes. */
  close(how: "told" | "crashed"): void {
    if (how === "told" && this.state === "active") this.fire("pagehide");
    this.state = "gone";
    this.#gone.abort();
    this.#browser.locks.forget(this);
  }

  fire(event: string): void {
    for (const listener of this.#listeners.get(event) ?? []) this.run(listener);
  }

  listen(event: string, listener: () => void, signal: AbortSignal): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    signal.addEventListener("abort", () => listeners.delete(listener));
  }

  /** Bytes reach only a page that is awake. */
  #gated(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    const awake = (): Promise<void> => new Promise((resolve) => this.deliver(resolve));
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          await awake();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          await awake();
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    });
  }
}

interface LockRequest {
  readonly tab: FakeTab;
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  granted?: () => void;
}

interface LockOptions {
  readonly steal?: boolean;
  readonly signal?: AbortSignal;
}

/** Web Locks, all of them exclusive. */
class FakeLocks {
  readonly #browser: FakeBrowser;
  readonly #held = new Map<string, LockRequest>();
  readonly #queues = new Map<string, LockRequest[]>();

  constructor(browser: FakeBrowser) {
    this.#browser = browser;
  }

  request(name: string, ...rest: readonly [LockOptions, () => unknown] | readonly [() => unknown]): Promise<unknown> {
    const [options, run] = rest.length === 2 ? rest : ([{}, rest[0]] as const);
    return new Promise((resolve, reject) => {
      const request: LockRequest = { tab: this.#browser.tab, run, resolve, reject };
      if (options.signal?.aborted) return reject(new Error("aborted"));
      if (options.steal) {
        const old = this.#held.get(name);
        old?.tab.deliver(() => old.reject(new Error("stolen")));
        this.#grant(name, request);
        return;
      }
      this.#queue(name).push(request);
      const withdraw = (): void => {
        const queue = this.#queue(name);
        if (!queue.includes(request)) return;
        queue.splice(queue.indexOf(request), 1);
        reject(new Error("aborted"));
      };
      options.signal?.addEventListener("abort", withdraw, { once: true });
      request.granted = () => options.signal?.removeEventListener("abort", withdraw);
      this.#next(name);
    });
  }

  /** A tab has gone, with all that it held and waited for. */
  forget(tab: FakeTab): void {
    for (const [name, queue] of this.#queues) {
      this.#queues.set(
        name,
        queue.filter((request) => request.tab !== tab),
      );
    }
    for (const [name, held] of this.#held) {
      if (held.tab !== tab) continue;
      this.#held.delete(name);
      this.#next(name);
    }
  }

  #queue(name: string): LockRequest[] {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return queue;
  }

  #next(name: string): void {
    if (this.#held.has(name)) return;
    const request = this.#queue(name).shift();
    if (request) this.#grant(name, request);
  }

  #grant(name: string, request: LockRequest): void {
    this.#held.set(name, request);
    request.granted?.();
    const release = (): void => {
      if (this.#held.get(name) !== request) return;
      this.#held.delete(name);
      this.#next(name);
    };
    setImmediate(() =>
      request.tab.deliver(() => {
        Promise.resolve(request.run()).then(request.resolve, request.reject).finally(release);
      }),
    );
  }
}

interface Ear {
  readonly tab: FakeTab;
  hear(data: unknown): void;
}

/** The tabs, and what is between them. */
export class FakeBrowser {
  readonly current: AsyncLocalStorage<FakeTab> = new AsyncLocalStorage();
  readonly locks: FakeLocks = new FakeLocks(this);
  readonly tabs: FakeTab[] = [];
  /** Who listens to which BroadcastChannel. */
  readonly ears: Map<string, Set<Ear>> = new Map();

  /** The tab that is asking. */
  get tab(): FakeTab {
    const tab = this.current.getStore();
    if (!tab) throw new Error("this is not asked by a tab: use `tab.run`");
    return tab;
  }

  newTab(clock: Clock, server: FakeServer): FakeTab {
    const tab = new FakeTab(this, clock, server);
    this.tabs.push(tab);
    return tab;
  }

  /** What pages find on `globalThis`. */
  get globals(): Readonly<Record<string, unknown>> {
    // oxlint-disable-next-line typescript/no-this-alias, unicorn/no-this-assignment -- the class within stands for a global one
    const browser = this;
    class FakeBroadcastChannel {
      readonly #name: string;
      readonly #ear: Ear;
      readonly #listeners: Array<(event: { readonly data: unknown }) => void> = [];
      constructor(name: string) {
        this.#name = name;
        this.#ear = { tab: browser.tab, hear: (data) => this.#listeners.forEach((listener) => listener({ data })) };
        browser.ears.set(name, (browser.ears.get(name) ?? new Set()).add(this.#ear));
      }
      postMessage(message: unknown): void {
        const ears = browser.ears.get(this.#name);
        if (!ears?.has(this.#ear)) throw new Error("the channel is closed");
        const data: unknown = structuredClone(message);
        for (const ear of ears) {
          if (ear === this.#ear) continue;
          setImmediate(() =>
            ear.tab.deliver(() => {
              if (ears.has(ear)) ear.hear(data);
            }),
          );
        }
      }
      addEventListener(_type: "message", listener: (event: { readonly data: unknown }) => void): void {
        this.#listeners.push(listener);
      }
      close(): void {
        browser.ears.get(this.#name)?.delete(this.#ear);
      }
    }
    return {
      BroadcastChannel: FakeBroadcastChannel,
      navigator: { locks: this.locks },
      document: { baseURI: "http://fake.test/", hidden: false },
      addEventListener: (event: string, listener: () => void, { signal }: { readonly signal: AbortSignal }) =>
        this.tab.listen(event, listener, signal),
    };
  }
}
