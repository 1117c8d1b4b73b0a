import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import { ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { PAGE_BYTES } from "../protocol/limits.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import type { Feed, Session } from "./feed.ts";
import { Frame, type Batch } from "./frame.ts";
import { Hub } from "./hub.ts";
import { PageShelf } from "./page-shelf.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

const at = (n: number): RealtimeCursor => (n === 0 ? ORIGIN : (`${n}-0` as RealtimeCursor));
const frame = (n: number): Frame => Frame.ofEntry("c", { id: at(n), prev: at(n - 1), event: "e.v", json: "123456" });
const frames = (from: number, to: number): Frame[] => Array.from({ length: to - from + 1 }, (_, index) => frame(from + index));
const ids = (batch: Batch | undefined): readonly string[] | undefined => batch?.frames.map(({ cursor }) => cursor);

describe("PageShelf", () => {
  it("gives what follows a position in one page, the same bytes to all who stand there, and says nothing where it cannot prove it", () => {
    const shelf = new PageShelf({ used: 0, max: 1e9 });
    shelf.keep(frames(7, 9));
    shelf.keep(frames(1, 3));
    expect(ids(shelf.after(ORIGIN))).toEqual(["1-0", "2-0", "3-0"]);
    expect(shelf.after(ORIGIN)?.bytes(true)).toBe(shelf.after(ORIGIN)?.bytes(true));
    expect(ids(shelf.after(at(2)))).toEqual(["3-0"]);
    for (const n of [3, 4, 5, 9, 10]) expect(shelf.after(at(n)), String(n)).toBeUndefined();
    expect(ids(shelf.after(at(6)))).toEqual(["7-0", "8-0", "9-0"]);
    shelf.keep(frames(3, 7));
    expect(ids(shelf.after(at(3)))).toEqual(["4-0", "5-0", "6-0", "7-0"]);
    shelf.keep(frames(6, 9));
    expect(ids(shelf.after(at(7))), "the longer one of two with the same end").toEqual(["8-0", "9-0"]);
    expect(ids(shelf.after(at(5)))).toEqual(["6-0", "7-0"]);
  });

  it("I5 Bound: holds no more than all shelves may together, and forgets what was not used for longest", () => {
    const budget = { used: 0, max: 0 };
    const one = new PageShelf(budget);
    budget.max = 1e9;
    one.keep(frames(10, 12));
    const size = budget.used;
    expect(size).toBeGreaterThanOrEqual(3 * frame(10).size);
    budget.max = 3 * size;
    one.keep(frames(13, 15));
    one.keep(frames(16, 18));
    one.after(at(9));
    const other = new PageShelf(budget);
    other.keep(frames(10, 12));
    expect(ids(other.after(at(9))), "what others hold is theirs").toBeUndefined();
    one.keep(frames(19, 21));
    expect([9, 12, 15, 18].map((n) => one.after(at(n)) !== undefined)).toEqual([true, false, true, true]);
    one.dropBelow(at(17));
    expect(
      [9, 15, 18].map((n) => one.after(at(n)) !== undefined),
      "a page is whole",
    ).toEqual([false, true, true]);
    one.clear();
    expect(budget.used).toBe(0);
    budget.max = 1;
    one.keep(frames(10, 12));
    expect(budget.used).toBe(0);
  });

  it("whatever is kept and dropped, what it gives follows, and its bytes are accounted for", () => {
    const place = fc.nat({ max: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(place, place, fc.boolean()), { maxLength: 20 }), place, (steps, max) => {
        const budget = { used: 0, max: max * frame(1).size * 2 };
        const shelf = new PageShelf(budget);
        for (const [a, b, isDropped] of steps) {
          if (isDropped) shelf.dropBelow(at(a));
          else shelf.keep(frames(Math.min(a, b) + 1, Math.max(a, b)));
          for (let n = 0; n <= 30; n++) {
            const given = ids(shelf.after(at(n))) ?? [];
            expect(given).toEqual(given.map((_, index) => at(n + 1 + index)));
          }
          expect(budget.used).toBeLessThanOrEqual(budget.max);
        }
        shelf.clear();
        expect(budget.used).toBe(0);
      }),
    );
  });
});

/** Takes some bytes, then nothing before it is asked to go on. */
class SlowReader implements Session {
  blocked = false;
  /** The JSON of events. */
  readonly seen: string[] = [];
  readonly cursors: string[] = [];
  feed: Feed | undefined;
  readonly #most: number;
  #bytes = 0;

  constructor(most: number = 2 * PAGE_BYTES) {
    this.#most = most;
  }

  joined(): void {}
  failed(): void {}

  deliver(feed: Feed, batch: Batch): void {
    for (const { entry, gap, cursor } of batch.frames) {
      this.seen.push(gap ? "gap" : String(entry?.json));
      this.cursors.push(gap ? `gap to ${cursor}` : cursor);
    }
    this.#bytes += batch.bytes(true).length;
    if (this.blocked || this.#bytes < this.#most) return;
    this.blocked = true;
    feed.lag();
  }

  drain(): void {
    this.#bytes = 0;
    this.blocked = false;
    this.feed?.resume();
  }
}

describe("I5 Bound: readers of one log, each at a pace of its own,", () => {
  const EVENTS = 600;
  const EVENT_BYTES = 4_000;
  const PAGES = (EVENTS * EVENT_BYTES) / PAGE_BYTES;

  async function read(readers: number): Promise<{ reads: number; held: number; slow: SlowReader[]; all: string[] }> {
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const clock = fakeClock(random);
    const broker = createMemoryBroker();
    const hub = new Hub({ broker, clock, logger: console, heartbeatMs: 15_000 });
    const reads = vi.spyOn(broker, "read");
    const all = Array.from({ length: EVENTS }, (_, n) => JSON.stringify(String(n).padEnd(EVENT_BYTES, ".")));
    for (const json of all) {
      const retention = { maxLength: EVENTS, expireAfterMs: Number.POSITIVE_INFINITY };
      await broker.append("c", { event: "e.v", json, emitId: "" }, retention, 1_000);
    }
    const slow = Array.from({ length: readers }, () => new SlowReader());
    for (const reader of slow) reader.feed = hub.attach("c", reader, { kind: "held" });
    let held = 0;
    const paces = slow.map(() => 0.1 + random());
    while (slow.some(({ seen }) => seen.length < EVENTS)) {
      await clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
      for (const [index, reader] of slow.entries()) if (reader.blocked && random() < (paces[index] ?? 1)) reader.drain();
      held = Math.max(held, hub.shelfBudget.used);
    }
    expect(hub.shelfBudget.used, "once nobody is behind, nothing is held").toBe(0);
    await hub.close();
    return { reads: reads.mock.calls.length, held, slow, all };
  }

  it("cost as many reads as a few, and each gets everything in order", async () => {
    const [few, many] = [await read(3), await read(100)];
    for (const { seen } of many.slow) expect(seen).toEqual(many.all);
    expect(many.reads).toBeLessThan(2 * PAGES);
    expect(many.reads).toBeLessThan(2 * few.reads);
  });

  it("of which there is one, keep nothing in memory", async () => {
    const { reads, held, slow, all } = await read(1);
    expect(slow[0]?.seen).toEqual(all);
    expect([held, reads < 2 * PAGES]).toEqual([0, true]);
  });

  /** Nine events too large for the ring, of which one reader has taken three and one six: the page between is kept. */
  async function behindOneAnother(): Promise<{
    hub: Hub;
    broker: SimulatedBroker;
    old: readonly RealtimeCursor[];
    storeLarge(): RealtimeCursor;
    flow(): Promise<void>;
  }> {
    const clock = fakeClock();
    const broker = new SimulatedBroker();
    const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
    const flow = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        broker.acknowledgeJoin();
        await clock.advance(10);
        while (broker.asked.length > 0) broker.executeNext();
        while (broker.executed.length > 0) broker.answerNext();
        while (broker.announced.length > 0) broker.hearNext();
      }
    };
    const json = JSON.stringify("x".repeat(PAGE_BYTES));
    const storeLarge = (): RealtimeCursor => broker.store(Number.POSITIVE_INFINITY, json).id;
    const old = Array.from({ length: 9 }, storeLarge);
    const [stuck, slow] = [new SlowReader(), new SlowReader()];
    for (const reader of [stuck, slow]) reader.feed = hub.attach("c", reader, { kind: "held" });
    await flow();
    slow.drain();
    await flow();
    expect([stuck.seen.length, slow.seen.length, hub.shelfBudget.used > 0]).toEqual([3, 6, true]);
    return { hub, broker, old, storeLarge, flow };
  }

  it("get nothing of a log that was replaced since", async () => {
    const { hub, broker, old, storeLarge, flow } = await behindOneAnother();
    const live = new SlowReader(1);
    live.feed = hub.attach("c", live, { kind: "live" });
    await flow();
    broker.loseNewest(5);
    broker.reconnect();
    await flow();
    // More than the ring holds.
    const fresh = Array.from({ length: 5 }, storeLarge);
    await flow();
    for (let n = 0; n < 9; n++) {
      live.drain();
      await flow();
    }
    expect(live.cursors).toEqual([`gap to ${old[3]}`, ...fresh]);
    await hub.close();
  });

  it("get it from memory only while they stay: who returns is told what the log has forgotten, here as on any server", async () => {
    const { hub, broker, old, flow } = await behindOneAnother();
    broker.trim(1);
    const late = new SlowReader();
    late.feed = hub.attach("c", late, { kind: "after", cursor: old[3] as RealtimeCursor });
    await flow();
    expect(late.cursors).toEqual([`gap to ${old[7]}`, old[8]]);
    await hub.close();
  });
});
