import { afterEach, describe, expect, it, vi } from "vitest";
import type { Broker, ListenerHandlers } from "../brokers/broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import { TidingsError } from "../protocol/error.ts";
import { handle } from "../transports/fetch.ts";
import type { RealtimeHooks } from "./hooks.ts";
import { observersOf } from "./observers.ts";
import { Realtime } from "./realtime.ts";
import type { RealtimeOptions } from "./options.ts";
import { readStream, type StreamReader } from "../../test/support/stream-reader.ts";

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

/** An instance on a log of its own, and an endpoint whose user is in a header. */
function start(options: RealtimeOptions = {}) {
  const realtime = new Realtime({ broker: createMemoryBroker(), ...options });
  open.push(realtime);
  const answer = handle({
    realtime,
    identify: (request) => request.headers.get("x-user") ?? undefined,
    authorize: ({ channel }) => !channel.startsWith("secret"),
  });
  return {
    realtime,
    answer,
    read: async (query: string, user = "ada"): Promise<StreamReader> => {
      const stream = await readStream(answer, query, { "x-user": user });
      open.push(stream);
      return stream;
    },
  };
}

const joined =
  (channels = 1) =>
  (frames: StreamReader["frames"]): boolean =>
    frames.filter(({ event }) => event === "connected").length === channels;

/** Hooks that note everything they are told, by name. */
function noting() {
  const told: Array<readonly [hook: string, info: unknown]> = [];
  const note =
    (hook: string) =>
    (info: unknown): void =>
      void told.push([hook, info]);
  const hooks: RealtimeHooks = {
    onConnect: note("onConnect"),
    onDisconnect: note("onDisconnect"),
    onEmit: note("onEmit"),
    onReplay: note("onReplay"),
    onGap: note("onGap"),
    onLag: note("onLag"),
    onBroker: note("onBroker"),
  };
  return { hooks, told, of: (hook: string) => told.filter(([name]) => name === hook).map(([, info]) => info) };
}

const aDuration = { durationMs: expect.any(Number) as number };

describe("stats", () => {
  it("of an instance that nobody uses are zeros, and cost it nothing", async () => {
    const broker = { ...methodsOf(createMemoryBroker()), listen: vi.fn<Broker["listen"]>() };
    const { realtime } = start({ broker });
    expect(realtime.stats()).toEqual({
      ...{ streams: 0, pages: 0, subscriptions: 0, channels: 0, lagging: 0 },
      emits: { total: 0, stored: 0, failed: 0 },
      ...{ deliveries: 0, bytesSent: 0, logReads: 0 },
      replays: { memory: 0, log: 0 },
      gaps: { trimmed: 0, reset: 0, unproven: 0, limit: 0 },
      refusals: expect.objectContaining({ forbidden: 0, middleware: 0 }) as object,
      broker: { name: "custom", state: "idle", since: expect.any(Number) as number },
    });
    expect(broker.listen).not.toHaveBeenCalled();
  });

  it("count streams, subscriptions and channels that are open, and what was delivered to each reader", async () => {
    const { realtime, read } = start();
    const both = await read("channel=a&channel=b");
    const one = await read("channel=a");
    const end = await realtime.channel("a").subscribe({ onData: () => {} });
    await Promise.all([both.until(joined(2)), one.until(joined())]);
    expect(realtime.stats()).toMatchObject({ streams: 2, subscriptions: 1, channels: 2, deliveries: 0 });
    await realtime.channel("a").emit("e.v", 1);
    await realtime.channel("b").emit("e.v", 2);
    await both.until((frames) => frames.filter(({ event }) => event === "").length === 2);
    await one.until((frames) => frames.some(({ event }) => event === ""));
    expect(realtime.stats()).toMatchObject({ emits: { total: 2, stored: 2, failed: 0 }, deliveries: 4 });
    await one.close();
    end();
    end();
    await vi.waitFor(() => expect(realtime.stats()).toMatchObject({ streams: 1, subscriptions: 0 }));
  });

  it("count pages that wait, and the bytes of streams and pages to the last one", async () => {
    const { realtime, answer } = start();
    const request = (accept: string, wait: string): Request =>
      new Request(`http://localhost/?channel=a${wait}`, { headers: { accept } });
    const page = answer(request("application/json", "&wait=30"));
    await vi.waitFor(() => expect(realtime.stats().pages).toBe(1));
    const stream = await answer(request("text/event-stream", ""));
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    let bytes = 0;
    const reading = (async () => {
      for (let read = await reader.read(); !read.done; read = await reader.read()) bytes += read.value.length;
    })();
    await vi.waitFor(() => expect(realtime.stats().channels).toBe(1));
    await realtime.channel("a").emit("e.v", "ünï");
    const paged = new TextEncoder().encode(await (await page).text()).length;
    expect(realtime.stats().pages).toBe(0);
    await vi.waitFor(() => expect(bytes).toBeGreaterThan(100));
    await realtime.close();
    await reading;
    expect(realtime.stats().bytesSent).toBe(bytes + paged);
  });

  it("count requests that got no stream and no page, by code, and what middleware answered by itself", async () => {
    const { realtime, answer } = start();
    const guarded = handle({
      realtime,
      middleware: ({ request }) => (request.headers.has("x-user") ? undefined : new Response("Who are you?", { status: 401 })),
    });
    const ask = (to: typeof answer, query: string, headers = {}): Promise<Response> =>
      Promise.resolve(to(new Request(`http://localhost/?${query}`, { headers })));
    await ask(answer, "channel=secret:1", { "x-user": "ada" });
    await ask(answer, "channel=secret:2", { accept: "application/json" });
    await ask(answer, "channel=no%20name");
    await ask(guarded, "channel=a");
    const page = await ask(answer, "channel=a", { accept: "application/json" });
    expect(page.status, "which is none").toBe(200);
    const counted = Object.entries(realtime.stats().refusals).filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toEqual({ forbidden: 2, bad_channel: 1, middleware: 1 });
    await realtime.close();
    await ask(answer, "channel=a", { accept: "application/json" });
    // Of an `EventSource`, whose answer is a stream that ends.
    await ask(answer, "channel=a");
    expect(realtime.stats().refusals).toMatchObject({ closing: 2, middleware: 1 });
  });

  it("tell replays from memory from those that read the log", async () => {
    const { realtime, read } = start();
    const first = await realtime.channel("a").emit("e.v", 1);
    const second = await realtime.channel("a").emit("e.v", 2);
    const cold = await read(`channel=a&v=1&at=${first}`);
    await cold.until(joined());
    await vi.waitFor(() => expect(realtime.stats().replays).toEqual({ memory: 0, log: 1 }));
    await realtime.channel("a").emit("e.v", 3);
    await cold.until((frames) => frames.filter(({ event }) => event === "").length === 2);
    const reads = realtime.stats().logReads;
    const warm = await read(`channel=a&v=1&at=${second}`);
    await warm.until((frames) => frames.some(({ event }) => event === ""));
    await vi.waitFor(() => expect(realtime.stats()).toMatchObject({ replays: { memory: 1, log: 1 }, logReads: reads }));
    // Who asks for nothing of the past is no return.
    await (await read("channel=a")).until(joined());
    expect(realtime.stats().replays).toEqual({ memory: 1, log: 1 });
  });

  it("count an emit that failed, and not one that was refused before", async () => {
    const append = async (): Promise<never> => {
      throw new TidingsError("not_stored", "no");
    };
    const { realtime } = start({ broker: { ...methodsOf(createMemoryBroker()), append } });
    await expect(realtime.emit("e.v", 1)).rejects.toMatchObject({ code: "not_stored" });
    await expect(realtime.emit("not an event", 1)).rejects.toMatchObject({ code: "bad_event" });
    expect(realtime.stats().emits).toEqual({ total: 1, stored: 0, failed: 1 });
  });

  it("of two instances that share a broker are the same", async () => {
    const broker = createMemoryBroker();
    const [one, other] = [start({ broker }), start({ broker })];
    await one.realtime.emit("e.v", 1);
    expect(other.realtime.stats().emits.stored).toBe(1);
  });

  it("can be had after close, and leave nothing behind, also of an instance that was never used", async () => {
    const { realtime } = start();
    await realtime.emit("e.v", 1);
    await realtime.close();
    expect(realtime.stats().emits.stored).toBe(1);
    const broker = { ...methodsOf(createMemoryBroker()), close: vi.fn<Broker["close"]>(async () => {}) };
    const unused = start({ broker }).realtime;
    await unused.close();
    expect(unused.stats().emits.stored).toBe(0);
    await vi.waitFor(() => expect(broker.close).toHaveBeenCalledOnce());
  });
});

describe("hooks", () => {
  it("are told who connects and who leaves, with what it took", async () => {
    const { hooks, of } = noting();
    const { read } = start({ hooks });
    const stream = await read("channel=a&channel=secret:b", "grace");
    await stream.until(joined());
    const who = { kind: "stream", user: "grace", channels: ["a"] };
    expect(of("onConnect")).toEqual([who]);
    await stream.close();
    await vi.waitFor(() =>
      expect(of("onDisconnect")).toEqual([{ ...who, ...aDuration, bytesSent: expect.any(Number) as number }]),
    );
  });

  it("are told of a page, too", async () => {
    const { hooks, of } = noting();
    const { answer } = start({ hooks });
    const page = await answer(new Request("http://localhost/?channel=a", { headers: { accept: "application/json" } }));
    const bytesSent = (await page.text()).length;
    expect(of("onConnect")).toEqual([{ kind: "page", user: undefined, channels: ["a"] }]);
    expect(of("onDisconnect")).toEqual([{ kind: "page", user: undefined, channels: ["a"], ...aDuration, bytesSent }]);
  });

  it("are told how each emit ended", async () => {
    const { hooks, of } = noting();
    let fails = false;
    const inner = createMemoryBroker();
    const broker: Broker = {
      ...methodsOf(inner),
      append: async (...args) => {
        if (fails) throw new TidingsError("outcome_unknown", "nobody knows");
        return await inner.append(...args);
      },
    };
    const { realtime } = start({ hooks, broker });
    const cursor = await realtime.channel("a").emit("e.v", 1);
    fails = true;
    const error: unknown = await realtime.emit("e.w", 2).catch((reason: unknown) => reason);
    expect(of("onEmit")).toEqual([
      { channel: "a", event: "e.v", ...aDuration, cursor, error: undefined },
      { channel: "default", event: "e.w", ...aDuration, cursor: undefined, error },
    ]);
  });

  it("are told of a replay: whose, how many events, and from where", async () => {
    const { hooks, of } = noting();
    const { realtime, read } = start({ hooks });
    for (const data of [1, 2, 3]) await realtime.channel("a").emit("e.v", data);
    const stream = await read("channel=a&v=1&at=-2");
    await stream.until((frames) => frames.filter(({ event }) => event === "").length === 2);
    await vi.waitFor(() =>
      expect(of("onReplay")).toEqual([
        { kind: "stream", user: "ada", channels: ["a"], channel: "a", events: 2, from: "log", ...aDuration },
      ]),
    );
  });

  it("are told of a gap once for all who were up to date, and with a name for one who came back", async () => {
    const { hooks, of } = noting();
    const inner = createMemoryBroker();
    let handlers: ListenerHandlers | undefined;
    const broker: Broker = { ...methodsOf(inner), listen: (to) => inner.listen((handlers = to)) };
    const { realtime, read } = start({ hooks, broker, history: { maxLength: 1 } });
    const channel = realtime.channel("a");
    const before = await channel.emit("e.v", 1);
    const streams = [await read("channel=a"), await read("channel=a")];
    for (const stream of streams) await stream.until(joined());
    // The subscription breaks, and the log is trimmed meanwhile.
    handlers?.lost();
    await channel.emit("e.v", 2);
    await channel.emit("e.v", 3);
    handlers?.restored(["a"]);
    for (const stream of streams) await stream.until((frames) => frames.some(({ event }) => event === "gap"));
    const gap = { channel: "a", after: before, reason: "trimmed", cursor: expect.any(String) as string };
    expect(of("onGap")).toEqual([{ ...gap, readers: 2 }]);
    const late = await read(`channel=a&v=1&at=${before}`, "bob");
    await late.until((frames) => frames.some(({ event }) => event === "gap"));
    const reader = { kind: "stream", user: "bob", channels: ["a"] };
    expect(of("onGap").slice(1)).toEqual([{ ...gap, readers: 1, reader }]);
    expect(realtime.stats().gaps).toEqual({ trimmed: 3, reset: 0, unproven: 0, limit: 0 });
  });

  it("are told who has fallen behind, and that it has caught up", async () => {
    const { hooks, of } = noting();
    const { realtime } = start({ hooks });
    let work = (): void => {};
    const busy = new Promise<void>((resolve) => (work = resolve));
    let last: unknown;
    await realtime.channel("a").subscribe({
      onData: async ({ data }) => {
        await busy;
        last = data;
      },
    });
    const large = "x".repeat(100_000);
    for (const data of [large, large, large, large, "the end"]) await realtime.channel("a").emit("e.v", data);
    const who = { kind: "subscription", user: undefined, channels: ["a"], channel: "a" };
    await vi.waitFor(() => expect(of("onLag")).toEqual([{ ...who, isBehind: true, durationMs: 0 }]));
    expect(realtime.stats().lagging).toBe(1);
    work();
    await vi.waitFor(() => expect(last).toBe("the end"));
    await vi.waitFor(() => expect(of("onLag").slice(1)).toEqual([{ ...who, isBehind: false, ...aDuration }]));
    expect(realtime.stats().lagging).toBe(0);
  });

  it("forget the lag of a reader that leaves", async () => {
    const { realtime } = start();
    const end = await realtime.channel("a").subscribe({ onData: () => new Promise<void>(() => {}) });
    for (let n = 0; n < 5; n++) await realtime.channel("a").emit("e.v", "x".repeat(100_000));
    await vi.waitFor(() => expect(realtime.stats().lagging).toBe(1));
    end();
    expect(realtime.stats().lagging).toBe(0);
  });

  it("that throw or reject disturb nothing, and are logged once each", async () => {
    const logger = { log: vi.fn<() => void>(), warn: vi.fn<() => void>(), error: vi.fn<(message: string) => void>() };
    const { realtime, read } = start({
      logger,
      hooks: {
        onConnect: () => {
          throw new Error("thrown");
        },
        onEmit: async () => {
          throw new Error("rejected");
        },
      },
    });
    const stream = await read("channel=a");
    await (await read("channel=a")).until(joined());
    await stream.until(joined());
    await realtime.channel("a").emit("e.v", 1);
    await realtime.channel("a").emit("e.v", 2);
    await stream.until((frames) => frames.filter(({ event }) => event === "").length === 2);
    await vi.waitFor(() =>
      expect(logger.error.mock.calls.map(([message]) => /`(\w+)`/.exec(message)?.[1])).toEqual(["onConnect", "onEmit"]),
    );
  });

  it("of one instance hear nothing of another's readers, and both hear of the broker", async () => {
    const broker = createSilentBroker();
    const [one, other] = [noting(), noting()];
    const first = start({ broker, hooks: one.hooks });
    const second = start({ broker, hooks: other.hooks });
    second.realtime.stats();
    await (await first.read("channel=a")).until(joined());
    expect(other.of("onConnect")).toEqual([]);
    const change = { name: "custom", state: "connected", since: expect.any(Number) as number, ...aDuration };
    expect(one.of("onBroker")).toEqual([change]);
    expect(other.of("onBroker")).toEqual([change]);
  });

  it("that are added later, as by an instrumentation, can be taken off again", async () => {
    const { realtime } = start();
    const { hooks, of } = noting();
    const end = observersOf(realtime)?.add(hooks);
    await realtime.emit("e.v", 1);
    end?.();
    await realtime.emit("e.v", 2);
    expect(of("onEmit")).toHaveLength(1);
  });
});

describe("health", () => {
  it("is ready once the broker was reached, which asking for it brings about", async () => {
    const { realtime } = start({ broker: createSilentBroker() });
    expect(realtime.health()).toMatchObject({ live: true, ready: false, broker: { state: "idle" } });
    await vi.waitFor(() =>
      expect(realtime.health()).toMatchObject({ live: true, ready: true, broker: { state: "connected" } }),
    );
  });

  it("is not ready while the broker was never reached, and asks one question at a time", async () => {
    let refuse = (_error: unknown): void => {};
    const locate = vi.fn<Broker["locate"]>(() => new Promise((_resolve, reject) => (refuse = reject)));
    const { realtime } = start({ broker: { ...createSilentBroker(), locate } });
    for (let ask = 0; ask < 3; ask++) expect(realtime.health()).toMatchObject({ live: true, ready: false });
    expect(locate).toHaveBeenCalledOnce();
    refuse(new TidingsError("broker_unavailable", "away"));
    await vi.waitFor(() => expect(realtime.health()).toMatchObject({ ready: false, broker: { state: "away" } }));
    await vi.waitFor(() => expect(locate.mock.calls.length).toBeGreaterThan(1));
  });

  it("stays ready, and live, when the broker goes away later", async () => {
    const inner = createSilentBroker();
    let handlers: ListenerHandlers | undefined;
    const { realtime } = start({ broker: { ...inner, listen: (to) => inner.listen((handlers = to)) } });
    await realtime.subscribe({ onData: () => {} });
    handlers?.lost();
    expect(realtime.health()).toMatchObject({ live: true, ready: true, broker: { state: "away" } });
    handlers?.restored(["default"]);
    expect(realtime.health()).toMatchObject({ live: true, ready: true, broker: { state: "connected" } });
  });

  it("is neither live nor ready once the instance is closed", async () => {
    const { realtime } = start();
    await realtime.emit("e.v", 1);
    expect(realtime.health()).toMatchObject({ live: true, ready: true, draining: false, broker: { name: "memory" } });
    await realtime.close();
    expect(realtime.health()).toMatchObject({ live: false, ready: false });
  });
});

/** A broker as users write one, which does not say whether it can be reached. */
function createSilentBroker(): Broker {
  return methodsOf(createMemoryBroker());
}

function methodsOf(broker: Broker): Broker {
  return {
    append: (...args) => broker.append(...args),
    read: (...args) => broker.read(...args),
    locate: (...args) => broker.locate(...args),
    listen: (handlers) => broker.listen(handlers),
    close: () => broker.close(),
  };
}
