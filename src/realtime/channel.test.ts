import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import * as z from "zod";
import type { Entry } from "../brokers/broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import { compareCursors, isRealtimeCursor, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";
import type { HistoryQuery } from "./history.ts";
import { Realtime } from "./realtime.ts";

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const realtime of open.splice(0)) await realtime.close();
});

/** Validators that answer when the test says so, in any order. */
function gatedSchema() {
  const gates = new Map<number, () => void>();
  const slow = z.number().refine(async (n) => {
    await new Promise<void>((resolve) => gates.set(n, resolve));
    return n >= 0;
  });
  return { gates, schema: { e: { slow, fast: z.number() } } };
}

describe("Channel", () => {
  it("F-22: the same name gives the same object, and the default channel's methods are on the instance", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    open.push(realtime);
    expect(realtime.channel("room:123")).toBe(realtime.channel("room:123"));
    expect(realtime.channel("room:123")).not.toBe(realtime.channel("room:124"));
    expect(realtime.channel("room:123").name).toBe("room:123");
    await realtime.emit("e.v", "by the instance");
    await realtime.channel("default").emit("e.v", "by the channel");
    for (const of of [realtime, realtime.channel("default")])
      expect((await of.history()).map(({ data }) => data)).toEqual(["by the instance", "by the channel"]);
    expect(await realtime.cursor()).toBe(await realtime.channel("default").cursor());
  });

  it("F-20: emit resolves with the cursor of what it stored", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    open.push(realtime);
    const id = await realtime.emit("notification.alert", "Welcome!");
    expect(isRealtimeCursor(id)).toBe(true);
    expect(await realtime.history()).toEqual([{ id, channel: "default", event: "notification.alert", data: "Welcome!" }]);
  });

  it("emit with an `id` of the caller's own stores the first event of that id, and says where it is", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker(), schema: { order: { placed: z.number() } } });
    open.push(realtime);
    const first = await realtime.emit("order.placed", 1, { id: "order-1" });
    expect(await realtime.emit("order.placed", 2, { id: "order-1" })).toBe(first);
    expect(await realtime.channel("other").emit("order.placed", 3, { id: "order-1" })).not.toBe(first);
    expect((await realtime.history()).map(({ data }) => data)).toEqual([1]);
    // An invalid payload is no first event.
    await expect(realtime.emit("order.placed", "x" as never, { id: "order-2" })).rejects.toMatchObject({
      code: "invalid_payload",
    });
    await realtime.emit("order.placed", 4, { id: "order-2" });
    expect((await realtime.history()).map(({ data }) => data)).toEqual([1, 4]);
  });

  it.each([[{ id: "" }], [{ id: 7 }], [{ id: "a\n" }], [{ id: "é" }], [{ id: "x".repeat(129) }], [{ ID: "x" }], [null], ["x"]])(
    "emit refuses the options %j and stores nothing",
    async (options) => {
      const realtime = new Realtime({ broker: createMemoryBroker() });
      open.push(realtime);
      await expect(realtime.emit("e.v", 1, options as never)).rejects.toMatchObject({ code: "bad_option" });
      expect(await realtime.history()).toEqual([]);
    },
  );

  it("F-23: an entry per emit, with ids that look like 1700000000000-0 and rise", async () => {
    const broker = createMemoryBroker({ now: () => 1_700_000_000_000, random: () => 0 });
    const realtime = new Realtime({ broker });
    open.push(realtime);
    const ids = [await realtime.emit("e.v", 1), await realtime.emit("e.v", 2)] as const;
    expect(ids).toEqual(["1700000000000-0", "1700000000000-1"]);
    expect(compareCursors(ids[0], ids[1])).toBeLessThan(0);
  });

  it("emits that are not awaited are stored in the order of the calls, however long each is validated", async () => {
    const { gates, schema } = gatedSchema();
    const realtime = new Realtime({ broker: createMemoryBroker(), schema });
    open.push(realtime);
    const channel = realtime.channel("c");
    const emits = [
      channel.emit("e.slow", 1),
      channel.emit("e.slow", 2),
      channel.emit("e.fast", 3),
      channel.emit("e.slow", -4),
      channel.emit("e.fast", 5),
      channel.emit("e.slow", 6),
    ];
    const settled = Promise.allSettled(emits);
    await vi.waitFor(() => expect(gates.size).toBe(4));
    for (const n of [6, -4, 2]) gates.get(n)?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await channel.history(), "nothing overtakes the first").toEqual([]);
    gates.get(1)?.();
    expect((await settled).map(({ status }) => status)).toEqual([
      ...["fulfilled", "fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
    ]);
    expect((await channel.history()).map(({ data }) => data)).toEqual([1, 2, 3, 5, 6]);
    const ids = await Promise.all([...emits.slice(0, 3), ...emits.slice(4)]);
    expect(ids.toSorted(compareCursors)).toEqual(ids);
  });

  describe("I8 Outage: emit settles within emitTimeoutSecs", () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    /** What became of each emit so far. */
    function watch(emits: ReadonlyArray<Promise<unknown>>): unknown[] {
      const outcomes: unknown[] = emits.map(() => "pending");
      for (const [at, emit] of emits.entries()) {
        emit.then(
          () => (outcomes[at] = "stored"),
          (error: { code: unknown }) => (outcomes[at] = error.code),
        );
      }
      return outcomes;
    }

    it("with a validator that never answers: not stored, not later either; those behind it go on, in order", async () => {
      const { gates, schema } = gatedSchema();
      const realtime = new Realtime({ redis: { driver: "memory" }, schema, emitTimeoutSecs: 1 });
      open.push(realtime);
      const channel = realtime.channel("stuck");
      const emits = [
        channel.emit("e.slow", 1),
        channel.emit("e.fast", 2),
        channel.emit("e.slow", 3),
        channel.emit("e.slow", 4),
      ];
      const outcomes = watch(emits);
      await vi.advanceTimersByTimeAsync(10);
      gates.get(3)?.();
      await vi.advanceTimersByTimeAsync(500);
      expect(outcomes).toEqual(Array(4).fill("pending"));
      const later = watch([channel.emit("e.fast", 5)]);
      await vi.advanceTimersByTimeAsync(489);
      expect(outcomes).toEqual(["not_stored", "stored", "stored", "not_stored"]);
      expect(later).toEqual(["stored"]);
      for (const gate of gates.values()) gate();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await channel.emit("e.fast", 6)).toBeDefined();
      expect((await channel.history()).map(({ data }) => data)).toEqual([2, 3, 5, 6]);
    });

    it("with a validator that never answers: other channels do not wait", async () => {
      const { schema } = gatedSchema();
      const realtime = new Realtime({ redis: { driver: "memory" }, schema });
      open.push(realtime);
      const stuck = watch([realtime.channel("stuck").emit("e.slow", 1)]);
      await realtime.channel("free").emit("e.fast", 2);
      expect(stuck).toEqual(["pending"]);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(stuck).toEqual(["not_stored"]);
    });

    it("with a broker that ignores timeoutMs: the outcome is unknown, and later emits are sent all the same", async () => {
      const broker = createMemoryBroker();
      const append = broker.append.bind(broker);
      const late: Array<(error: Error) => void> = [];
      broker.append = (channel, draft, ...rest) =>
        draft.json === "1" ? new Promise((_, reject) => late.push(reject)) : append(channel, draft, ...rest);
      const realtime = new Realtime({ broker, emitTimeoutSecs: 1 });
      open.push(realtime);
      const outcomes = watch([realtime.emit("e.v", 1), realtime.emit("e.v", 2)]);
      await vi.advanceTimersByTimeAsync(999);
      expect(outcomes).toEqual(["pending", "stored"]);
      await vi.advanceTimersByTimeAsync(1);
      expect(outcomes).toEqual(["outcome_unknown", "stored"]);
      late[0]?.(new Error("too late, and nobody's concern"));
      await vi.advanceTimersByTimeAsync(1);
    });

    it("with a broker that keeps its time: what the broker says is the outcome", async () => {
      const broker = createMemoryBroker();
      broker.append = (_channel, _draft, _retention, timeoutMs) =>
        new Promise((_, reject) => {
          setTimeout(() => reject(new TidingsError("not_stored", "the test's broker is sure.")), timeoutMs);
        });
      const realtime = new Realtime({ broker, emitTimeoutSecs: 1 });
      open.push(realtime);
      const outcomes = watch([realtime.emit("e.v", 1)]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(outcomes).toEqual(["not_stored"]);
    });
  });

  it("F-27, U-19: history gives what is stored, oldest first, 1000 at most", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker(), history: { maxLength: 1_500 } });
    open.push(realtime);
    const channel = realtime.channel("room:1");
    expect(await channel.history()).toEqual([]);
    for (let n = 0; n < 1_100; n++) await channel.emit("e.v", n);
    const numbers = async (query?: Parameters<typeof channel.history>[0]): Promise<unknown[]> =>
      (await channel.history(query)).map(({ data }) => data);
    const all = Array.from({ length: 1_100 }, (_, n) => n);
    expect(await numbers()).toEqual(all.slice(100));
    expect(await numbers({ limit: 5_000 })).toEqual(all.slice(100));
  });

  it("F-29: history({ limit: 20 }) is the newest 20, oldest first", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    open.push(realtime);
    for (let n = 0; n < 50; n++) await realtime.emit("e.v", n);
    const data = (await realtime.history({ limit: 20 })).map((message) => message.data);
    expect(data).toEqual(Array.from({ length: 20 }, (_, n) => 30 + n));
  });

  it("I10 Text: history and subscribe pass over what is no event, and say so once, without a word of it", async () => {
    const broker = createMemoryBroker();
    const [warn, error] = [vi.fn<(text: string) => void>(), vi.fn<() => void>()];
    const realtime = new Realtime({ broker, logger: { log() {}, warn, error } });
    open.push(realtime);
    const channel = realtime.channel("c");
    const first = await channel.emit("e.v", 1);
    const retention = { maxLength: 10, expireAfterMs: 60_000 };
    for (const json of ["{secret", '2,"id":"9-9"'])
      await broker.append("c", { event: "e.v", json, emitId: "" }, retention, 1_000);
    await channel.emit("e.v", 3);
    const seen: unknown[] = [];
    await channel.subscribe({ history: true, onData: ({ data }) => seen.push(data) });
    await channel.emit("e.v", 4);
    await vi.waitFor(() => expect(seen).toEqual([1, 3, 4]));
    expect((await channel.history()).map(({ data }) => data)).toEqual([1, 3, 4]);
    expect((await channel.history({ after: first, limit: 1 })).map(({ data }) => data)).toEqual([3]);
    expect(warn).toHaveBeenCalledOnce();
    expect(String(warn.mock.calls)).toMatch(/channel "c" holds an entry/);
    expect(String(warn.mock.calls)).not.toContain("secret");
    expect(error).not.toHaveBeenCalled();
  });

  it("F-28: history({ after }) pages forward, exclusive, and says when what follows is gone", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker(), history: { maxLength: 10 } });
    open.push(realtime);
    const ids = [];
    for (let n = 0; n < 12; n++) ids.push(await realtime.emit("e.v", n));
    const page = async (after: string): Promise<unknown[]> =>
      (await realtime.history({ after, limit: 4 })).map(({ data }) => data);
    expect(await page(ids[1] ?? "")).toEqual([2, 3, 4, 5]);
    expect(await page(ids[5] ?? "")).toEqual([6, 7, 8, 9]);
    expect(await page(ids[9] ?? "")).toEqual([10, 11]);
    expect(await page(ids[11] ?? "")).toEqual([]);
    expect(await page(ORIGIN), "the origin starts at whatever is held").toEqual([2, 3, 4, 5]);
    await expect(page(ids[0] ?? "")).rejects.toMatchObject({ code: "cursor_unavailable", channel: "default", cursor: ids[0] });
  });

  describe("history of a log with a hole", () => {
    const entry = (n: number, prev = n - 1): Entry => ({
      id: `${1_000 + n}-0` as RealtimeCursor,
      prev: `${1_000 + prev}-0` as RealtimeCursor,
      event: "e.v",
      json: String(n),
    });

    /** A log of these entries, of which each page holds two; from the second on, `missing` are gone. */
    function history(entries: readonly Entry[], missing: readonly number[] = []) {
      const broker = createMemoryBroker();
      let reads = 0;
      const { id: last } = entries.at(-1) as Entry;
      broker.locate = async (_channel, { newest }) => ({ after: entries.at(-newest)?.prev ?? ORIGIN, last });
      broker.read = async (_channel, after, { count = 2 }) => {
        const held = reads++ === 0 ? entries : entries.filter(({ json }) => !missing.includes(Number(json)));
        return { entries: held.filter(({ id }) => compareCursors(id, after) > 0).slice(0, Math.min(2, count)), last };
      };
      const realtime = new Realtime({ broker });
      open.push(realtime);
      return async (query?: HistoryQuery): Promise<unknown> => {
        reads = 0;
        const found = await realtime.history(query).catch((error: TidingsError) => error.code);
        return Array.isArray(found) ? found.map(({ data }) => data) : found;
      };
    }
    const at = (n: number): string => entry(n).id;
    const six = [1, 2, 3, 4, 5, 6].map((n) => entry(n));

    it("F-28: after a cursor it ends before the hole, and from there it rejects", async () => {
      const read = history(six.filter(({ json }) => json !== "4"));
      expect(await read({ after: at(1) })).toEqual([2, 3]);
      expect(await read({ after: at(2) })).toEqual([3]);
      expect(await read({ after: at(3) })).toBe("cursor_unavailable");
      expect(await read({ after: at(4) }), "who saw what is missing goes on").toEqual([5, 6]);
      expect(await read({ after: ORIGIN })).toEqual([1, 2, 3]);
    });

    it("F-28: also when the log is trimmed between two pages", async () => {
      const read = history(six, [2, 3, 4]);
      expect(await read({ after: at(0) })).toEqual([1, 2]);
      expect(await read({ after: at(1) })).toEqual([2, 3]);
      expect(await read({ after: at(3) })).toEqual([4, 5, 6]);
    });

    it("F-28: rejects when nothing before the hole is asked for, for an empty answer says that nothing came", async () => {
      const read = history(six.filter(({ json }) => json !== "4"));
      expect(await read({ after: at(1), start: 1_004 })).toBe("cursor_unavailable");
      expect(await read({ after: ORIGIN, start: 1_004 }), "which no cursor promises").toEqual([5, 6]);
      expect(await read({ after: at(1), end: 1_002 })).toEqual([2]);
    });

    it("U-19: the newest are those behind the last hole", async () => {
      expect(await history(six.filter(({ json }) => json !== "4"))()).toEqual([5, 6]);
      expect(await history(six, [2, 3, 4])()).toEqual([5, 6]);
      expect(await history(six.filter(({ json }) => json !== "4"))({ end: 1_003 })).toEqual([1, 2, 3]);
    });
  });

  it("U-19: history takes start and end in milliseconds, inclusive, together with limit", async () => {
    let now = 5_000;
    const realtime = new Realtime({ broker: createMemoryBroker({ now: () => now }) });
    open.push(realtime);
    for (; now < 5_010; now++) await realtime.emit("e.v", now);
    const times = async (query: Parameters<typeof realtime.history>[0]): Promise<unknown[]> =>
      (await realtime.history(query)).map(({ data }) => data);
    expect(await times({ start: 5_007 })).toEqual([5_007, 5_008, 5_009]);
    expect(await times({ end: 5_002 })).toEqual([5_000, 5_001, 5_002]);
    expect(await times({ start: 5_003, end: 5_006 })).toEqual([5_003, 5_004, 5_005, 5_006]);
    expect(await times({ start: 5_003, end: 5_006, limit: 2 })).toEqual([5_005, 5_006]);
    expect(await times({ start: 6_000 })).toEqual([]);
    expect(await times({ end: 4_000 })).toEqual([]);
  });

  it("cursor() first and then the data: whoever goes on after it misses nothing in between", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    open.push(realtime);
    const channel = realtime.channel("c");
    expect(await channel.cursor(), "there is no log yet").toMatch(/^0-\d{13}$/);
    const first = await channel.emit("e.v", 1);
    const cursor = await channel.cursor();
    expect(cursor).toBe(first);
    await channel.emit("e.v", 2);
    const seen: unknown[] = [];
    await channel.subscribe({ after: cursor, onData: ({ data }) => seen.push(data) });
    await vi.waitFor(() => expect(seen).toEqual([2]));
  });

  it("F-26: history.maxLength is exact; U-21: also where a channel differs from the instance", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker(), history: { maxLength: 3 } });
    open.push(realtime);
    const [plain, longer, none] = [
      realtime.channel("plain"),
      realtime.channel("longer", { history: { maxLength: 5 } }),
      realtime.channel("none", { history: false }),
    ];
    for (const channel of [plain, longer, none]) for (let n = 0; n < 10; n++) await channel.emit("e.v", n);
    expect((await plain.history()).map(({ data }) => data)).toEqual([7, 8, 9]);
    expect((await longer.history()).map(({ data }) => data)).toEqual([5, 6, 7, 8, 9]);
    expect(await none.history()).toEqual([]);
    expect(await none.cursor(), "it stores nothing, yet knows where it is").not.toBe(ORIGIN);
  });

  it("U-32: a broadcast is a Promise.all over channels", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    open.push(realtime);
    const rooms = ["a", "b", "c"];
    await Promise.all(rooms.map((room) => realtime.channel(room).emit("e.v", room)));
    for (const room of rooms) expect((await realtime.channel(room).history()).map(({ data }) => data)).toEqual([room]);
  });

  it("I9 Close: everything of a closed instance rejects with code closed", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    const channel = realtime.channel("c");
    await channel.emit("e.v", 1);
    await realtime.close();
    const uses = [channel.emit("e.v", 2), channel.history(), channel.cursor(), channel.subscribe({ onData() {} })];
    for (const use of await Promise.allSettled(uses)) {
      expect(use).toMatchObject({ status: "rejected", reason: { code: "closed" } });
    }
    expectTypeOf(channel.name).toBeString();
  });
});
