import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareCursors, ORIGIN, positionBelow, type RealtimeCursor } from "../../protocol/cursor.ts";
import { isTidingsError } from "../../protocol/error.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import type { Broker, Entry, Listener } from "../broker.ts";
import { createFourMethodBroker } from "./four-method-broker.ts";
import { encodePayload, maxLenOf } from "./payload.ts";
import { SimulatedAdapter } from "./simulated-adapter.ts";

/** A broker over a simulated adapter, and what its listener was told. */
class Scene {
  readonly clock: FakeClock;
  readonly adapter: SimulatedAdapter;
  readonly broker: Broker;
  readonly listener: Listener;
  readonly heard: Array<readonly [channel: string, entry: Entry]> = [];
  readonly signals: string[] = [];
  readonly warnings: string[] = [];

  constructor(random?: () => number) {
    this.clock = fakeClock(random);
    this.adapter = new SimulatedAdapter(this.clock);
    this.broker = createFourMethodBroker({
      adapter: this.adapter,
      keyPrefix: "t",
      clock: this.clock,
      now: () => 1_000_000 + this.clock.now(),
      logger: { warn: (message) => void this.warnings.push(message) },
    });
    this.listener = this.broker.listen({
      entry: (channel, entry) => void this.heard.push([channel, entry]),
      moved: (channel, last) => void this.signals.push(`moved ${channel} ${last}`),
      lost: (channels) => void this.signals.push(`lost ${channels?.join() ?? "all"}`),
      restored: (channels) => void this.signals.push(`restored ${[...channels].sort().join()}`),
    });
  }

  /** Another process appends. */
  add(channel: string, json: string, maxLength: number = Number.POSITIVE_INFINITY): RealtimeCursor {
    const payload = encodePayload({ event: "e.v", json, emitId: json }, maxLength);
    return this.adapter.add(`t:${channel}`, payload, { maxLen: maxLenOf(maxLength) });
  }

  /** Joins, and lets the clock move until that is acknowledged. */
  async join(...channels: string[]): Promise<void> {
    const joins = Promise.all(channels.map((channel) => this.listener.join(channel)));
    await this.clock.advance(10);
    await joins;
  }

  /** Lets time pass in small steps, for what takes many turns. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) await this.clock.advance(20);
  }

  jsons(channel: string): string[] {
    return this.heard.filter(([name]) => name === channel).map(([, { json }]) => json);
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(async () => {
  await scene.broker.close();
  scene.adapter.interrupt();
  scene.adapter.releaseReads();
  await scene.clock.advance(0);
  expect(scene.clock.pending, "timers after close").toBe(0);
});

const WRONG_TYPE = new Error("WRONGTYPE Operation against a key holding the wrong kind of value");

describe("the live reader", () => {
  it("B-1: reads all channels by one call", async () => {
    await scene.join("a", "b", "c");
    for (const channel of ["a", "b", "c"]) scene.add(channel, `"${channel}"`);
    await scene.clock.advance(20);
    expect(scene.heard.map(([channel, { json }]) => [channel, json])).toEqual([
      ["a", '"a"'],
      ["b", '"b"'],
      ["c", '"c"'],
    ]);
    const { length } = scene.adapter.reads;
    await scene.clock.advance(10_000);
    expect(scene.adapter.reads.slice(length).every((channels) => channels.length === 3)).toBe(true);
    expect(scene.adapter.reads.length - length, "reads in ten idle seconds").toBeLessThanOrEqual(26);
  });

  it("polls every 100 ms an adapter that does not wait", async () => {
    scene.adapter.waits = "never";
    await scene.join("a");
    await scene.clock.advance(200);
    const { length } = scene.adapter.reads;
    await scene.clock.advance(10_000);
    expect(scene.adapter.reads.length - length).toBeGreaterThanOrEqual(98);
    expect(scene.adapter.reads.length - length).toBeLessThanOrEqual(101);
    scene.add("a", "1");
    await scene.clock.advance(100);
    expect(scene.jsons("a")).toEqual(["1"]);
  });

  it("an adapter that waits for ever and heeds no signal delays no join", async () => {
    scene.adapter.waits = "for ever";
    scene.adapter.heedsSignal = false;
    for (const channel of ["a", "b", "c", "d"]) await scene.join(channel);
    scene.add("d", "1");
    // Two reads wait beside each other; who waits too long is given up.
    await scene.clock.advance(7_000);
    expect(scene.heard.map(([channel, { json }]) => [channel, json])).toEqual([["d", "1"]]);
    for (const channel of ["a", "b", "c", "d"]) scene.add(channel, "2");
    await scene.clock.advance(20);
    expect(["a", "b", "c", "d"].map((channel) => scene.jsons(channel).at(-1))).toEqual(["2", "2", "2", "2"]);
    expect(scene.signals).toEqual([]);
  });

  it("asks an adapter that answers nothing for hours less and less often", async () => {
    scene.adapter.waits = "for ever";
    scene.adapter.heedsSignal = false;
    await scene.join("a");
    await scene.clock.advance(3 * 60 * 60 * 1_000);
    expect(scene.adapter.reads.length).toBeLessThan(60);
  });

  it("an answer that comes late brings nothing twice and nothing out of order", async () => {
    scene.adapter.heedsSignal = false;
    scene.adapter.holdsReads = true;
    await scene.join("a");
    scene.add("a", "1");
    await scene.join("b");
    scene.add("a", "2");
    scene.adapter.holdsReads = false;
    scene.add("b", "3");
    await scene.clock.advance(1_500);
    scene.adapter.releaseReads();
    await scene.clock.advance(1_500);
    scene.adapter.releaseReads();
    await scene.clock.advance(1_500);
    expect(scene.jsons("a")).toEqual(["1", "2"]);
    expect(scene.jsons("b")).toEqual(["3"]);
  });

  it("an answer about a channel that was left is dropped, also when it was joined again", async () => {
    scene.adapter.holdsReads = true;
    scene.adapter.heedsSignal = false;
    await scene.join("a", "b");
    scene.add("a", "1");
    await scene.clock.advance(10);
    scene.listener.leave("a");
    await scene.join("a");
    scene.adapter.holdsReads = false;
    scene.adapter.releaseReads();
    await scene.clock.advance(2_000);
    expect(scene.jsons("a")).toEqual([]);
    scene.add("a", "2");
    await scene.clock.advance(20);
    expect(scene.jsons("a")).toEqual(["2"]);
  });

  it("stops reading when the last channel is left, and tells the adapter so", async () => {
    await scene.join("a");
    scene.listener.leave("a");
    await scene.clock.advance(0);
    const { length } = scene.adapter.reads;
    await scene.clock.advance(5_000);
    expect(scene.adapter.reads.length).toBe(length);
    expect(scene.clock.pending).toBe(0);
  });

  it("I7 Return: an adapter that fails is asked again, and listeners are told that they were deaf", async () => {
    await scene.join("a", "b");
    scene.adapter.fails = (call) => (call === "xread" ? new Error("connection lost") : undefined);
    scene.adapter.interrupt();
    await scene.clock.advance(0);
    expect(scene.signals).toEqual(["lost all"]);
    scene.add("a", "1");
    await scene.clock.advance(20_000);
    expect(scene.signals).toEqual(["lost all"]);
    expect(scene.warnings).toHaveLength(1);
    scene.adapter.fails = () => undefined;
    await scene.clock.advance(2_100);
    expect(scene.signals).toEqual(["lost all", "restored a,b"]);
    expect(scene.heard.map(([, { json, unproven }]) => [json, unproven])).toEqual([["1", true]]);
  });

  it.each([
    ["the wrong type", WRONG_TYPE],
    ["something unheard-of", new Error("no")],
  ])("a channel that fails with %s does not keep the others from being heard", async (_, error) => {
    const channels = Array.from({ length: 20 }, (_, at) => `c${at}`);
    await scene.join(...channels);
    scene.adapter.fails = (call, keys) => (call === "xread" && keys.includes("t:c7") ? error : undefined);
    scene.adapter.interrupt();
    await scene.clock.advance(0);
    for (const channel of channels) scene.add(channel, "1");
    await scene.pass(5_000);
    for (const channel of channels) expect(scene.jsons(channel), channel).toEqual(channel === "c7" ? [] : ["1"]);
    expect(scene.signals).toEqual([
      "lost all",
      `restored ${channels
        .filter((name) => name !== "c7")
        .sort()
        .join()}`,
    ]);
    expect(scene.warnings.filter((warning) => warning.includes('"c7"'))).toHaveLength(1);

    scene.adapter.fails = () => undefined;
    await scene.pass(6_000);
    expect(scene.jsons("c7")).toEqual(["1"]);
    expect(scene.signals.at(-1)).toBe("restored c7");
    const { length } = scene.adapter.reads;
    await scene.clock.advance(3_000);
    expect(scene.adapter.reads.slice(length).every((keys) => keys.length === 20)).toBe(true);
  });

  it("B-24: an adapter that cannot read several channels at once is asked for each by itself", async () => {
    scene.adapter.fails = (call, keys) =>
      call === "xread" && keys.length > 1 ? new Error("CROSSSLOT Keys in request don't hash to the same slot") : undefined;
    await scene.join("a", "b", "c");
    await scene.pass(3_000);
    await scene.join("d");
    for (const channel of ["a", "b", "c", "d"]) scene.add(channel, "1");
    await scene.clock.advance(500);
    for (const channel of ["a", "b", "c", "d"]) expect(scene.jsons(channel), channel).toEqual(["1"]);
    expect(scene.warnings).toContainEqual(expect.stringContaining("Each is read by itself"));
    scene.listener.leave("a");
    scene.add("a", "2");
    await scene.clock.advance(500);
    expect(scene.jsons("a")).toEqual(["1"]);
  });

  it("a join waits while the adapter fails, and rejects when the channel is refused", async () => {
    scene.adapter.fails = (call) => (call === "getLatestCursor" ? new Error("connect ECONNREFUSED") : undefined);
    const joining = scene.listener.join("a");
    await scene.clock.advance(10_000);
    scene.adapter.fails = () => undefined;
    await scene.clock.advance(3_000);
    await joining;
    scene.add("a", "1");
    await scene.clock.advance(20);
    expect(scene.jsons("a")).toEqual(["1"]);

    scene.adapter.fails = (_, keys) => (keys.includes("t:b") ? WRONG_TYPE : undefined);
    const refused = scene.listener.join("b").catch((error: unknown) => error);
    await scene.clock.advance(10);
    expect(await refused).toMatchObject({ code: "broker_refused" });
    scene.add("a", "2");
    await scene.clock.advance(20);
    expect(scene.jsons("a")).toEqual(["1", "2"]);
  });

  it("a log that was replaced by a shorter one is noticed, and heard from there", async () => {
    await scene.join("a", "b");
    scene.add("a", "1");
    await scene.clock.advance(20);
    const payload = encodePayload({ event: "e.v", json: "0", emitId: "0" }, Number.POSITIVE_INFINITY);
    scene.adapter.setBack("t:a", [{ id: "5-0", payload }]);
    await scene.clock.advance(4_000);
    expect(scene.signals).toEqual(["moved a 5-0"]);
    scene.adapter.setBack("t:a", [
      { id: "5-0", payload },
      { id: "6-0", payload },
    ]);
    await scene.clock.advance(2_000);
    expect(scene.heard.at(-1)?.[1]).toMatchObject({ id: "6-0", prev: "5-0" });
  });

  it("a log that expired is heard again from its birth, without a gap", async () => {
    await scene.join("a");
    scene.add("a", "1");
    await scene.clock.advance(5_000);
    scene.adapter.expire("t:a");
    await scene.clock.advance(5_000);
    scene.add("a", "2");
    await scene.clock.advance(20);
    expect(scene.signals).toEqual([]);
    expect(scene.heard.at(-1)?.[1]).toMatchObject({ json: "2", prev: ORIGIN });
  });
});

describe("what an entry claims to follow", () => {
  it("is unproven when entries may have been trimmed between two reads", async () => {
    await scene.join("a");
    scene.adapter.waits = "never";
    await scene.clock.advance(1_000);
    const ids = [1, 2, 3].map((n) => scene.add("a", String(n), 2));
    await scene.clock.advance(200);
    expect(scene.heard.map(([, { id, prev, unproven }]) => [id, prev, unproven])).toEqual([
      [ids[1], positionBelow(ids[1] as RealtimeCursor), true],
      [ids[2], ids[1], undefined],
    ]);
  });

  const channels = ["a", "b"] as const;
  const channel = fc.constantFrom(...channels);
  const maxLength = fc.constantFrom(0, 1, 2, 3, 5, Number.POSITIVE_INFINITY);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("add" as const), channel, maxLength }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(0, 3, 10, 150, 1_200, 8_000) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("read" as const),
        channel,
        back: fc.nat(6),
        pageBytes: fc.constantFrom(1, 3, 1_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const), channel }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("failover" as const), channel, count: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("fail", "mend", "hold", "release", "leave", "join"), channel }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("wait" as const),
        how: fc.constantFrom("as told", "never", "for ever"),
        heeds: fc.boolean(),
      }),
    },
  );

  it("I4 Chain: it is the entry that stood before it, unless it says that this is a guess", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const scene = new Scene();
        const { adapter, broker, clock, listener } = scene;
        // What was ever added, but for what a failover lost before anyone could read it.
        const added: Record<string, RealtimeCursor[]> = { a: [ORIGIN], b: [ORIGIN] };
        const addedAt = { a: 0, b: 0 };
        const check = (name: string, { id, prev, unproven }: Entry, asked?: RealtimeCursor): void => {
          if (unproven || (prev === asked && prev === positionBelow(id))) return;
          if (prev === ORIGIN && adapter.truth.get(`t:${name} ${id}`) === ORIGIN) return;
          const between = added[name]?.filter((other) => compareCursors(other, prev) > 0 && compareCursors(other, id) < 0);
          expect(between, `${name}: between ${prev} and ${id}`).toEqual([]);
        };
        const reads: Array<Promise<void>> = [];
        const joins: Array<Promise<void>> = [listener.join("a")];
        for (const [at, step] of steps.entries()) {
          switch (step.do) {
            case "add":
              added[step.channel]?.push(scene.add(step.channel, String(at), step.maxLength));
              addedAt[step.channel] = clock.now();
              break;
            case "advance":
              await clock.advance(step.ms);
              break;
            case "read": {
              const after = added[step.channel]?.at(-1 - step.back) ?? ORIGIN;
              const page = broker.read(step.channel, after, { pageBytes: step.pageBytes });
              reads.push(
                page.then(
                  ({ entries }) => entries.forEach((entry) => check(step.channel, entry, after)),
                  (error: unknown) => {
                    if (!isTidingsError(error) || error.code !== "broker_unavailable") throw error;
                  },
                ),
              );
              break;
            }
            case "expire":
              // Logs live for a second at least.
              if (clock.now() - addedAt[step.channel] > 1_000) adapter.expire(`t:${step.channel}`);
              break;
            case "failover":
              adapter.fails = () => new Error("connection lost");
              adapter.interrupt();
              await clock.advance(0);
              for (const lost of adapter.loseNewest(`t:${step.channel}`, step.count)) {
                added[step.channel] = (added[step.channel] ?? []).filter((id) => id !== lost);
              }
              adapter.fails = () => undefined;
              break;
            case "fail":
              adapter.fails = (call, keys) => (keys.includes(`t:${step.channel}`) ? new Error(`no ${call}`) : undefined);
              adapter.interrupt();
              break;
            case "mend":
              adapter.fails = () => undefined;
              break;
            case "hold":
              adapter.holdsReads = true;
              break;
            case "release":
              adapter.holdsReads = false;
              adapter.releaseReads();
              break;
            case "leave":
              listener.leave(step.channel);
              break;
            case "join":
              joins.push(listener.join(step.channel));
              break;
            case "wait":
              adapter.waits = step.how as "as told";
              adapter.heedsSignal = step.heeds;
              break;
          }
        }
        for (const join of joins) join.catch(() => {});
        adapter.fails = () => undefined;
        adapter.holdsReads = false;
        adapter.releaseReads();
        await clock.advance(30_000);
        await Promise.all(reads);
        for (const [name, entry] of scene.heard) check(name, entry);
        await broker.close();
        adapter.interrupt();
        adapter.releaseReads();
        await clock.advance(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: Number(process.env["PROMISE_RUNS"] ?? 150) },
    );
  });
});
