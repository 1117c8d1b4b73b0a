import { describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import type { Feed, FeedStart, Session } from "./feed.ts";
import type { Batch } from "./frame.ts";
import { Hub } from "./hub.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

const HOUR = 3_600_000;
const LIFE = 24 * HOUR;

/** Writes down what it is given: ids, gaps as `after..cursor reason`, and positions as `=cursor`. */
class Reader implements Session {
  blocked = false;
  feed!: Feed;
  readonly seen: string[] = [];

  joined(feed: Feed, tail: RealtimeCursor): void {
    this.seen.push(`${feed.position}<${tail}`);
  }

  deliver(_feed: Feed, batch: Batch): void {
    for (const { gap, entry, cursor } of batch.frames)
      this.seen.push(gap ? `${gap.after}..${gap.cursor} ${gap.reason}` : entry ? entry.id : `=${cursor}`);
  }

  failed(): void {}
}

interface Scene {
  readonly broker: SimulatedBroker;
  readonly clock: FakeClock;
  attach(start: FeedStart): Reader;
  after(cursor: string): Reader;
  flow(): Promise<void>;
  /** Time passes, for the store as well. */
  pass(ms: number): Promise<void>;
}

/** @param lifeMs of a log */
function scene(lifeMs: number = LIFE): Scene {
  const clock = fakeClock();
  const broker = new SimulatedBroker();
  broker.now = 1_000_000;
  broker.aliveSince = 0;
  const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
  hub.lives.add(() => lifeMs);
  const attach: Scene["attach"] = (start) => {
    const reader = new Reader();
    reader.feed = hub.attach("c", reader, start);
    return reader;
  };
  const flow: Scene["flow"] = async () => {
    for (let round = 0; round < 12; round++) {
      await clock.advance(0);
      broker.acknowledgeJoin();
      broker.executeNext();
      broker.answerNext();
      broker.hearNext();
    }
    await clock.advance(0);
  };
  return {
    ...{ broker, clock, attach, flow },
    after: (cursor) => attach({ kind: "after", cursor: cursor as RealtimeCursor }),
    async pass(ms) {
      broker.now = (broker.now as number) + ms;
      await clock.advance(ms);
      await flow();
    },
  };
}

describe("a channel without a log", () => {
  it("I1 Position: who was told when there was none, and missed a whole life of the log, is told so once", async () => {
    const { broker, attach, after, flow, pass } = scene();
    const first = attach({ kind: "live" });
    await flow();
    expect(first.seen).toEqual(["0-1000000<0-1000000"]);
    first.feed.detach();
    broker.store();
    await pass(LIFE);
    broker.expire();
    const back = after("0-1000000");
    await flow();
    const end = `0-${1_000_000 + LIFE}`;
    expect(back.seen).toEqual([`0-1000000<${end}`, "0-1000000..0-1000001 unproven", `=${end}`]);
    back.feed.detach();
    const again = after(end);
    await flow();
    expect(again.seen, "once").toEqual([`${end}<${end}`]);
  });

  it("I1 Position: a life that was missed is told of as well when another has begun, of which nothing is missing", async () => {
    const { broker, after, flow, pass } = scene();
    broker.store();
    await pass(LIFE);
    broker.expire();
    await pass(5);
    const ids = [broker.store().id, broker.store().id];
    const back = after("0-1000000");
    await flow();
    expect(back.seen).toEqual([`0-1000000<${ids[1]}`, "0-1000000..0-1000006 unproven", ...ids]);
  });

  it("B-3: who comes back before a log can have lived and expired gets all of it, and no gap", async () => {
    const { broker, after, flow, pass } = scene();
    await pass(LIFE - 1);
    const { id } = broker.store();
    const back = after("0-1000000");
    await flow();
    expect(back.seen).toEqual([`0-1000000<${id}`, id]);
  });

  it("I1 Position: a store that was started anew may have forgotten a log, however short the absence", async () => {
    const { broker, after, flow, pass } = scene();
    await pass(1_000);
    broker.aliveSince = 1_000_500;
    const { id } = broker.store();
    const [long, short] = [after("0-1000500"), after("0-1000501")];
    await flow();
    expect(long.seen).toEqual([`0-1000500<${id}`, "0-1000500..0-1000501 unproven", id]);
    expect(short.seen, "it was joined to this store").toEqual([`0-1000501<${id}`, id]);
  });

  it("I1 Position: who listens is told again and again that there is none, so that a break after a long time is a short absence", async () => {
    const { broker, attach, after, flow, pass } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const asked = broker.asked.length;
    for (let n = 0; n < 30; n++) await pass(HOUR);
    expect(broker.asked.length, "without asking").toBe(asked);
    const last = reader.seen.at(-1) as string;
    expect(last).toMatch(/^=0-\d+$/);
    reader.feed.detach();
    const { id } = broker.store();
    const back = after(last.slice(1));
    await flow();
    expect(back.seen.slice(1)).toEqual([id]);
  });

  it("I4 Chain: nobody is told so by who hears nothing", async () => {
    const { broker, attach, flow, pass } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    broker.loseSubscription();
    await pass(2 * HOUR);
    expect(reader.seen).toHaveLength(1);
    broker.restoreSubscription();
    await pass(1_000);
    await pass(2 * HOUR);
    expect(reader.seen.at(-1)).toMatch(/^=0-/);
  });

  it("I8 Outage: who listened through an outage that a log can have lived in is told of one gap; through a shorter one, of none", async () => {
    const { broker, attach, flow, pass } = scene(HOUR);
    const reader = attach({ kind: "live" });
    await flow();
    broker.disconnect();
    await pass(HOUR / 2);
    broker.reconnect();
    await pass(2_000);
    expect(reader.seen.filter((each) => each.includes(".."))).toEqual([]);
    broker.disconnect();
    await pass(2 * HOUR);
    broker.reconnect();
    await pass(2_000);
    expect(reader.seen.filter((each) => each.includes(".."))).toHaveLength(1);
    expect(reader.seen.at(-2)).toMatch(/unproven$/);
    expect(reader.seen.at(-1), "and on from now").toBe(`=0-${broker.now}`);
  });

  it("I1 Position: a server whose machine slept tells who listens of a gap before anybody joins them", async () => {
    const { broker, attach, after, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    // Its own clock stood still.
    broker.now = 1_000_000 + LIFE;
    const back = after(`0-${1_000_000 + LIFE - 5}`);
    await flow();
    expect(reader.seen.slice(1)).toEqual(["0-1000000..0-1000001 unproven", `=0-${1_000_000 + LIFE}`]);
    expect(back.seen).toHaveLength(2);
    expect(back.seen[1]).toBe(`=0-${1_000_000 + LIFE}`);
  });

  it("I1 Position: who asked for the newest of a log that its server has not heard of yet is joined at a time, not at none", async () => {
    const { broker, clock, attach, flow } = scene();
    attach({ kind: "live" });
    await flow();
    const { id } = broker.store();
    const reader = attach({ kind: "newest", count: 1 });
    await clock.advance(0);
    broker.executeNext();
    broker.answerNext();
    await clock.advance(0);
    expect(reader.seen).toEqual(["0-1000000<0-1000000"]);
    await flow();
    expect(reader.seen.slice(1)).toEqual([id]);
  });

  it("I9 Close: a topic that has ended, or whose log was born, tells nobody any more", async () => {
    const { broker, clock, attach, flow, pass } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const { id } = broker.store();
    await flow();
    await pass(2 * HOUR);
    expect(reader.seen.slice(1)).toEqual([id]);
    reader.feed.detach();
    await clock.advance(HOUR);
    expect(clock.pending).toBe(0);
  });
});
