import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi, type Mock } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import type { Broker } from "../brokers/broker.ts";
import { ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { CursorUnavailableError, isTidingsError, TidingsError } from "../protocol/error.ts";
import type { Gap } from "../protocol/frames.ts";
import type { RealtimeOptions } from "./options.ts";
import { Realtime } from "./realtime.ts";

const open: Array<{ close(): Promise<void> }> = [];

type Say = (message: string, ...details: unknown[]) => void;

function silentLogger(): { log: () => void; warn: Mock<Say>; error: Mock<Say> } {
  return { log() {}, warn: vi.fn<Say>(), error: vi.fn<Say>() };
}

function createRealtime(options: RealtimeOptions = {}): Realtime {
  const realtime = new Realtime({ broker: createMemoryBroker(), logger: silentLogger(), ...options });
  open.push(realtime);
  return realtime as never;
}

afterEach(async () => {
  for (const realtime of open.splice(0)) await realtime.close();
});

/** A broker whose log can never be read, and which acknowledges no subscription. */
function unreachableBroker(): Broker {
  const broker = createMemoryBroker();
  broker.listen = () => ({ join: () => new Promise(() => {}), leave() {}, close() {} });
  return broker;
}

/** Frees what nobody holds. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // A target that was looked at in this turn is held to its end.
  await new Promise((resolve) => setImmediate(resolve));
  gc();
}

interface Seen {
  readonly data: unknown;
  readonly replayed: boolean;
}

describe("subscribe", () => {
  it("F-73: resolves when what is emitted from then on will arrive, and tells each event once, in order", async () => {
    const channel = createRealtime().channel("room:1");
    const seen: unknown[] = [];
    await channel.emit("e.v", 0);
    await channel.subscribe({ onData: (message) => seen.push(message) });
    const id = await channel.emit("e.v", { n: 1 });
    await channel.emit("e.w", 2);
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    expect(seen[0]).toEqual({ id, channel: "room:1", event: "e.v", data: { n: 1 }, replayed: false });
    expect(seen[1]).toMatchObject({ event: "e.w", data: 2 });
  });

  it("B-23: any number of subscriptions on a channel, each with its own handler, events and end", async () => {
    const channel = createRealtime().channel("room:1");
    const all: unknown[] = [];
    const some: unknown[] = [];
    const thrown: unknown[] = [];
    const endAll = await channel.subscribe({ onData: ({ data }) => all.push(data) });
    await channel.subscribe({ events: ["e.b"], onData: ({ data }) => some.push(data) });
    await channel.subscribe({
      onData({ data }) {
        thrown.push(data);
        throw new Error("a handler of the test");
      },
    });
    for (const [event, data] of [
      ["e.a", 1],
      ["e.b", 2],
      ["e.a", 3],
    ] as const)
      await channel.emit(event, data);
    await vi.waitFor(() => expect(thrown, "a throw does not end a subscription").toEqual([1, 2, 3]));
    expect([all, some]).toEqual([[1, 2, 3], [2]]);
    endAll();
    endAll();
    await channel.emit("e.b", 4);
    await vi.waitFor(() => expect([thrown.length, some]).toEqual([4, [2, 4]]));
    expect(all).toEqual([1, 2, 3]);
  });

  it("F-73: events that is empty means all of them", async () => {
    const channel = createRealtime().channel("c");
    const seen: unknown[] = [];
    await channel.subscribe({ events: [], onData: ({ data }) => seen.push(data) });
    await channel.emit("e.v", 1);
    await vi.waitFor(() => expect(seen).toEqual([1]));
  });

  it("awaits a handler before it calls it again, and others do not wait for it", async () => {
    const channel = createRealtime().channel("c");
    const log: string[] = [];
    const gates: Array<() => void> = [];
    await channel.subscribe({
      async onData({ data }) {
        log.push(`begin ${data as number}`);
        await new Promise<void>((resolve) => gates.push(resolve));
        log.push(`end ${data as number}`);
      },
    });
    const fast: unknown[] = [];
    await channel.subscribe({ onData: ({ data }) => fast.push(data) });
    await channel.emit("e.v", 1);
    await channel.emit("e.v", 2);
    await vi.waitFor(() => expect(fast).toEqual([1, 2]));
    expect(log).toEqual(["begin 1"]);
    gates.shift()?.();
    await vi.waitFor(() => expect(log).toEqual(["begin 1", "end 1", "begin 2"]));
    gates.shift()?.();
    await vi.waitFor(() => expect(log.at(-1)).toBe("end 2"));
  });

  it("I5 Bound: a handler that is slow leaves the live topic, and goes on from the log without a loss", async () => {
    const channel = createRealtime().channel("c");
    const seen: number[] = [];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    await channel.subscribe({
      async onData({ data }) {
        seen.push((data as { n: number }).n);
        await gate;
      },
    });
    const text = "x".repeat(10_000);
    for (let n = 0; n < 100; n++) {
      await channel.emit("e.v", { n, text });
      // Delivered in turns of its own, so that it is blocked while more comes.
      if (n % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    release();
    await vi.waitFor(() => expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n)));
  });

  it("U-20: history: the past first, oldest first, marked as replayed, then what is new, without a gap", async () => {
    const channel = createRealtime().channel("c");
    for (let n = 0; n < 5; n++) await channel.emit("e.v", n);
    const collect = async (history: boolean | { limit?: number }): Promise<Seen[]> => {
      const seen: Seen[] = [];
      await channel.subscribe({ history, onData: ({ data, replayed }) => seen.push({ data, replayed }) });
      return seen;
    };
    const all = await collect(true);
    const newest = await collect({ limit: 2 });
    const none = await collect(false);
    await channel.emit("e.v", "live");
    await vi.waitFor(() => expect(none).toHaveLength(1));
    const live = { data: "live", replayed: false };
    const past = [0, 1, 2, 3, 4].map((data) => ({ data, replayed: true }));
    await vi.waitFor(() => expect(all).toEqual([...past, live]));
    await vi.waitFor(() => expect(newest).toEqual([...past.slice(-2), live]));
    expect(none).toEqual([live]);
  });

  it("U-20: history with start and end chooses from the past; what is new follows all the same", async () => {
    let now = 1_000;
    const broker = createMemoryBroker({ now: () => now });
    const channel = createRealtime({ broker }).channel("c");
    for (; now < 1_006; now++) await channel.emit("e.v", now);
    const seen: unknown[] = [];
    const newest: unknown[] = [];
    await channel.subscribe({ history: { start: 1_001, end: 1_003 }, onData: ({ data }) => seen.push(data) });
    await channel.subscribe({ history: { limit: 2, end: 1_003 }, onData: ({ data }) => newest.push(data) });
    await channel.emit("e.v", "live");
    await vi.waitFor(() => expect(seen).toEqual([1_001, 1_002, 1_003, "live"]));
    await vi.waitFor(() => expect(newest).toEqual([1_002, 1_003, "live"]));
  });

  it("U-28: after goes on behind a cursor, exclusive", async () => {
    const channel = createRealtime().channel("c");
    await channel.emit("e.v", 1);
    const cursor = await channel.cursor();
    await channel.emit("e.v", 2);
    const seen: Seen[] = [];
    await channel.subscribe({ after: cursor, onData: ({ data, replayed }) => seen.push({ data, replayed }) });
    await channel.emit("e.v", 3);
    await vi.waitFor(() =>
      expect(seen).toEqual([
        { data: 2, replayed: true },
        { data: 3, replayed: false },
      ]),
    );
  });

  it("U-28: an after that the log cannot prove rejects with CursorUnavailableError, and nothing is delivered", async () => {
    const channel = createRealtime({ history: { maxLength: 2 } }).channel("c");
    const cursor = await channel.emit("e.v", 0);
    for (let n = 1; n < 5; n++) await channel.emit("e.v", n);
    const seen: unknown[] = [];
    const refused: unknown = await channel
      .subscribe({ after: cursor, onData: (m) => seen.push(m) })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CursorUnavailableError);
    expect(refused).toMatchObject({ code: "cursor_unavailable", channel: "c", cursor, retryable: false });
    await channel.emit("e.v", 5);
    expect(seen).toEqual([]);
  });

  it("U-28: with onGap the gap is told, once, and what is left follows", async () => {
    const channel = createRealtime({ history: { maxLength: 2 } }).channel("c");
    const cursor = await channel.emit("e.v", 0);
    const ids: RealtimeCursor[] = [];
    for (let n = 1; n < 5; n++) ids.push(await channel.emit("e.v", n));
    const seen: unknown[] = [];
    const gaps: Gap[] = [];
    await channel.subscribe({ after: cursor, onData: ({ data }) => seen.push(data), onGap: (gap) => gaps.push(gap) });
    await vi.waitFor(() => expect(seen).toEqual([3, 4]));
    expect(gaps).toEqual([{ channel: "c", after: cursor, cursor: ids[1], reason: "trimmed" }]);
  });

  it("U-28: after and history together are refused", async () => {
    const channel = createRealtime().channel("c");
    await expect(channel.subscribe({ after: ORIGIN, history: true, onData() {} })).rejects.toMatchObject({
      code: "bad_option",
    });
  });

  it("without onGap a gap is one warning", async () => {
    const logger = silentLogger();
    const channel = createRealtime({ logger, history: false }).channel("c");
    const seen: unknown[] = [];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    await channel.subscribe({ onData: ({ data }) => (seen.push(data), gate) });
    for (let n = 0; n < 3; n++) {
      await channel.emit("e.v", "x".repeat(300_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toHaveLength(1);
    release();
    await vi.waitFor(() => expect(logger.warn).toHaveBeenCalledOnce());
    expect(String(logger.warn.mock.calls[0]?.[0])).toMatch(/channel "c" may be missing \(trimmed\).*onGap/);
  });

  it("a handler for gaps that throws or rejects ends nothing and crashes nothing", async () => {
    const logger = silentLogger();
    const channel = createRealtime({ logger, history: { maxLength: 1 } }).channel("c");
    const cursor = await channel.emit("e.v", 0);
    for (let n = 1; n < 4; n++) await channel.emit("e.v", n);
    const seen: unknown[] = [];
    const onGap = async (): Promise<void> => {
      await Promise.resolve();
      throw new Error("a handler of the test");
    };
    await channel.subscribe({ after: cursor, onData: ({ data }) => seen.push(data), onGap });
    await channel.emit("e.v", 4);
    await vi.waitFor(() => expect(seen).toEqual([3, 4]));
    expect(logger.error).toHaveBeenCalledOnce();
  });

  it("F-73: unsubscribe ends every subscription of the channel, and no other", async () => {
    const realtime = createRealtime();
    const seen: string[] = [];
    const [a, b] = [realtime.channel("a"), realtime.channel("b")];
    await a.subscribe({ onData: () => seen.push("a1") });
    await a.subscribe({ onData: () => seen.push("a2") });
    await b.subscribe({ onData: () => seen.push("b") });
    a.unsubscribe();
    await a.emit("e.v", 1);
    await b.emit("e.v", 1);
    await vi.waitFor(() => expect(seen).toEqual(["b"]));
  });

  it("F-73: unsubscribe ends a subscription that still waits for the broker: its promise resolves, its handlers never run", async () => {
    const broker = createMemoryBroker();
    const joins: Array<() => void> = [];
    const { listen } = broker;
    broker.listen = (handlers) => {
      const listener = listen.call(broker, handlers);
      return {
        join: async (channel) => {
          await new Promise<void>((resolve) => joins.push(resolve));
          await listener.join(channel);
        },
        leave: (channel) => listener.leave(channel),
        close: () => listener.close(),
      };
    };
    const channel = createRealtime({ broker }).channel("c");
    await channel.emit("e.v", 0);
    const never = vi.fn<() => void>();
    const [first, second] = [0, 1].map(() => channel.subscribe({ history: true, onData: never, onGap: never }));
    channel.unsubscribe();
    const end = await first;
    end?.();
    await second;
    const seen: unknown[] = [];
    const later = channel.subscribe({ history: true, onData: ({ data }) => seen.push(data) });
    for (const join of joins) join();
    await later;
    await channel.emit("e.v", 1);
    await vi.waitFor(() => expect(seen).toEqual([0, 1]));
    expect(never).not.toHaveBeenCalled();
  });

  it("unsubscribe reaches a subscription whose channel object was let go of", async () => {
    const realtime = createRealtime();
    const seen: unknown[] = [];
    const other: unknown[] = [];
    await realtime.channel("c").subscribe({ onData: ({ data }) => seen.push(data) });
    await collectGarbage();
    realtime.channel("c").unsubscribe();
    await realtime.channel("c").subscribe({ onData: ({ data }) => other.push(data) });
    await realtime.channel("c").emit("e.v", 1);
    await vi.waitFor(() => expect(other).toEqual([1]));
    expect(seen).toEqual([]);
  });

  it("I9 Close: nothing is held of a subscription that ended, by its signal, by a failure or by its own end", async () => {
    const broker = createMemoryBroker();
    // A mock would hold what it was called with.
    const realtime = createRealtime({ broker, history: { maxLength: 1 }, logger: { log() {}, warn() {}, error() {} } });
    const cursor = await realtime.channel("c").emit("e.v", 0);
    for (let n = 1; n < 4; n++) await realtime.channel("c").emit("e.v", n);
    broker.read = () => Promise.reject(new TidingsError("broker_refused", "the test's broker refuses to read."));
    const handlers: Array<WeakRef<object>> = [];
    const handler = (): (() => void) => {
      const onData = (): void => {};
      handlers.push(new WeakRef(onData));
      return onData;
    };
    const outcomes = new Set<unknown>();
    const forever = new AbortController();
    const { signal } = forever;
    const cycle = async (): Promise<void> => {
      const ending = new AbortController();
      await realtime.channel("a").subscribe({ onData: handler(), signal: ending.signal });
      ending.abort();
      const pending = new AbortController();
      const waiting = realtime.channel("a").subscribe({ onData: handler(), signal: pending.signal });
      pending.abort("the test has had enough");
      outcomes.add(await waiting.catch((reason: unknown) => reason));
      (await realtime.channel("b").subscribe({ onData: handler(), signal }))();
      const refused = realtime.channel("c").subscribe({ after: cursor, onData: handler(), signal });
      outcomes.add(await refused.catch((error: TidingsError) => error.code));
    };
    for (let n = 0; n < 10; n++) await cycle();
    await vi.waitFor(async () => {
      await collectGarbage();
      expect(handlers.flatMap((held, at) => (held.deref() ? [at % 4] : []))).toEqual([]);
    });
    expect(handlers).toHaveLength(40);
    expect([...outcomes]).toEqual(["the test has had enough", "channel_unavailable"]);
  });

  it("ends when its signal aborts, from inside a handler too", async () => {
    const channel = createRealtime().channel("c");
    const controller = new AbortController();
    const seen: unknown[] = [];
    const other: unknown[] = [];
    await channel.subscribe({
      signal: controller.signal,
      onData({ data }) {
        seen.push(data);
        controller.abort();
      },
    });
    await channel.subscribe({ onData: ({ data }) => other.push(data) });
    await channel.emit("e.v", 1);
    await channel.emit("e.v", 2);
    await vi.waitFor(() => expect(other).toEqual([1, 2]));
    expect(seen).toEqual([1]);
  });

  it("an aborted signal rejects, before and while it waits for the broker", async () => {
    const realtime = createRealtime({ broker: unreachableBroker() });
    const reason = new Error("the test has had enough");
    await expect(realtime.subscribe({ signal: AbortSignal.abort(reason), onData() {} })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = realtime.subscribe({ signal: controller.signal, onData() {} });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it("many subscriptions of one instance are no leak to Node, and end with it", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    try {
      const realtime = createRealtime();
      const seen: unknown[] = [];
      const controller = new AbortController();
      const { signal } = controller;
      for (let n = 0; n < 20; n++) await realtime.channel(`c${n % 3}`).subscribe({ onData() {} });
      for (let n = 0; n < 20; n++) await realtime.channel("c").subscribe({ signal, onData: ({ data }) => seen.push(data) });
      controller.abort();
      const other: unknown[] = [];
      await realtime.channel("c").subscribe({ onData: ({ data }) => other.push(data) });
      await realtime.channel("c").emit("e.v", 1);
      await vi.waitFor(() => expect(other).toEqual([1]));
      expect(seen).toEqual([]);
      const waiting = createRealtime({ broker: unreachableBroker() });
      const pending = Array.from({ length: 20 }, () => waiting.subscribe({ onData() {} }).catch(({ code }) => code as unknown));
      await waiting.close();
      expect(new Set(await Promise.all(pending))).toEqual(new Set(["closed"]));
      // Node tells of it in a turn of its own.
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", warn);
    }
  });

  it("I9 Close: a subscribe that still waits for the broker rejects with code closed", async () => {
    const realtime = createRealtime({ broker: unreachableBroker() });
    const waiting = realtime.subscribe({ onData() {} }).catch((error: unknown) => error);
    await realtime.close();
    expect(isTidingsError(await waiting)).toBe(true);
    expect(await waiting).toMatchObject({ code: "closed" });
  });
});
