import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createUpstashAdapter } from "../../src/adapters/upstash.ts";
import { Realtime } from "../../src/index.ts";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { HOSTILE } from "../../src/testing/conformance/hostile.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { advanceUntil, openUpstash, type UpstashBroker } from "../support/upstash-broker.ts";
import { SERVED, startUpstashFront, type FrontRequest, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;
let own: UpstashBroker;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

beforeEach(async () => {
  front = await startUpstashFront(server.port);
  own = openUpstash(front);
});

afterEach(async () => {
  await own.broker.close();
  await new Redis({ url: front.url, token: front.token }).flushall();
  await front.close();
});

const isLook = ({ commands }: FrontRequest) => commands.some(([, script]) => script?.includes("pcall(last_id, key)"));
const isStream = ({ kind }: FrontRequest) => kind === "subscribe";
const looks = () => front.requests.filter(isLook);
const channels = (count: number) => Array.from({ length: count }, (_, at) => `room:${at}`);

describe("listening over REST", () => {
  it("I6 Cost: a channel is one stream and no other request; what is left holds nothing", async () => {
    const clock = fakeClock();
    await using still = openUpstash(front, { clock });
    const { listener, told } = still.record();
    await listener.join("c");
    expect(front.requests.map(({ path }) => path)).toEqual(["/subscribe/%7Bt%3Ac%7D%3Alive%3A0"]);
    await own.emit("c", "1");
    await vi.waitFor(() => expect(told).toEqual(["entry c 1"]));
    listener.leave("c");
    await vi.waitFor(() => expect(front.openStreams).toBe(0));
    expect(clock.pending).toBe(0);
    front.forget();
    await clock.advance(120_000);
    expect(front.requests).toEqual([]);
  });

  it("I9 Close: leaves no stream and no timer", async () => {
    const clock = fakeClock();
    const closing = openUpstash(front, { clock });
    const { listener, told } = closing.record();
    await Promise.all(channels(20).map((channel) => listener.join(channel)));
    expect(front.openStreams).toBe(16);
    await closing.broker.close();
    await vi.waitFor(() => expect(front.openStreams).toBe(0));
    expect(clock.pending).toBe(0);
    expect(told.filter((each) => each.startsWith("lost"))).toEqual([]);
  });

  it("twenty channels are sixteen streams, and one look a second at the four others", async () => {
    const clock = fakeClock();
    await using reader = openUpstash(front, { clock });
    const { listener, told } = reader.record();
    const rooms = channels(20);
    await Promise.all(rooms.map((room) => listener.join(room)));
    expect(front.requests.filter(isStream)).toHaveLength(16);
    // One acknowledges the four.
    expect(looks().map(({ commands }) => commands[0]?.slice(2))).toEqual([
      ["4", ...rooms.slice(16).map((room) => `t:${room}`)],
    ]);
    front.forget();
    for (let second = 1; second <= 3; second++) {
      await advanceUntil(clock, () => looks().length === second, 1_000);
      await vi.waitFor(() => expect(clock.pending).toBe(1));
    }
    expect(front.requests).toHaveLength(3);

    const ids = new Map<string, string>();
    for (const room of rooms) ids.set(room, await own.emit(room, JSON.stringify(room)));
    await advanceUntil(clock, () => rooms.slice(16).every((room) => told.includes(`moved ${room} ${ids.get(room)}`)));
    await vi.waitFor(() => {
      for (const room of rooms.slice(0, 16)) expect(told).toContain(`entry ${room} "${room}"`);
    });
  });

  it("a channel that is polled gets the stream of one that was left, and misses nothing on the way", async () => {
    const { listener, told } = own.record();
    await Promise.all(channels(17).map((channel) => listener.join(channel)));
    listener.leave("room:3");
    // While it moves.
    const id = await own.emit("room:16", "1");
    await vi.waitFor(() => expect(front.subscribed).toContain("{t:room:16}:live:0"));
    await vi.waitFor(() =>
      expect(told.some((each) => each === `moved room:16 ${id}` || each === "entry room:16 1")).toBe(true),
    );
    // Until it is streamed alone.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = looks().length;
        const isQuiet = now === before;
        before = now;
        expect(isQuiet).toBe(true);
      },
      { interval: 1_300 },
    );
    await own.emit("room:16", "2");
    await vi.waitFor(() => expect(told).toContain("entry room:16 2"));
    expect(told.filter((each) => /lost|restored/.test(each))).toEqual([]);
  });

  it("a prefix with commas and a channel with slashes are streamed like any other", async () => {
    await using odd = openUpstash(front, { keyPrefix: "a,b/c,ü%2F" });
    const { listener, told } = odd.record();
    await listener.join("x/y=z+~@");
    await odd.emit("x/y=z+~@", "1");
    await vi.waitFor(() => expect(told).toEqual(["entry x/y=z+~@ 1"]));
  });

  it("a service that takes an encoded slash for a separator: the channel is polled", async () => {
    front.splitsEncodedSlashes = true;
    const { listener, told } = own.record();
    await listener.join("x/y");
    await vi.waitFor(() => expect(front.openStreams).toBe(0));
    const id = await own.emit("x/y", "1");
    await vi.waitFor(() => expect(told).toContain(`moved x/y ${id}`));
    expect(own.warnings).toHaveLength(1);
    expect(own.warnings[0]).toMatch(/does not stream channel "x\/y"/);
  });

  it("a service that has no streams: every channel is polled, and none asks for a stream again", async () => {
    front.fate = (request) => (isStream(request) ? { kind: "refused", status: 404 } : SERVED);
    const { listener, told } = own.record();
    await listener.join("c");
    await listener.join("d");
    const id = await own.emit("c", "1");
    await vi.waitFor(() => expect(told).toContain(`moved c ${id}`));
    expect(front.requests.filter(isStream)).toHaveLength(1);
    expect(own.warnings).toHaveLength(1);
  });

  it("a service that gives no streams just now: channels are polled until it does", async () => {
    front.fate = (request) => (isStream(request) ? { kind: "refused", status: 429 } : SERVED);
    const { listener, told } = own.record();
    await listener.join("c");
    expect(front.requests.filter(isStream)).toHaveLength(3);
    const id = await own.emit("c", "1");
    await vi.waitFor(() => expect(told).toContain(`moved c ${id}`));
    front.fate = () => SERVED;
    await vi.waitFor(() => expect(front.openStreams).toBe(1));
    await own.emit("c", "2");
    await vi.waitFor(() => expect(told).toContain("entry c 2"));
  });
});

describe("I7 Return: streams that break", () => {
  it("are told of, made again, and told of when they are acknowledged", async () => {
    const { listener, told } = own.record();
    await Promise.all([listener.join("a"), listener.join("b")]);
    front.dropStreams();
    await vi.waitFor(() =>
      expect(told.flatMap((each) => each.split(/[ ,]/)).filter((word) => /^[ab]$/.test(word))).toHaveLength(4),
    );
    expect(told[0]).toBe("lost a,b");
    expect(told.slice(1).sort()).toEqual(["restored a", "restored b"]);
    await own.emit("a", "1");
    await vi.waitFor(() => expect(told).toContain("entry a 1"));
  });

  it("B-14: a subscriber through a hub gets each event once and in order, however often streams break", async () => {
    const redis = createUpstashAdapter(new Redis({ url: front.url, token: front.token }));
    await using realtime = new Realtime({ redis, keyPrefix: "t" });
    const seen: unknown[] = [];
    const gaps: unknown[] = [];
    await realtime.channel("c").subscribe({ onData: ({ data }) => seen.push(data), onGap: (gap) => gaps.push(gap) });
    for (let n = 0; n < 300; n++) {
      const emitted = realtime.channel("c").emit("test.event", n);
      if (n % 60 === 30) front.dropStreams();
      if (n % 10 === 0) await emitted;
    }
    await vi.waitFor(() => expect(seen).toHaveLength(300));
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(gaps).toEqual([]);
  });

  it("I8 Outage: while the service is away nothing ends; then every channel is heard again, polled ones too", async () => {
    const { listener, told } = own.record();
    await Promise.all(channels(18).map((channel) => listener.join(channel)));
    front.fate = () => ({ kind: "refused", status: 503 });
    front.dropStreams();
    const early = own.emit("room:0", "1", { timeoutMs: 8_000 });
    await vi.waitFor(() => expect(own.warnings.length).toBeGreaterThan(0));
    front.fate = () => SERVED;
    await early;
    const id = await own.emit("room:17", "2");
    await vi.waitFor(() => {
      const restored = told.filter((each) => each.startsWith("restored")).flatMap((each) => each.slice(9).split(","));
      expect(new Set(restored).size).toBe(16);
      expect(told).toContain(`moved room:17 ${id}`);
      expect(own.warnings).toEqual([expect.stringContaining("no connection"), expect.stringContaining(" is back, after ")]);
    });
  });

  it("I13 Probe: a stream that hangs is found by a look, and made again", async () => {
    const clock = fakeClock();
    await using reader = openUpstash(front, { clock });
    const { listener, told } = reader.record();
    await listener.join("c");
    await own.emit("c", "1");
    await vi.waitFor(() => expect(told).toEqual(["entry c 1"]));
    front.muteStreams();
    front.forget();
    const id = await own.emit("c", "2");
    await advanceUntil(clock, () => told.includes(`moved c ${id}`));
    expect(clock.now()).toBeLessThan(31_000);
    expect(looks().length).toBeLessThanOrEqual(2);
    await advanceUntil(clock, () => front.requests.some(isStream));
    await advanceUntil(clock, () => front.openStreams === 1);
    await settleLooks(clock);
    await own.emit("c", "3");
    await vi.waitFor(() => expect(told).toContain("entry c 3"));
    // It was polled until the new stream was up, and not told as lost: nothing was.
    await settleLooks(clock);
    expect(told.filter((each) => /lost|restored/.test(each))).toEqual([]);
  });

  it("I13 Probe: a stream that falls silent after it was busy is looked at, too", async () => {
    const clock = fakeClock();
    await using reader = openUpstash(front, { clock });
    const { listener, told } = reader.record();
    await listener.join("c");
    // It was heard shortly before each look.
    for (let n = 0; n < 20; n++) {
      await own.emit("c", String(n));
      await vi.waitFor(() => expect(told).toContain(`entry c ${n}`));
      await clock.advance(3_000);
    }
    front.muteStreams();
    const id = await own.emit("c", "unheard");
    await advanceUntil(clock, () => told.includes(`moved c ${id}`));
    expect(clock.now()).toBeLessThan(20 * 3_000 + 31_000);
  });

  it("idle streams cost one look in fifteen seconds, for all of them", async () => {
    const clock = fakeClock();
    await using reader = openUpstash(front, { clock });
    const { listener } = reader.record();
    await Promise.all(channels(16).map((channel) => listener.join(channel)));
    front.forget();
    await advanceUntil(clock, () => clock.now() >= 120_000, 500);
    expect(front.requests.every(isLook)).toBe(true);
    // With the dice of this clock each pause is 15 s.
    expect(front.requests.length).toBeGreaterThanOrEqual(7);
    expect(front.requests.length).toBeLessThanOrEqual(8);
  });
});

describe("a service whose streams do not hear what scripts publish", () => {
  beforeEach(() => {
    front.deliversFromScripts = false;
  });

  it("a process that hears nothing of its own emits announces each with a command of its own", async () => {
    const { listener, told } = own.record();
    await listener.join("c");
    const first = await own.emit("c", "1");
    // Two seconds later the first is announced again, with a command, and that is heard.
    await vi.waitFor(() => expect(told).toContain(`moved c ${first}`));
    await vi.waitFor(() => expect(own.warnings).toHaveLength(1));
    expect(own.warnings[0]).toMatch(/what scripts publish does not reach the streams/);
    front.forget();
    const second = await own.emit("c", "2");
    await vi.waitFor(() => expect(told).toContain(`moved c ${second}`));
    const commands = front.requests.filter((request) => !isLook(request)).flatMap(({ commands }) => commands);
    expect(commands.map(([name]) => name)).toEqual(["EVAL", "PUBLISH"]);
    expect(front.openStreams).toBe(1);
  });

  it("a burst is announced once, by its last entry", async () => {
    const { listener, told } = own.record();
    await listener.join("c");
    const first = await own.emit("c", "1");
    await vi.waitFor(() => expect(told).toContain(`moved c ${first}`));
    front.forget();
    const ids = await Promise.all(Array.from({ length: 50 }, (_, at) => own.emit("c", String(at))));
    await vi.waitFor(() => expect(told).toContain(`moved c ${ids.at(-1)}`));
    const sent = front.requests.filter((request) => !isLook(request)).map(({ commands }) => commands.map(([name]) => name));
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(["PUBLISH"]);
  });

  it("what a process without streams emits is found, first by the look at silent streams and then every second", async () => {
    const clock = fakeClock();
    await using reader = openUpstash(front, { clock });
    const { listener, told } = reader.record();
    await listener.join("c");
    for (let n = 0; n < 9; n++) {
      const id = await own.emit("c", String(n));
      const since = clock.now();
      await advanceUntil(clock, () => told.includes(`moved c ${id}`));
      expect(clock.now() - since).toBeLessThan(n < 6 ? 20_000 : 2_500);
      await clock.advance(250);
    }
    expect(told.filter((each) => /lost|restored/.test(each))).toEqual([]);
  });
});

describe("B-15: over REST", () => {
  it("hostile values reach a subscriber and the history as they were emitted", async () => {
    const redis = createUpstashAdapter(new Redis({ url: front.url, token: front.token }));
    await using realtime = new Realtime({ redis, keyPrefix: "t" });
    const seen: unknown[] = [];
    await realtime.channel("c").subscribe({ onData: ({ data }) => seen.push(data) });
    // As JSON has them: it knows neither -0 nor infinity.
    const values = HOSTILE.map((json) => JSON.parse(JSON.stringify(JSON.parse(json))) as unknown);
    for (const value of values) await realtime.channel("c").emit("test.event", value);
    await vi.waitFor(() => expect(seen).toHaveLength(values.length));
    expect(seen).toEqual(values);
    expect((await realtime.channel("c").history()).map(({ data }) => data)).toEqual(values);
  });

  it("a JSON text with raw line breaks is told of, to be read", async () => {
    const { listener, told } = own.record();
    await listener.join("c");
    const id = await own.emit("c", '{"a" : [ 1,\n\t2 ] }');
    await own.emit("c", "2");
    await vi.waitFor(() => expect(told).toEqual([`moved c ${id}`, "entry c 2"]));
    expect(await own.stored("c")).toEqual(['{"a" : [ 1,\n\t2 ] }', "2"]);
  });
});

/** Lets the clock run until nothing is looked at every second any more. */
async function settleLooks(clock: FakeClock): Promise<void> {
  let before = -1;
  await advanceUntil(
    clock,
    () => {
      const now = looks().length;
      const isQuiet = now === before;
      before = now;
      return isQuiet;
    },
    1_500,
  );
}
