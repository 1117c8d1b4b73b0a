import { afterEach, describe, expect, it, vi } from "vitest";
import type { Broker } from "../brokers/broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { MAX_BUFFERED_BYTES, PAGE_BYTES } from "../protocol/limits.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import type { FeedStart } from "./feed.ts";
import { Hub, type ChannelRequest } from "./hub.ts";
import type { PageSession } from "./page-session.ts";

/** A page as its client reads it. */
interface Page {
  readonly at: string;
  readonly frames: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** A page that was asked for. */
interface AskedPage {
  readonly session: PageSession;
  /** What was answered, each time that something was. */
  readonly answers: ReadonlyArray<Page | undefined>;
}

interface Scene {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly clock: FakeClock;
  readonly owner: Set<PageSession>;
  ask(
    channels: ReadonlyArray<string | ChannelRequest>,
    options?: { readonly waitMs?: number; readonly maxDurationMs?: number },
  ): AskedPage;
  /** Asks, lets everything flow, and expects one answer. */
  page(...asked: Parameters<Scene["ask"]>): Promise<Page>;
  emit(channel: string, json?: string): Promise<RealtimeCursor>;
  /** Delivers all that was announced. */
  flow(): Promise<void>;
}

/** JSON of which thirteen fill a page. */
const LARGE = JSON.stringify("x".repeat(20_000));
const NOW = 1_700_000_000_000;
/** Where a channel stands that has no log. */
const NO_LOG = `0-${NOW}`;
const hubs: Hub[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const hub of hubs.splice(0)) await hub.close();
});

const from = (channel: string, start: string | FeedStart): ChannelRequest => ({
  channel,
  start: typeof start === "string" ? { kind: "after", cursor: start as RealtimeCursor } : start,
});

function scene({ maxLength = 1_000 }: { maxLength?: number } = {}): Scene {
  const clock = fakeClock();
  let deferred: Array<() => void> = [];
  const broker = createMemoryBroker({ now: () => NOW, defer: (run) => deferred.push(run) });
  const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
  hubs.push(hub);
  const owner = new Set<PageSession>();

  const ask: Scene["ask"] = (channels, { waitMs = 0, maxDurationMs = Number.POSITIVE_INFINITY } = {}) => {
    const answers: Array<Page | undefined> = [];
    const requests = channels.map((channel) => (typeof channel === "string" ? from(channel, { kind: "live" }) : channel));
    const session = hub.openPage(requests, { waitMs, maxDurationMs, owner }, (body) => {
      answers.push(body === undefined ? undefined : (JSON.parse(body) as Page));
    });
    return { session, answers };
  };
  const flow: Scene["flow"] = async () => {
    for (let round = 0; round < 5; round++) {
      await clock.advance(0);
      const runs = deferred;
      deferred = [];
      for (const run of runs) run();
    }
    await clock.advance(0);
  };
  return {
    hub,
    broker,
    clock,
    owner,
    ask,
    flow,
    async page(...asked) {
      const { answers } = ask(...asked);
      await flow();
      expect(answers).toHaveLength(1);
      return answers[0] as Page;
    },
    emit: (channel, json = "1") =>
      broker.append(channel, { event: "e.v", json, emitId: "" }, { maxLength, expireAfterMs: Number.POSITIVE_INFINITY }, 1_000),
  };
}

/** Lets the subscription to `slow` be acknowledged when the test says so. */
function delayJoin(broker: Broker, slow: string): () => void {
  const { listen } = broker;
  const waiting: Array<() => void> = [];
  let over = false;
  broker.listen = (handlers) => {
    const listener = listen.call(broker, handlers);
    return {
      join: async (channel) => {
        if (channel === slow && !over) await new Promise<void>((resolve) => waiting.push(resolve));
        await listener.join(channel);
      },
      leave: (channel) => listener.leave(channel),
      close: () => listener.close(),
    };
  };
  return () => {
    over = true;
    for (const resolve of waiting.splice(0)) resolve();
  };
}

const types = ({ frames }: Page): unknown[] => frames.map(({ type }) => type);
const ids = ({ frames }: Page): unknown[] => frames.filter(({ type }) => type === "event").map(({ id }) => id);

describe("PageSession", () => {
  it("with nothing to say it ends as soon as it is joined, at the channel's position, and leaves nothing", async () => {
    const { hub, clock, owner, emit, page } = scene();
    const tail = await emit("c");
    expect(await page(["c", "empty"])).toEqual({
      at: `${tail},${NO_LOG}`,
      frames: [
        { type: "connected", channel: "c", cursor: tail, tail, heartbeatMs: 15_000 },
        { type: "connected", channel: "empty", cursor: NO_LOG, tail: NO_LOG, heartbeatMs: 15_000 },
      ],
    });
    expect([hub.topics, owner.size, clock.pending]).toEqual([0, 0, 0]);
  });

  it("frames are those of a stream: events, gaps, and a position for what cannot be read", async () => {
    const { emit, page } = scene({ maxLength: 3 });
    const made: string[] = [];
    for (const json of ["0", "1", "2", '{ "a":\r\n [1] }', '1,"channel":"admin"', '"é\u2028"'])
      made.push(await emit("c", json));
    const [first, , gone, third, forged, last] = made as [string, string, string, string, string, string];
    expect(await page([from("c", first)])).toEqual({
      at: last,
      frames: [
        { type: "connected", channel: "c", cursor: first, tail: last, heartbeatMs: 15_000 },
        { type: "gap", channel: "c", after: first, cursor: gone, reason: "trimmed" },
        { type: "event", id: third, channel: "c", event: "e.v", data: { a: [1] } },
        { type: "position", channel: "c", cursor: forged },
        { type: "event", id: last, channel: "c", event: "e.v", data: "é\u2028" },
      ],
    });
  });

  it("what moves a cursor and is no event ends it, too", async () => {
    const { emit, page } = scene();
    const seen = await emit("c");
    const unreadable = await emit("c", "no JSON");
    const options = { waitMs: 20_000 };
    expect(await page([from("c", seen)], options)).toMatchObject({ at: unreadable, frames: [{}, { type: "position" }] });
    expect(await page([from("gone", "5-5")], options)).toMatchObject({ at: NO_LOG, frames: [{}, { reason: "reset" }] });
  });

  it("waits for an event; the page has all that the turn brings, of each channel", async () => {
    const { hub, clock, owner, ask, emit, flow } = scene();
    const { answers } = ask(["a", "b"], { waitMs: 20_000 });
    await flow();
    await clock.advance(19_999);
    expect(answers).toEqual([]);
    const made = [await emit("a"), await emit("b"), await emit("a")];
    await flow();
    expect(answers).toHaveLength(1);
    const [page] = answers as [Page];
    expect(types(page).slice(0, 2)).toEqual(["connected", "connected"]);
    expect(new Set(ids(page))).toEqual(new Set(made));
    expect(page.at).toBe(`${made[2]},${made[1]}`);
    expect(owner.size).toBe(0);
    await clock.advance(30_000);
    expect([answers.length, hub.topics, clock.pending]).toEqual([1, 0, 0]);
  });

  it("waits no longer than it was asked to", async () => {
    const { clock, ask, flow } = scene();
    const { answers } = ask(["c"], { waitMs: 1_500 });
    await flow();
    await clock.advance(1_499);
    expect(answers).toEqual([]);
    await clock.advance(1);
    expect(answers).toMatchObject([{ at: NO_LOG, frames: [{ type: "connected" }] }]);
    expect(clock.pending).toBe(0);
  });

  it("nor longer than a response may last, whatever it was asked", async () => {
    const { broker, clock, ask, flow } = scene();
    delayJoin(broker, "never");
    const asked = [ask(["c"], { waitMs: 30_000, maxDurationMs: 10_000 }), ask(["never"], { maxDurationMs: 4_000 })];
    const answered = (): number[] => asked.map(({ answers }) => answers.length);
    await flow();
    await clock.advance(3_599);
    expect(answered()).toEqual([0, 0]);
    await clock.advance(1);
    expect(answered()).toEqual([0, 1]);
    await clock.advance(5_400);
    expect(answered()).toEqual([1, 1]);
  });

  it("I8 Outage: a channel that cannot be joined is waited for 5 s, or `wait`, and asked for again as it was", async () => {
    const starts: FeedStart[] = [
      { kind: "after", cursor: "5-1" as RealtimeCursor },
      { kind: "newest", count: 7 },
      { kind: "held" },
      { kind: "live" },
    ];
    for (const [waitMs, lastsMs] of [
      [0, 5_000],
      [4_999, 5_000],
      [20_000, 20_000],
    ] as const) {
      const { broker, clock, ask, flow } = scene();
      delayJoin(broker, "away");
      const { answers } = ask([...starts.map((start) => from("away", start)), "c"], { waitMs });
      await flow();
      await clock.advance(lastsMs - 1);
      expect(answers).toEqual([]);
      await clock.advance(1);
      expect(answers).toMatchObject([{ at: `5-1,-7,-,,${NO_LOG}`, frames: [{ type: "connected", channel: "c" }] }]);
      expect(clock.pending).toBe(0);
    }
  });

  it("I2 Join: with something to say it still waits for the other channels, and that for a second", async () => {
    const { broker, clock, ask, emit, flow } = scene();
    const acknowledge = delayJoin(broker, "slow");
    const made = [await emit("busy"), await emit("slow")];
    const channels = [from("busy", { kind: "held" }), from("slow", { kind: "held" })];
    const impatient = ask(channels, { waitMs: 20_000 });
    await flow();
    await clock.advance(999);
    expect(impatient.answers).toEqual([]);
    await clock.advance(1);
    expect(impatient.answers).toMatchObject([{ at: `${made[0]},-`, frames: [{ channel: "busy" }, { id: made[0] }] }]);

    const patient = ask(channels, { waitMs: 20_000 });
    await flow();
    await clock.advance(500);
    made.push(await emit("busy"));
    await flow();
    expect(patient.answers).toEqual([]);
    acknowledge();
    await flow();
    const [page] = patient.answers as [Page];
    expect(page.at).toBe(`${made[2]},${made[1]}`);
    expect(ids(page)).toEqual([made[0], made[2], made[1]]);
  });

  it("I2 Join: one channel that is slow to join never comes to word beside a busy one, unless it is waited for", async () => {
    const { broker, clock, ask, emit, flow } = scene();
    const { locate } = broker;
    vi.spyOn(broker, "locate").mockImplementation(async (channel, range) => {
      if (channel === "slow") await new Promise<void>((resolve) => void clock.setTimeout(resolve, 100));
      return locate.call(broker, channel, range);
    });
    const slow = await emit("slow");
    let at = [await emit("busy"), "0-0"];
    for (let polls = 0; at[1] !== slow; polls++) {
      expect(polls, "polls until the slow channel has its event").toBeLessThan(3);
      const { answers } = ask([from("busy", at[0] as string), from("slow", at[1] as string)], { waitMs: 20_000 });
      while (answers.length === 0) {
        await emit("busy");
        await flow();
        await clock.advance(10);
      }
      at = (answers[0] as Page).at.split(",");
    }
  });

  it("I5 Bound: a full page ends, and the next ones go on where it stood, in memory and in the log", async () => {
    const { hub, page, emit, flow } = scene();
    const channels = ["a", "b", "c", "d"];
    // Who listens fills the rings: six each of these events.
    const options = { keepsCursors: true, maxDurationMs: Number.POSITIVE_INFINITY, owner: new Set<never>() };
    hub.openStream(
      { write: () => true, waiting: 0, end() {}, abandon() {} },
      channels.map((channel) => from(channel, { kind: "live" })),
      options,
    );
    await flow();
    let starts = channels.map(() => "0-0");
    for (const events of [6, 12]) {
      const made = new Map<unknown, string[]>(channels.map((channel) => [channel, []]));
      for (let n = 0; n < events; n++) {
        for (const channel of channels) made.get(channel)?.push(await emit(channel, LARGE));
      }
      await flow();
      const ends = channels.map((channel) => made.get(channel)?.at(-1)).join();
      const read = new Map<unknown, unknown[]>(channels.map((channel) => [channel, []]));
      const sizes: number[] = [];
      let at = starts.join();
      for (let polls = 0; at !== ends && polls < 50; polls++) {
        const next = await page(at.split(",").map((start, index) => from(channels[index] as string, start)));
        for (const { type, channel, id } of next.frames) if (type !== "connected") read.get(channel)?.push(id);
        sizes.push(JSON.stringify(next).length);
        ({ at } = next);
      }
      expect(read).toEqual(made);
      expect(Math.max(...sizes), "some page is full").toBeGreaterThan(MAX_BUFFERED_BYTES);
      expect(Math.max(...sizes)).toBeLessThan(MAX_BUFFERED_BYTES + PAGE_BYTES + 2 * LARGE.length);
      starts = ends.split(",");
    }
  });

  it("I5 Bound: a page that one channel's turn has filled takes nothing more of the others, and nothing is lost with it", async () => {
    const { ask, page, emit, flow } = scene();
    const { answers } = ask(["a", "b"], { waitMs: 20_000 });
    await flow();
    const made: { a: string[]; b: string[] } = { a: [], b: [] };
    for (let n = 0; n < 15; n++) {
      made.a.push(await emit("a", LARGE));
      made.b.push(await emit("b", LARGE));
    }
    await flow();
    const [first] = answers as [Page];
    expect(ids(first)).toEqual(made.a);
    expect(first.at).toBe(`${made.a.at(-1)},${NO_LOG}`);
    const rest: unknown[] = [];
    let at = "0-0";
    for (let polls = 0; at !== made.b.at(-1) && polls < 50; polls++) {
      const next = await page([from("b", at)]);
      rest.push(...ids(next));
      ({ at } = next);
    }
    expect(rest).toEqual(made.b);
  });

  it("a channel that cannot be had is a problem, which ends no page: who asks again at once must not do so all the time", async () => {
    const { broker, clock, ask, page, flow } = scene();
    const { locate } = broker;
    vi.spyOn(broker, "locate").mockImplementation((channel, range) =>
      channel === "bad" ? Promise.reject(new Error("WRONGTYPE secret words")) : locate.call(broker, channel, range),
    );
    const forbidden: ChannelRequest = { channel: "mine", start: { kind: "newest", count: 3 }, refused: "forbidden" };
    const problems = [
      { type: "problem", code: "forbidden", channel: "mine", retry: false },
      { type: "problem", code: "channel_unavailable", channel: "bad", retry: true },
    ];
    expect(await page([forbidden, from("bad", "5-5")])).toEqual({ at: "-3,5-5", frames: problems });
    const alone = ask([forbidden, from("bad", "5-5")], { waitMs: 20_000 });
    const beside = ask([forbidden, "good", from("bad", "5-5")], { waitMs: 20_000 });
    await flow();
    await clock.advance(19_999);
    expect([alone.answers, beside.answers]).toEqual([[], []]);
    await clock.advance(1);
    expect(alone.answers).toEqual([{ at: "-3,5-5", frames: problems }]);
    const [{ at, frames }] = beside.answers as [Page];
    expect(at).toBe(`-3,${NO_LOG},5-5`);
    expect(frames).toEqual(expect.arrayContaining([...problems, expect.objectContaining({ type: "connected" })]));
    expect(JSON.stringify(frames), "I10 Text").not.toContain("secret");
  });

  it("I9 Close: ended before it had an answer it says so, once, and leaves nothing", async () => {
    const { hub, clock, owner, ask, emit, flow } = scene();
    const { session, answers } = ask(["c", "d"], { waitMs: 20_000 });
    const early = ask(["c"]);
    early.session.end();
    await flow();
    expect([owner.size, answers.length]).toEqual([1, 0]);
    session.end();
    session.end();
    await emit("c");
    await flow();
    await clock.advance(60_000);
    expect([answers, early.answers]).toEqual([[undefined], [undefined]]);
    expect([hub.topics, owner.size, clock.pending]).toEqual([0, 0, 0]);
  });

  it("pages cost the fan-out nothing: an event is encoded once, for streams alone", async () => {
    const { hub, ask, emit, flow } = scene();
    const write = vi.fn<(bytes: Uint8Array) => boolean>(() => true);
    hub.openStream({ write, waiting: 0, end() {}, abandon() {} }, [from("c", { kind: "live" })], {
      ...{ keepsCursors: true, maxDurationMs: Infinity, owner: new Set() },
    });
    const pages = Array.from({ length: 10 }, () => ask(["c"], { waitMs: 20_000 }));
    await flow();
    const encode = vi.spyOn(TextEncoder.prototype, "encode");
    await emit("c", '"marked"');
    await flow();
    for (const { answers } of pages) expect(answers).toHaveLength(1);
    expect(encode.mock.calls.filter(([text]) => text?.includes("marked"))).toHaveLength(1);
  });
});
