import { describe, expect, it, vi } from "vitest";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { MAX_READS_IN_FLIGHT } from "../protocol/limits.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import type { Feed, FeedStart, Session } from "./feed.ts";
import type { Batch } from "./frame.ts";
import { Hub } from "./hub.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

/** Writes down what it is given: ids, and gaps as `after..cursor reason`. */
class Reader implements Session {
  blocked = false;
  joinedAt: RealtimeCursor | undefined;
  tail: RealtimeCursor | undefined;
  readonly seen: string[] = [];
  /** Ids of entries, `""` for one that shows nothing. */
  readonly shown: string[] = [];
  text = "";
  feed: Feed | undefined;

  joined(feed: Feed, tail: RealtimeCursor): void {
    this.joinedAt = feed.position;
    this.tail = tail;
  }

  deliver(_feed: Feed, batch: Batch): void {
    for (const { gap, entry } of batch.frames) {
      this.seen.push(gap ? `${gap.after}..${gap.cursor} ${gap.reason}` : String(entry?.id));
      this.shown.push(entry?.event === "" ? "" : String(entry?.id));
    }
    this.text += new TextDecoder().decode(batch.bytes(false));
  }

  failed(_feed: Feed, code: string): void {
    this.seen.push(code);
  }
}

interface Scene {
  readonly broker: SimulatedBroker;
  readonly clock: FakeClock;
  readonly warnings: string[];
  /** What was logged beside the text of each warning. */
  readonly causes: unknown[];
  readonly hub: Hub;
  attach(start: FeedStart): Reader;
  /** Lets the broker answer everything, and everybody hear everything. */
  flow(): Promise<void>;
}

function scene(): Scene {
  const clock = fakeClock();
  const broker = new SimulatedBroker();
  const warnings: string[] = [];
  const causes: unknown[] = [];
  const warn = (text: string, ...details: unknown[]): void => {
    warnings.push(text);
    causes.push(...details);
  };
  const hub = new Hub({ broker, clock, logger: { warn }, heartbeatMs: 15_000 });
  return {
    broker,
    clock,
    warnings,
    causes,
    hub,
    attach(start) {
      const reader = new Reader();
      reader.feed = hub.attach("c", reader, start);
      return reader;
    },
    async flow() {
      for (let round = 0; round < 10; round++) {
        broker.acknowledgeJoin();
        await clock.advance(0);
        while (broker.asked.length > 0) broker.executeNext();
        while (broker.executed.length > 0) broker.answerNext();
        await clock.advance(0);
        while (broker.announced.length > 0) broker.hearNext();
        await clock.advance(10);
      }
    },
  };
}

describe("Topic", () => {
  it("I2 Join: asks for no log before the subscription is acknowledged", async () => {
    const { broker, clock, attach, flow } = scene();
    attach({ kind: "live" });
    await clock.advance(1_000);
    expect(broker.asked).toHaveLength(0);
    await flow();
    expect(broker.asked).toHaveLength(0);
  });

  it("I2 Join: a page that was asked for before the subscription broke proves nothing", async () => {
    const { broker, clock, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    broker.loseSubscription();
    broker.restoreSubscription();
    await clock.advance(10);
    expect(broker.asked, "a catch-up is asked for").toHaveLength(1);
    broker.executeNext();
    broker.loseSubscription();
    const missed = broker.store();
    broker.restoreSubscription();
    broker.answerNext();
    await flow();
    expect(reader.seen).toEqual([missed.id]);
  });

  it("I2 Join: a page that was decided on before the subscription broke, and asked for before it was back, proves nothing", async () => {
    const { broker, clock, hub, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const gates: Array<() => void> = [];
    for (let n = 0; n < MAX_READS_IN_FLIGHT; n++)
      void hub.limiter.run(() => new Promise<void>((resolve) => gates.push(resolve)));
    broker.loseSubscription();
    broker.restoreSubscription();
    await clock.advance(10);
    expect(broker.asked, "the catch-up waits for its place").toHaveLength(0);
    broker.loseSubscription();
    for (const open of gates) open();
    await clock.advance(0);
    expect(broker.asked).toHaveLength(1);
    broker.executeNext();
    const missed = broker.store();
    broker.restoreSubscription();
    broker.answerNext();
    await flow();
    expect(reader.seen).toEqual([missed.id]);
  });

  it("I7 Return: delivers nothing new before it has caught up", async () => {
    const { broker, clock, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    broker.loseSubscription();
    const missed = broker.store();
    broker.restoreSubscription();
    const fresh = broker.store();
    broker.hearNext();
    await clock.advance(10);
    expect(reader.seen).toEqual([]);
    await flow();
    expect(reader.seen).toEqual([missed.id, fresh.id]);
  });

  it.each<[string, FeedStart["kind"]]>([
    ["who goes on after a cursor", "after"],
    ["who wants what is held", "held"],
    ["who wants the newest", "newest"],
  ])("I1 Position: %s, and has a listener that is ahead of us, is joined once we are level", async (_title, kind) => {
    const { broker, attach, flow } = scene();
    const first = broker.store().id;
    attach({ kind: "live" });
    await flow();
    const level = broker.store().id;
    // On its way to us, and known to a client that was with another server.
    broker.announced.length = 0;
    const starts = {
      after: { kind: "after", cursor: first },
      held: { kind: "held" },
      newest: { kind: "newest", count: 2 },
    } as const;
    const reader = attach({ ...starts[kind as keyof typeof starts], level });
    await flow();
    expect(reader.tail).toBe(level);
    expect(reader.seen).toEqual(kind === "after" ? [level] : [first, level]);
  });

  it("I1 Position: who has a listener beyond the end of a log that was replaced is joined, and told where it ends", async () => {
    const { broker, attach, flow } = scene();
    const first = broker.store().id;
    attach({ kind: "live" });
    await flow();
    const reader = attach({ kind: "after", cursor: first, level: "9999-0" as RealtimeCursor });
    await flow();
    expect([reader.joinedAt, reader.tail]).toEqual([first, first]);
  });

  it("I1 Position: who has a listener beyond the end of a replaced log that is longer than a page is joined all the same", async () => {
    const { broker, attach, flow } = scene();
    const ids = Array.from({ length: 5 }, () => broker.store().id);
    attach({ kind: "live" });
    await flow();
    const reader = attach({ kind: "held", level: "9999-0" as RealtimeCursor });
    await flow();
    expect(reader.tail).toBe(ids[4]);
    expect(reader.seen).toEqual(ids);
  });

  it("I1 Position: who has a listener that is ahead of us is not joined before we are level, though the log begins above our tail", async () => {
    const { broker, clock, attach, flow } = scene();
    const first = broker.store().id;
    attach({ kind: "live" });
    await flow();
    const level = Array.from({ length: 3 }, () => broker.store(1).id).at(-1) as RealtimeCursor;
    broker.announced.length = 0;
    const reader = attach({ kind: "after", cursor: first, level });
    await flow();
    expect(reader.joinedAt, "what lies between our tail and the log may be on its way").toBeUndefined();
    // It is not, and at some point the log decides.
    for (let round = 0; round < 20; round++) {
      await clock.advance(400);
      await flow();
    }
    expect([reader.joinedAt, reader.tail]).toEqual([first, level]);
  });

  it("I1 Position: nobody is told of an end that lies before the beginning, where the log begins above our tail", async () => {
    const { broker, attach, flow } = scene();
    broker.store();
    attach({ kind: "live" });
    await flow();
    broker.store(1);
    const newest = broker.store(1);
    broker.announced.length = 0;
    const readers = [attach({ kind: "held" }), attach({ kind: "newest", count: 1 })];
    await flow();
    expect(readers.map(({ joinedAt, tail }) => [joinedAt, tail])).toEqual([
      [newest.prev, newest.prev],
      [newest.prev, newest.prev],
    ]);
  });

  it("I3 Order: nobody is told of a tail that the log, which was replaced, will not reach", async () => {
    const { broker, attach, flow } = scene();
    const ids = Array.from({ length: 6 }, () => broker.store().id);
    attach({ kind: "live" });
    await flow();
    // Nothing broke: a store that is asked over HTTP, say, fails over without our knowledge.
    broker.entries.length = 5;
    broker.last = ids[4] as RealtimeCursor;
    const reader = attach({ kind: "newest", count: 5 });
    await flow();
    expect([reader.joinedAt, reader.tail], "before the first").toEqual(["0-1001", ids[4]]);
    expect(reader.seen).toEqual(ids.slice(0, 5));
  });

  it("I3 Order: who was told of a tail that a failover took, while it was given what lies before, is told that there is none", async () => {
    const { broker, clock, attach, flow } = scene();
    const ids = Array.from({ length: 6 }, () => broker.store().id);
    attach({ kind: "live" });
    await flow();
    const reader = attach({ kind: "held" });
    await clock.advance(0);
    broker.executeNext();
    broker.answerNext();
    await clock.advance(0);
    expect([reader.tail, ...reader.seen], "a page of three").toEqual([ids[5], ...ids.slice(0, 3)]);
    broker.loseNewest(1);
    broker.reconnect();
    await flow();
    await clock.advance(500);
    await flow();
    expect(reader.seen).toEqual([...ids.slice(0, 5), `${ids[4]}..${ids[4]} reset`]);
  });

  it("I4 Chain: as many missed as the log still holds is no gap, one more is one gap", async () => {
    const { broker, attach, flow } = scene();
    const seen = broker.store();
    for (let n = 0; n < 5; n++) broker.store(5);
    const lucky = attach({ kind: "after", cursor: seen.id });
    await flow();
    expect(lucky.seen).toEqual(broker.entries.map(({ id }) => id));
    broker.store(5);
    const late = attach({ kind: "after", cursor: seen.id });
    await flow();
    expect(late.seen).toEqual([`${seen.id}..${broker.entries[0]?.prev} trimmed`, ...broker.entries.map(({ id }) => id)]);
  });

  it("I4 Chain: each entry that someone deleted from the middle is one gap, for whoever reads over it", async () => {
    const { broker, attach, flow } = scene();
    const entries = Array.from({ length: 9 }, () => broker.store());
    const ids = entries.map(({ id }) => id);
    for (const index of [7, 4, 1]) broker.remove(index);
    const gap = (after: number, missing: number): string => `${ids[after]}..${ids[missing]} trimmed`;
    const all = [ids[0], gap(0, 1), ids[2], ids[3], gap(3, 4), ids[5], ids[6], gap(6, 7), ids[8]];
    const returning = attach({ kind: "after", cursor: ORIGIN });
    const held = attach({ kind: "held" });
    const knowing = attach({ kind: "after", cursor: ids[1] as RealtimeCursor });
    const slow = attach({ kind: "held" });
    slow.deliver = (feed, batch) => {
      Reader.prototype.deliver.call(slow, feed, batch);
      slow.blocked = true;
    };
    for (let visit = 0; visit < 6; visit++) {
      await flow();
      slow.blocked = false;
      slow.feed?.resume();
    }
    expect(returning.seen).toEqual(all);
    expect(held.seen).toEqual(all);
    expect(slow.seen).toEqual(all);
    expect(knowing.seen, "who saw the deleted entry misses nothing there").toEqual(all.slice(2));
  });

  it("I4 Chain: what was deleted while we heard nothing is one gap in the catch-up", async () => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    broker.loseSubscription();
    const [a, b, c, d] = [broker.store(), broker.store(), broker.store(), broker.store()];
    broker.remove(1);
    broker.restoreSubscription();
    await flow();
    expect(reader.seen).toEqual([a.id, `${a.id}..${b.id} trimmed`, c.id, d.id]);
  });

  it("I4 Chain: what was deleted is no gap for those to whom it is still on its way", async () => {
    const { broker, clock, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const ids = [broker.store(), broker.store(), broker.store()].map(({ id }) => id);
    broker.remove(1);
    const held = attach({ kind: "held" });
    await clock.advance(0);
    broker.executeNext();
    broker.answerNext();
    await flow();
    expect(reader.seen).toEqual(ids);
    expect(held.seen).toEqual(ids);
  });

  it("I4 Chain: an entry that claims to follow an older one than it does is a reset, and is shown", async () => {
    const { broker, attach, flow } = scene();
    const [a, b, c] = [broker.store(), broker.store(), broker.store()];
    broker.entries[2] = { ...c, prev: a.id };
    const reader = attach({ kind: "held" });
    await flow();
    expect(reader.seen).toEqual([a.id, b.id, `${b.id}..${b.id} reset`, c.id]);
  });

  it("I1 Position: a log that expired is one gap, not one per return", async () => {
    const { broker, attach, flow } = scene();
    const seen = broker.store();
    broker.expire();
    const first = attach({ kind: "after", cursor: seen.id });
    await flow();
    expect(first.seen).toEqual([`${seen.id}..${ORIGIN} reset`]);
    for (let visit = 0; visit < 2; visit++) {
      const again = attach({ kind: "after", cursor: ORIGIN });
      await flow();
      expect(again.joinedAt).toBe(ORIGIN);
      expect(again.seen).toEqual([]);
    }
  });

  it("I3 Order: what was shown of a log that expired is not shown again to who was told so, though it is still in memory", async () => {
    const { broker, attach, flow } = scene();
    attach({ kind: "live" });
    await flow();
    for (let n = 0; n < 3; n++) broker.store();
    await flow();
    broker.expire();
    const back = attach({ kind: "after", cursor: ORIGIN });
    await flow();
    expect([back.joinedAt, back.seen]).toEqual([ORIGIN, []]);
    const newborn = broker.store();
    await flow();
    const later = attach({ kind: "after", cursor: ORIGIN });
    await flow();
    expect([back.seen, later.seen], "nor with the next life").toEqual([[newborn.id], [newborn.id]]);
  });

  it("I1 Position: who was told that the log is gone stands at the origin, live, and after it has lagged", async () => {
    const { broker, attach, flow } = scene();
    attach({ kind: "live" });
    broker.store();
    await flow();
    broker.expire();
    const back = attach({ kind: "after", cursor: ORIGIN });
    await flow();
    expect([back.feed?.state, back.feed?.cursor, back.feed?.resumption]).toEqual(["live", ORIGIN, ORIGIN]);
    back.blocked = true;
    back.feed?.lag();
    back.blocked = false;
    back.feed?.resume();
    await flow();
    expect(back.seen, "told once, and that elsewhere").toEqual([]);
    const newborn = broker.store();
    await flow();
    expect(back.seen).toEqual([newborn.id]);
    expect(back.feed?.cursor).toBe(newborn.id);
  });

  it("I1 Position: the newest n are never a gap, though the log is trimmed between finding and reading them", async () => {
    const { broker, attach, flow } = scene();
    const [, second, third] = [broker.store(), broker.store(), broker.store()];
    const read = broker.read.bind(broker);
    vi.spyOn(broker, "read").mockImplementation((channel, after) => {
      broker.trim(1);
      return read(channel, after);
    });
    const reader = attach({ kind: "newest", count: 2 });
    await flow();
    expect([reader.joinedAt, reader.seen]).toEqual([second.id, [third.id]]);
  });

  it("I1 Position: whoever left an empty channel gets all that came meanwhile (B-3)", async () => {
    const { broker, attach, flow } = scene();
    const fresh = attach({ kind: "live" });
    await flow();
    expect(fresh.joinedAt).toBe(ORIGIN);
    fresh.feed?.detach();
    const missed = [broker.store().id, broker.store().id, broker.store().id];
    const back = attach({ kind: "after", cursor: ORIGIN });
    await flow();
    expect(back.seen).toEqual(missed);
  });

  it.each([
    ["", true],
    [", born with an entry too long to be heard, which is read", false],
  ])("I4 Chain: a log that expired and was born again while we listened is no gap%s", async (_, isWhole) => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const old = broker.store();
    await flow();
    broker.expire();
    const newborn = broker.store();
    broker.hearNext(isWhole);
    const after = broker.store();
    broker.hearNext(isWhole);
    await flow();
    expect(newborn.prev).toBe(ORIGIN);
    expect(reader.seen).toEqual([old.id, newborn.id, after.id]);
  });

  it("I4 Chain: of a life that was to be read and is over, a newborn entry proves nothing", async () => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const old = broker.store();
    await flow();
    broker.store();
    broker.hearNext(false);
    broker.expire();
    const newborn = broker.store();
    broker.hearNext(false);
    await flow();
    expect(reader.seen).toEqual([old.id, `${old.id}..${newborn.id} reset`]);
  });

  it("I1 Position: who joins while a topic catches up is told where the log ends, not how far the topic has come", async () => {
    const { broker, attach, flow } = scene();
    attach({ kind: "live" });
    await flow();
    const first = broker.store();
    await flow();
    broker.loseSubscription();
    // Three pages.
    const missed = Array.from({ length: 8 }, () => broker.store().id);
    broker.restoreSubscription();
    const back = attach({ kind: "after", cursor: first.id });
    await flow();
    expect(back.seen).toEqual(missed);
    expect(back.tail).toBe(missed.at(-1));
  });

  it("I1 Position: who joins a log that is gone is told no last id of its earlier life", async () => {
    const { broker, attach, flow } = scene();
    attach({ kind: "live" });
    await flow();
    const old = broker.store();
    await flow();
    broker.expire();
    const returning = attach({ kind: "after", cursor: "1-0" as RealtimeCursor });
    await flow();
    expect(returning.tail).toBe(ORIGIN);
    const newborn = broker.store();
    await flow();
    expect(returning.seen).toEqual([`1-0..${ORIGIN} reset`, newborn.id]);
    expect(compareCursors(newborn.id, old.id)).toBeGreaterThan(0);
  });

  it("I3 Order: a failover to a replica that was behind is one reset, down to the tail of what is left", async () => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const kept = broker.store();
    const lost = broker.store();
    await flow();
    broker.loseNewest(1);
    broker.reconnect();
    await flow();
    const next = broker.store();
    await flow();
    expect(reader.seen).toEqual([kept.id, lost.id, `${lost.id}..${kept.id} reset`, next.id]);
  });

  // Each would break out of the frame, or break the frame.
  it.each(['1,"channel":"admin","id":"9-9"', '1}\n\ndata: {"id":"9-9"', "{not json", "1 2", "", "undefined", "\ufeff1"])(
    "I10 Text: an entry whose text is %j shows nothing, moves the position, and is said once",
    async (json) => {
      const { broker, warnings, attach, flow } = scene();
      const reader = attach({ kind: "live" });
      await flow();
      const first = broker.store();
      const forged = broker.store(Number.POSITIVE_INFINITY, json);
      const second = broker.store();
      broker.store(Number.POSITIVE_INFINITY, json);
      await flow();
      const held = attach({ kind: "held" });
      await flow();
      expect(reader.shown).toEqual([first.id, "", second.id, ""]);
      expect(held.shown).toEqual(reader.shown);
      expect(reader.text).not.toMatch(/admin|9-9|not json/);
      expect(reader.text).toContain(`event: position\ndata: {"channel":"c","cursor":"${forged.id}"}\n\n`);
      expect(reader.feed?.cursor).toBe(broker.last);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(`channel "c" holds an entry (${forged.id})`);
    },
  );

  it("I10 Text: an event's name that is none shows nothing", async () => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "held" });
    broker.store();
    broker.entries = broker.entries.map((entry) => ({ ...entry, event: 'a","channel":"admin' }));
    await flow();
    expect(reader.shown).toEqual([""]);
  });

  it("I10 Text: an announcement that cannot be read is believed in nothing: the log decides", async () => {
    const { broker, attach, flow } = scene();
    const reader = attach({ kind: "live" });
    await flow();
    const first = broker.store();
    await flow();
    broker.announced.push({ id: "9999-0" as RealtimeCursor, prev: first.id, event: "e.v", json: '1,"channel":"admin"' });
    await flow();
    const second = broker.store();
    await flow();
    expect(reader.seen).toEqual([first.id, second.id]);
  });

  it("I6 Cost: an entry is parsed once, however many listen", async () => {
    const { broker, attach, flow } = scene();
    for (let n = 0; n < 50; n++) attach({ kind: "live" });
    await flow();
    const parse = vi.spyOn(JSON, "parse");
    broker.store();
    await flow();
    expect(parse).toHaveBeenCalledTimes(1);
    parse.mockRestore();
  });

  describe("a broker that refuses", () => {
    /** Answers each read with an error for a minute; returns how long the topic waited before each. */
    async function refuseForAMinute({ broker, clock }: Scene): Promise<number[]> {
      const waits: number[] = [];
      for (let at = 0, since = 0; at < 60_000; at += 10) {
        await clock.advance(10);
        if (broker.asked.length === 0) continue;
        broker.refuseNext();
        waits.push(at - since);
        since = at;
      }
      return waits;
    }

    it("never gives up a topic that someone was joined to: nothing lost, nothing doubled, said once", async () => {
      const it = scene();
      const { broker, attach, flow, warnings, causes } = it;
      const reader = attach({ kind: "live" });
      await flow();
      const first = broker.store();
      await flow();
      broker.loseSubscription();
      const missed = [broker.store(), broker.store()];
      broker.restoreSubscription();
      const waits = await refuseForAMinute(it);
      const meanwhile = broker.store();
      broker.hearNext();
      expect(reader.seen).toEqual([first.id]);
      expect(Math.max(...waits), "a pause that grows").toBeGreaterThan(3_000);
      expect(Math.max(...waits), "and is capped").toBeLessThanOrEqual(5_010);
      expect(waits.length).toBeLessThan(30);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/channel "c".*tried again/);
      expect(causes).toEqual([expect.objectContaining({ code: "broker_refused" })]);
      for (let second = 0; second < 5; second++) {
        await it.clock.advance(1_000);
        await flow();
      }
      const next = broker.store();
      await flow();
      expect(reader.seen).toEqual([first, ...missed, meanwhile, next].map(({ id }) => id));
      expect(warnings).toHaveLength(1);
    });

    it("tells those who wait to be joined, and goes on for those who were", async () => {
      const { broker, clock, attach, flow } = scene();
      const joined = attach({ kind: "live" });
      await flow();
      const first = broker.store();
      const second = broker.store();
      await flow();
      joined.blocked = true;
      joined.feed?.lag();
      const pending = attach({ kind: "held" });
      await clock.advance(10);
      broker.refuseNext();
      await clock.advance(0);
      expect(pending.seen).toEqual(["channel_unavailable"]);
      const again = attach({ kind: "held" });
      await clock.advance(1_000);
      await flow();
      joined.blocked = false;
      joined.feed?.resume();
      const third = broker.store();
      await flow();
      expect(joined.seen).toEqual([first.id, second.id, third.id]);
      expect(again.seen).toEqual(joined.seen);
      expect(pending.seen, "who was told is let go of").toEqual(["channel_unavailable"]);
    });

    it("says once, too, that a broker gives no pages", async () => {
      const { broker, clock, attach, flow, warnings } = scene();
      const reader = attach({ kind: "live" });
      await flow();
      const read = broker.read.bind(broker);
      broker.read = () => Promise.resolve({} as never);
      broker.loseSubscription();
      const missed = broker.store();
      broker.restoreSubscription();
      await clock.advance(60_000);
      broker.read = read;
      await clock.advance(5_000);
      await flow();
      expect(reader.seen).toEqual([missed.id]);
      expect(warnings).toHaveLength(1);
    });

    it("keeps nothing of a channel that nobody could be joined to", async () => {
      const { broker, clock, attach, hub, warnings } = scene();
      const reader = attach({ kind: "live" });
      broker.acknowledgeJoin();
      await clock.advance(10);
      broker.refuseNext();
      await clock.advance(0);
      expect(reader.seen).toEqual(["channel_unavailable"]);
      expect([hub.topics, clock.pending, warnings.length]).toEqual([0, 0, 1]);
    });
  });

  it("a slow reader of a trimming log gaps twice at most, and goes on at the tail", async () => {
    const { broker, attach, flow } = scene();
    const first = broker.store();
    for (let n = 0; n < 10; n++) broker.store(8);
    const reader = attach({ kind: "after", cursor: first.id });
    reader.deliver = (feed, batch) => {
      Reader.prototype.deliver.call(reader, feed, batch);
      // Slower than the log is trimmed: each page that it takes is trimmed away behind it.
      reader.blocked = true;
    };
    for (let visit = 0; visit < 4; visit++) {
      await flow();
      for (let n = 0; n < 10; n++) broker.store(8);
      reader.blocked = false;
      reader.feed?.resume();
    }
    reader.deliver = (feed, batch) => Reader.prototype.deliver.call(reader, feed, batch);
    reader.blocked = false;
    reader.feed?.resume();
    await flow();
    expect(reader.seen.filter((step) => step.endsWith("trimmed"))).toHaveLength(2);
    expect(reader.feed?.cursor).toBe(broker.last);
  });
});
