import { afterEach, describe, expect, it, vi, type Mock } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import type { Broker } from "../brokers/broker.ts";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { MAX_LINGERING_TOPICS } from "../protocol/limits.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import type { ChannelRequest } from "./hub.ts";
import { Hub } from "./hub.ts";
import type { Sink, StreamSession } from "./stream-session.ts";

/** A transport that keeps what it is given, and takes no more when the test says so. */
class Recorder implements Sink {
  readonly writes: Uint8Array[] = [];
  ends = 0;
  abandoned = 0;
  full = false;
  /** Whether nothing is taken that it is given from now on. */
  stuck = false;
  /** How much may wait of what is not taken. */
  room = Number.POSITIVE_INFINITY;
  waiting = 0;

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    if (this.full || this.stuck) this.waiting += bytes.length;
    return !this.full && this.waiting < this.room;
  }

  end(): void {
    this.ends++;
  }

  abandon(): void {
    this.abandoned++;
  }

  get text(): string {
    return this.writes.map((bytes) => new TextDecoder().decode(bytes)).join("");
  }

  /** Ids of the events, in the order in which they came. */
  get events(): string[] {
    return [...this.text.matchAll(/^data: \{"id":"([^"]+)"/gm)].map(([, id]) => id as string);
  }

  get problems(): string[] {
    return [...this.text.matchAll(/^event: problem\ndata: (.*)$/gm)].map(([, data]) => data as string);
  }
}

interface Stream {
  readonly sink: Recorder;
  readonly session: StreamSession;
}

interface Scene {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly clock: FakeClock;
  readonly warn: Mock<(message: string) => void>;
  readonly owner: Set<StreamSession>;
  stream(
    channels: ReadonlyArray<string | ChannelRequest>,
    options?: { keepsCursors?: boolean; maxDurationMs?: number; maxTotalBufferedBytes?: number },
  ): Stream;
  emit(channel: string, json?: string): Promise<RealtimeCursor>;
  /** Delivers all that was announced. */
  flow(): Promise<void>;
}

const hubs: Hub[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const hub of hubs.splice(0)) await hub.close();
});

function scene({ maxLength = 1_000 }: { maxLength?: number } = {}): Scene {
  const clock = fakeClock();
  let deferred: Array<() => void> = [];
  const warn = vi.fn<(message: string) => void>();
  const broker = createMemoryBroker({ defer: (run) => deferred.push(run) });
  const hub = new Hub({ broker, clock, logger: { warn }, heartbeatMs: 15_000 });
  hubs.push(hub);
  const owner = new Set<StreamSession>();
  return {
    hub,
    broker,
    clock,
    warn,
    owner,
    stream(channels, { keepsCursors = false, maxDurationMs = Number.POSITIVE_INFINITY, maxTotalBufferedBytes } = {}) {
      const sink = new Recorder();
      const requests = channels.map((channel) =>
        typeof channel === "string" ? { channel, start: { kind: "live" } as const } : channel,
      );
      const session = hub.openStream(sink, requests, { keepsCursors, maxDurationMs, maxTotalBufferedBytes, owner });
      return { sink, session };
    },
    emit: (channel, json = "1") =>
      broker.append(channel, { event: "e.v", json, emitId: "" }, { maxLength, expireAfterMs: Number.POSITIVE_INFINITY }, 1_000),
    async flow() {
      for (let round = 0; round < 5; round++) {
        await clock.advance(0);
        const runs = deferred;
        deferred = [];
        for (const run of runs) run();
      }
      await clock.advance(0);
    },
  };
}

describe("StreamSession", () => {
  it("the first bytes go out at once, before the broker has said anything", async () => {
    const { clock, broker, stream } = scene();
    broker.listen = () => ({ join: () => new Promise(() => {}), leave() {}, close() {} });
    const { sink } = stream(["c"]);
    await clock.advance(0);
    expect(sink.text).toBe("retry: 1000\n:\n\n");
  });

  it("one write per session and turn, however many events it brings; the bytes of one channel are one object for all", async () => {
    const { stream, emit, flow } = scene();
    const streams = Array.from({ length: 50 }, () => stream(["c"]));
    await flow();
    const before = streams.map(({ sink }) => sink.writes.length);
    const ids = [];
    for (let n = 0; n < 20; n++) ids.push(await emit("c"));
    await flow();
    expect(streams.map(({ sink }, index) => sink.writes.length - (before[index] ?? 0))).toEqual(streams.map(() => 1));
    for (const { sink } of streams) {
      expect(sink.events).toEqual(ids);
      expect(sink.writes.at(-1)).toBe(streams[0]?.sink.writes.at(-1));
    }
  });

  it("a plain stream of several channels says of a channel that is not joined what its request said", async () => {
    const { broker, stream, flow, emit } = scene();
    const { listen } = broker;
    broker.listen = (handlers) => {
      const listener = listen.call(broker, handlers);
      const { join } = listener;
      listener.join = (channel) => (channel === "waits" ? new Promise(() => {}) : join.call(listener, channel));
      return listener;
    };
    const cursor = "5-1" as RealtimeCursor;
    const { sink } = stream([
      { channel: "waits", start: { kind: "after", cursor } },
      "live",
      { channel: "waits", start: { kind: "newest", count: 7 } },
      { channel: "waits", start: { kind: "held" } },
      { channel: "waits", start: { kind: "live" } },
    ]);
    const id = await emit("live");
    await flow();
    expect(sink.text).toContain(`id: 5-1,${id},-7,-,\n`);
  });

  it("one write per session and turn for several channels, too", async () => {
    const { stream, emit, flow } = scene();
    const [plain, ours] = [stream(["a", "b"]), stream(["a", "b"], { keepsCursors: true })];
    await flow();
    const before = [plain.sink.writes.length, ours.sink.writes.length];
    const a = await emit("a");
    const b = await emit("b");
    await emit("elsewhere");
    await flow();
    expect([plain.sink.writes.length, ours.sink.writes.length]).toEqual(before.map((count) => count + 1));
    expect(plain.sink.events.toSorted()).toEqual([a, b].toSorted());
    expect(plain.sink.text.endsWith(`id: ${a},${b}\nevent: position\ndata: {}\n\n`)).toBe(true);
    expect(ours.sink.events.toSorted()).toEqual([a, b].toSorted());
    expect(ours.sink.text).not.toMatch(/^id:|event: position/m);
  });

  it("an event is encoded once, whoever takes it: alone, beside other channels, and from the ring", async () => {
    const { stream, emit, flow } = scene();
    const first = await emit("c");
    const streams = [stream(["c"]), stream(["c"]), stream(["c", "other"]), stream(["c", "other"], { keepsCursors: true })];
    await flow();
    const encode = vi.spyOn(TextEncoder.prototype, "encode");
    const next = await emit("c", '"marked"');
    await flow();
    const late = stream([{ channel: "c", start: { kind: "after", cursor: first } }]);
    await flow();
    for (const { sink } of [...streams, late]) expect(sink.events).toEqual([next]);
    expect(encode.mock.calls.filter(([text]) => text?.includes("marked"))).toHaveLength(1);
  });

  it("I5 Bound: a session whose socket is full leaves the live topic, holds up nobody, and goes on from the log", async () => {
    const { stream, emit, flow } = scene();
    const [slow, quick] = [stream(["c"]), stream(["c"])];
    await flow();
    slow.sink.full = true;
    const ids = [await emit("c")];
    await flow();
    const writes = slow.sink.writes.length;
    for (let n = 0; n < 30; n++) {
      ids.push(await emit("c"));
      await flow();
    }
    expect(slow.sink.writes.length, "nothing is written to a full socket").toBe(writes);
    expect(quick.sink.events).toEqual(ids);
    slow.sink.full = false;
    slow.session.drained();
    await flow();
    expect(slow.sink.events).toEqual(ids);
    ids.push(await emit("c"));
    await flow();
    expect(slow.sink.events, "it is live again").toEqual(ids);
  });

  it("I5 Bound: of what many channels have in memory, a turn brings no more than may wait; the rest comes as it is taken", async () => {
    const { hub, stream, emit, flow } = scene();
    const channels = Array.from({ length: 20 }, (_, n) => `c${n}`);
    // Somebody else is on each, so that the newest events are in memory.
    const { sink: other } = stream(channels);
    await flow();
    const json = JSON.stringify("x".repeat(10_000));
    const starts = await Promise.all(channels.map((channel) => emit(channel)));
    await flow();
    for (const channel of channels) for (let n = 0; n < 10; n++) await emit(channel, json);
    await flow();
    const reads = hub.watch.logReads;
    const { sink, session } = stream(
      channels.map((channel, at) => ({ channel, start: { kind: "after", cursor: starts[at] as RealtimeCursor } })),
    );
    sink.stuck = true;
    sink.room = 256 * 1024;
    await flow();
    expect([sink.waiting > 256 * 1024, sink.waiting < (256 + 2 * 64) * 1024]).toEqual([true, true]);
    for (let turn = 0; turn < 3; turn++) {
      sink.waiting = 0;
      session.drained();
      await flow();
      expect([sink.waiting > 256 * 1024, sink.waiting < (256 + 2 * 64) * 1024]).toEqual([true, true]);
    }
    sink.stuck = false;
    sink.waiting = 0;
    session.drained();
    await flow();
    expect(sink.events.toSorted()).toEqual(other.events.filter((id) => !starts.includes(id as RealtimeCursor)).toSorted());
    expect(sink.text).not.toContain("event: gap");
    expect(hub.watch.logReads, "all of it was in memory").toBe(reads);
    await emit("c7", '"live"');
    await flow();
    expect(sink.text.match(/"live"/g), "it is live again").toHaveLength(1);
  });

  it("I5 Bound: a reader that takes all that it is given has it in one turn, however much that is", async () => {
    const { stream, emit, flow } = scene();
    const channels = ["a", "b", "c", "d"];
    const { sink } = stream(channels);
    await flow();
    const json = JSON.stringify("x".repeat(100_000));
    for (let n = 0; n < 5; n++) for (const channel of channels) await emit(channel, json);
    await flow();
    expect(sink.events).toHaveLength(20);
    for (const channel of channels) await emit(channel);
    await flow();
    expect(sink.events).toHaveLength(24);
  });

  it("I5 Bound: what a blocked session misses of a trimmed log is one gap", async () => {
    const { stream, emit, flow } = scene({ maxLength: 2 });
    const { sink, session } = stream(["c"]);
    await flow();
    sink.full = true;
    // Larger than the ring, so that the log alone can tell.
    const json = JSON.stringify("x".repeat(200_000));
    const ids = [await emit("c", json)];
    await flow();
    for (let n = 0; n < 5; n++) {
      ids.push(await emit("c", json));
      await flow();
    }
    sink.full = false;
    session.drained();
    await flow();
    const gaps = [...sink.text.matchAll(/^event: gap\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data as string) as object);
    expect(gaps).toEqual([{ channel: "c", after: ids[0], cursor: ids[3], reason: "trimmed" }]);
    expect(sink.events).toEqual([ids[0], ids[4], ids[5]]);
  });

  describe("what waits for all slow readers together", () => {
    const HALF = 7_500;

    it("I5 Bound: above its limit, the stream for which the most waits is ended, and no other; that is said once", async () => {
      const { clock, hub, owner, stream, flow, warn } = scene();
      const streams = Array.from({ length: 10 }, () => stream(["c"], { maxTotalBufferedBytes: 1_000 }));
      await flow();
      // Fewer looks than make a reader that takes nothing a stalled one.
      const look = (): Promise<void> => clock.advance(HALF);
      for (const [at, { sink }] of streams.entries()) sink.waiting = 90 + at * 2;
      await look();
      expect(hub.backlog.bytes, "what waits at one look may be on its way").toBe(0);
      await look();
      expect([hub.backlog.bytes, owner.size]).toEqual([990, 10]);
      const third = streams[3] as Stream;
      third.sink.waiting += 20;
      await look();
      expect([hub.backlog.bytes, owner.size]).toEqual([990, 10]);
      await look();
      expect(streams.map(({ sink }) => sink.abandoned)).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
      expect([hub.backlog.bytes, owner.has(third.session)]).toEqual([894, false]);
      for (const { sink } of streams) sink.waiting += 100;
      await look();
      await look();
      // In the order in which they are looked at, and no more of them than it takes.
      expect([hub.backlog.bytes <= 1_000, hub.backlog.bytes > 1_000 - 210]).toEqual([true, true]);
      expect(streams.filter(({ sink }) => sink.abandoned === 0)).toHaveLength(owner.size);
      expect(warn.mock.calls).toEqual([[expect.stringContaining("`limits.maxTotalBufferedBytes`")]]);
      for (const { session } of streams) session.end();
      expect(hub.backlog.bytes).toBe(0);
    });

    it("readers that have taken what waited since the last look are not among them, however much it was", async () => {
      const { clock, hub, owner, stream, flow } = scene();
      const streams = Array.from({ length: 10 }, () => stream(["c"], { maxTotalBufferedBytes: 1_000 }));
      await flow();
      for (let burst = 0; burst < 10; burst++) {
        for (const { sink } of streams) sink.waiting = 100_000;
        await clock.advance(HALF);
        for (const { sink } of streams) sink.waiting = 0;
        await clock.advance(HALF);
        expect(hub.backlog.bytes).toBe(0);
      }
      expect(owner.size).toBe(10);
    });
  });

  describe("a reader that takes nothing of what waits for it", () => {
    const HEARTBEAT_MS = 15_000;

    it("for three heartbeats is left, with what waits; one that takes a byte now and then is not", async () => {
      const { clock, owner, stream, emit, flow } = scene();
      const [stalled, slow] = [stream(["c"]), stream(["c"])];
      await flow();
      stalled.sink.full = slow.sink.full = true;
      await emit("c", JSON.stringify("x".repeat(300_000)));
      await flow();
      await clock.advance(3 * HEARTBEAT_MS - 1);
      expect([stalled.sink.abandoned, slow.sink.abandoned]).toEqual([0, 0]);
      for (let n = 0; n < 20; n++) {
        slow.sink.waiting--;
        await clock.advance(HEARTBEAT_MS * 2.5);
      }
      expect([stalled.sink.abandoned, stalled.sink.ends, slow.sink.abandoned]).toEqual([1, 0, 0]);
      expect([...owner]).toEqual([slow.session]);
    });

    it("is noticed on an idle channel too, by the heartbeat that it does not take, and gets no second one", async () => {
      const { clock, hub, owner, stream, flow } = scene();
      const { sink } = stream(["c"]);
      await flow();
      sink.stuck = true;
      const writes = sink.writes.length;
      await clock.advance(HEARTBEAT_MS);
      expect([sink.writes.length - writes, sink.waiting]).toEqual([1, 3]);
      await clock.advance(3 * HEARTBEAT_MS - 1);
      expect([sink.abandoned, sink.writes.length - writes]).toEqual([0, 1]);
      await clock.advance(HEARTBEAT_MS);
      expect([sink.abandoned, owner.size, hub.streams, clock.pending]).toEqual([1, 0, 0, 0]);
    });

    it("is noticed on a channel that is never silent, long before the socket is full", async () => {
      const { clock, stream, emit, flow } = scene();
      const [stalled, brisk] = [stream(["c"]), stream(["c"])];
      await flow();
      stalled.sink.stuck = true;
      for (let second = 0; second < 68; second++) {
        await emit("c");
        await flow();
        await clock.advance(1_000);
      }
      expect([stalled.sink.abandoned, brisk.sink.abandoned]).toEqual([1, 0]);
      expect(brisk.sink.events).toHaveLength(68);
    });

    it("is told from one that takes less than it is given", async () => {
      const { clock, stream, emit, flow } = scene();
      const { sink } = stream(["c"]);
      await flow();
      sink.stuck = true;
      for (let second = 0; second < 200; second++) {
        await emit("c");
        await flow();
        sink.waiting -= 10;
        await clock.advance(1_000);
      }
      expect([sink.abandoned, sink.waiting > 5_000]).toEqual([0, true]);
    });

    it("leaves nothing that waits behind at the end of its stream, when nobody would see whether it is ever taken", async () => {
      const { clock, stream, flow } = scene();
      const lives = [stream(["c"], { maxDurationMs: 300_000 }), stream(["c"], { maxDurationMs: 300_000 }), stream(["c"])];
      const [behind, brisk, closed] = lives.map(({ sink }) => sink) as [Recorder, Recorder, Recorder];
      await flow();
      await clock.advance(280_000);
      behind.stuck = closed.stuck = true;
      await clock.advance(19_000);
      lives[2]?.session.end();
      expect([behind, brisk, closed].map(({ ends, abandoned }) => [ends, abandoned])).toEqual([
        [0, 1],
        [1, 0],
        [0, 1],
      ]);
    });

    it("may do so for a while, as often as it likes", async () => {
      const { clock, stream, flow } = scene();
      const { sink } = stream(["c"]);
      await flow();
      for (let round = 0; round < 20; round++) {
        sink.stuck = true;
        await clock.advance(HEARTBEAT_MS * 3);
        sink.stuck = false;
        sink.waiting = 0;
        await clock.advance(HEARTBEAT_MS);
      }
      expect([sink.abandoned, sink.ends]).toEqual([0, 0]);
    });

    it("while this process slept may have taken everything since: only time in which it ran counts", async () => {
      const { clock, stream, emit, flow } = scene();
      const { now } = clock;
      let slept = 0;
      clock.now = () => now() + slept;
      const { sink } = stream(["c"]);
      await flow();
      sink.stuck = true;
      await emit("c");
      await flow();
      for (let night = 0; night < 2; night++) {
        await clock.advance(HEARTBEAT_MS);
        slept += 3_600_000;
      }
      await clock.advance(HEARTBEAT_MS - 1);
      expect(sink.abandoned).toBe(0);
      await clock.advance(HEARTBEAT_MS);
      expect(sink.abandoned).toBe(1);
    });
  });

  it("heartbeats come to idle sessions; not to busy ones, nor to blocked ones", async () => {
    const { clock, stream, emit, flow } = scene();
    const [idle, busy, blocked] = [stream(["idle"]), stream(["busy"]), stream(["blocked"])];
    await flow();
    blocked.sink.full = true;
    await emit("blocked");
    await flow();
    const writes = blocked.sink.writes.length;
    for (let second = 0; second < 45; second++) {
      await emit("busy");
      await flow();
      await clock.advance(1_000);
    }
    const beats = ({ sink }: Stream): number => sink.text.split("\n").filter((line) => line === ":").length - 1;
    expect([beats(idle), beats(busy), beats(blocked)]).toEqual([3, 0, 0]);
    expect(blocked.sink.writes.length).toBe(writes);
  });

  it("U-23: says farewell before its time is over, stays live through it, then ends", async () => {
    const { clock, owner, stream, emit, flow } = scene();
    const { sink } = stream(["c"], { maxDurationMs: 300_000 });
    await flow();
    await clock.advance(289_999);
    expect(sink.text).not.toContain("reconnect");
    await clock.advance(1);
    const [, data] = /event: reconnect\ndata: (.*)\n\n/.exec(sink.text) ?? [];
    const { delayMs } = JSON.parse(data ?? "{}") as { delayMs: number };
    expect(delayMs).toBeLessThanOrEqual(5_000);
    await clock.advance(delayMs);
    const id = await emit("c");
    await flow();
    expect(sink.events, "it delivers while its client moves over").toEqual([id]);
    await clock.advance(9_000 - delayMs);
    expect(sink.ends).toBe(1);
    expect(clock.now(), "within its limit").toBeLessThan(300_000);
    expect(owner.size).toBe(0);
  });

  it("one channel that cannot be had is a problem frame for it alone; the rest flows", async () => {
    const { broker, stream, emit, flow } = scene();
    const locate = broker.locate.bind(broker);
    vi.spyOn(broker, "locate").mockImplementation((channel, range) =>
      channel === "bad" ? Promise.reject(new Error("WRONGTYPE secret words")) : locate(channel, range),
    );
    const { sink } = stream(["bad", "good", { channel: "forbidden", start: { kind: "live" }, refused: "forbidden" }]);
    await flow();
    const id = await emit("good");
    await flow();
    expect(sink.problems.toSorted()).toEqual([
      '{"code":"channel_unavailable","channel":"bad","retry":true}',
      '{"code":"forbidden","channel":"forbidden","retry":false}',
    ]);
    expect(sink.events).toEqual([id]);
    expect(sink.text.endsWith(`id: ,${id},\nevent: position\ndata: {}\n\n`)).toBe(true);
    expect(sink.text, "I10 Text").not.toContain("secret");
  });

  it("I1 Position: a channel that cannot be had for a moment keeps its place in what an EventSource comes back with", async () => {
    const { broker, stream, emit, flow } = scene();
    const [seen, start] = [await emit("bad"), await emit("good")];
    await emit("bad");
    vi.spyOn(broker, "read").mockImplementation(() => Promise.reject(new Error("NOPERM")));
    const { sink } = stream([
      { channel: "bad", start: { kind: "after", cursor: seen } },
      { channel: "good", start: { kind: "after", cursor: start } },
    ]);
    await flow();
    const id = await emit("good");
    await flow();
    expect(sink.problems).toEqual(['{"code":"channel_unavailable","channel":"bad","retry":true}']);
    expect(sink.text.endsWith(`id: ${seen},${id}\nevent: position\ndata: {}\n\n`)).toBe(true);
  });

  it("I9 Close: ended from either side, once, it leaves nothing", async () => {
    const { hub, clock, owner, stream, emit, flow } = scene();
    const { sink, session } = stream(["a", "b"], { maxDurationMs: 300_000 });
    await flow();
    sink.full = true;
    await emit("a");
    await flow();
    session.end();
    session.end();
    session.drained();
    const writes = sink.writes.length;
    await emit("a");
    await flow();
    expect([sink.ends, sink.writes.length - writes, owner.size, hub.streams]).toEqual([1, 0, 0, 0]);
    expect(hub.topics, "a topic that holds frames lingers for those who come back").toBe(1);
    await clock.advance(30_000);
    expect([hub.topics, clock.pending]).toEqual([0, 0]);
  });

  it("I5 Bound: a topic without frames ends with its last feed, whatever channel names a request makes up", async () => {
    const { broker, clock, hub, stream, flow } = scene();
    const { listen } = broker;
    let left = 0;
    broker.listen = (handlers) => {
      const listener = listen.call(broker, handlers);
      return {
        join: (name) => listener.join(name),
        leave: (name) => (left++, listener.leave(name)),
        close: () => listener.close(),
      };
    };
    const waiting = stream(["never-joined"]);
    waiting.session.end();
    const { session } = stream(Array.from({ length: 50 }, (_, n) => `made-up:${n}`));
    await flow();
    session.end();
    expect([hub.topics, left, clock.pending]).toEqual([0, 51, 0]);
  });

  it("I5 Bound: no more topics linger than the limit, and the one whose feed left first goes first", async () => {
    const { broker, clock, hub, stream, emit, flow } = scene();
    const names = Array.from({ length: MAX_LINGERING_TOPICS + 3 }, (_, n) => `c${n}`);
    const streams = names.map((name) => stream([name]));
    const sessions = streams.map(({ session }) => session);
    // Through the read limiter, a few at a time.
    while (!streams.every(({ sink }) => sink.text.includes("connected"))) await flow();
    const ids = await Promise.all(names.map((name) => emit(name)));
    await flow();
    const leave = (from: number, to?: number): void => sessions.slice(from, to).forEach((session) => session.end());
    leave(0, -3);
    // The first comes back, so that it is the second who has waited longest.
    const back = stream(["c0"]).session;
    await flow();
    leave(-3);
    back.end();
    expect([hub.topics, clock.pending]).toEqual([MAX_LINGERING_TOPICS, MAX_LINGERING_TOPICS]);
    const asked = vi.spyOn(broker, "locate");
    const served = async (index: number): Promise<number> => {
      asked.mockClear();
      stream([{ channel: names[index] as string, start: { kind: "after", cursor: ids[index] as RealtimeCursor } }]);
      await flow();
      return asked.mock.calls.length;
    };
    expect([await served(0), await served(1), await served(3), await served(4)], "0: from memory; 1: from the log").toEqual([
      ...[0, 1, 1, 0],
    ]);
  });

  it("a sink that ends its session while it is written to is no harm", async () => {
    const { stream, emit, flow } = scene();
    const { sink, session } = stream(["c"]);
    const other = stream(["c"]);
    await flow();
    sink.write = () => {
      session.end();
      return false;
    };
    const id = await emit("c");
    await flow();
    expect([sink.ends, other.sink.events]).toEqual([1, [id]]);
  });

  it("I3 Order: whatever is replayed and whatever is live, the ids of a session rise", async () => {
    const { stream, emit, flow } = scene();
    for (let n = 0; n < 30; n++) await emit("c");
    const streams = [];
    for (let n = 0; n < 30; n++) {
      streams.push(stream([{ channel: "c", start: n % 2 ? { kind: "held" } : { kind: "after", cursor: ORIGIN } }]));
      await emit("c");
      if (n % 3 === 0) await flow();
    }
    await flow();
    for (const { sink } of streams) {
      expect(sink.events).toHaveLength(60);
      expect((sink.events as RealtimeCursor[]).toSorted(compareCursors)).toEqual(sink.events);
    }
  });
});
