import { afterEach, describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { PAGE_BYTES } from "../protocol/limits.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import type { Feed, FeedStart, Session } from "./feed.ts";
import type { Batch } from "./frame.ts";
import { Hub } from "./hub.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

const KB = 1024;
/** Six to a page. */
const LARGE = JSON.stringify("x".repeat(PAGE_BYTES / 6));

class Reader implements Session {
  blocked = false;
  feed: Feed | undefined;
  readonly seen: string[] = [];
  readonly maxReplayBytes: number;

  constructor(maxReplayBytes: number) {
    this.maxReplayBytes = maxReplayBytes;
  }

  joined(): void {}

  deliver(_feed: Feed, batch: Batch): void {
    for (const { gap, cursor } of batch.frames) this.seen.push(gap ? `${gap.after}..${gap.cursor} ${gap.reason}` : cursor);
  }

  failed(): void {}
}

const hubs: Hub[] = [];

afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.close();
});

function scene() {
  const clock = fakeClock();
  const broker = new SimulatedBroker();
  const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
  hubs.push(hub);
  let reads = 0;
  return {
    broker,
    reads: () => reads,
    attach(start: FeedStart, maxReplayBytes: number): Reader {
      const reader = new Reader(maxReplayBytes);
      reader.feed = hub.attach("c", reader, start);
      return reader;
    },
    async flow(): Promise<void> {
      for (let round = 0; round < 40; round++) {
        broker.acknowledgeJoin();
        // oxlint-disable-next-line no-await-in-loop -- one step after the other
        await clock.advance(0);
        reads += broker.asked.length;
        while (broker.asked.length > 0) broker.executeNext();
        while (broker.executed.length > 0) broker.answerNext();
        // oxlint-disable-next-line no-await-in-loop
        await clock.advance(0);
        while (broker.announced.length > 0) broker.hearNext();
        // oxlint-disable-next-line no-await-in-loop
        await clock.advance(10);
      }
    },
  };
}

describe("limits.maxReplayBytes", () => {
  it("who was away for more gets what fits, one gap, and everything that is emitted from then on", async () => {
    const { broker, attach, flow, reads } = scene();
    const ids = Array.from({ length: 60 }, () => broker.store(undefined, LARGE).id);
    const reader = attach({ kind: "after", cursor: ids[0] as RealtimeCursor }, 3 * PAGE_BYTES);
    await flow();
    const shown = reader.seen.slice(0, -1);
    expect(shown, "in order, from where it stood, no more than a page above the limit").toEqual(ids.slice(1, 1 + shown.length));
    expect(shown.length * LARGE.length).toBeGreaterThan(2 * PAGE_BYTES);
    expect(shown.length * LARGE.length).toBeLessThan(4 * PAGE_BYTES + 2 * LARGE.length);
    expect(reader.seen.at(-1)).toBe(`${shown.at(-1)}..${ids.at(-1)} limit`);
    expect(reads(), "the rest is not read").toBeLessThan(8);
    const next = [broker.store().id, broker.store().id];
    await flow();
    expect(reader.seen.slice(shown.length + 1)).toEqual(next);
  });

  it("all that is held, and the newest n, end in the same way", async () => {
    for (const start of [{ kind: "held" }, { kind: "newest", count: 50 }] as const) {
      const { broker, attach, flow } = scene();
      for (let each = 0; each < 60; each++) broker.store(undefined, LARGE);
      const reader = attach(start, 2 * PAGE_BYTES);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await flow();
      expect(reader.seen.filter((each) => each.includes(".."))).toHaveLength(1);
      expect(reader.seen.at(-1)).toMatch(/ limit$/);
      const next = broker.store().id;
      // oxlint-disable-next-line no-await-in-loop
      await flow();
      expect(reader.seen.at(-1)).toBe(next);
    }
  });

  it("a replay that just fits has no gap, and what is live counts for nothing", async () => {
    const { broker, attach, flow } = scene();
    const ids = Array.from({ length: 12 }, () => broker.store(undefined, LARGE).id);
    const reader = attach({ kind: "held" }, 3 * PAGE_BYTES);
    await flow();
    for (let each = 0; each < 60; each++) ids.push(broker.store(undefined, LARGE).id);
    await flow();
    expect(reader.seen).toEqual(ids);
    // It falls behind by less than the limit, twice.
    for (let round = 0; round < 2; round++) {
      reader.blocked = true;
      reader.feed?.lag();
      for (let each = 0; each < 12; each++) ids.push(broker.store(undefined, LARGE).id);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await flow();
      reader.blocked = false;
      reader.feed?.resume();
      // oxlint-disable-next-line no-await-in-loop
      await flow();
    }
    expect(reader.seen).toEqual(ids);
  });

  it("another reader of the same channel, without the limit, gets everything", async () => {
    const { broker, attach, flow } = scene();
    const ids = Array.from({ length: 60 }, () => broker.store(undefined, LARGE).id);
    const limited = attach({ kind: "held" }, 100 * KB);
    const unlimited = attach({ kind: "held" }, Number.POSITIVE_INFINITY);
    await flow();
    expect(limited.seen.at(-1)).toMatch(/ limit$/);
    expect(unlimited.seen).toEqual(ids);
  });
});
