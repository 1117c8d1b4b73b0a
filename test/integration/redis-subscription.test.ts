import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../../src/brokers/broker.ts";
import { ORIGIN, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { PROBE_MS } from "../../src/protocol/limits.ts";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { openBroker, outcomes, type TestBroker } from "../support/redis-brokers.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type ProxiedConnection, type TcpProxy } from "../support/tcp-proxy.ts";

let server: RedisServer;
let proxy: TcpProxy;
let direct: Redis;
let writer: TestBroker;

beforeAll(async () => {
  server = await startRedis();
  direct = new Redis(server.port);
});

afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

beforeEach(async () => {
  proxy = await startProxy(server.port);
  writer = openBroker(server.port);
});

afterEach(async () => {
  await writer.broker.close();
  await proxy.close();
  await direct.flushall();
});

const LIVE = "{t:c}:live:0";
const isSubscription = (connection: ProxiedConnection) => connection.sent.includes("tidings-subscription");

function connectionOf(kind: "subscription" | "commands"): ProxiedConnection {
  const found = proxy.connections.find((connection) => connection.sent.includes(`tidings-${kind}`));
  if (!found) throw new Error(`there is no ${kind} connection`);
  return found;
}

/** How many connections the server has subscribed to the channel. */
async function subscribers(live: string = LIVE): Promise<number> {
  return Number((await direct.pubsub("NUMSUB", live))[1]);
}

describe("I2 Join", () => {
  it("a join resolves only after the server has acknowledged it, however slow the way", async () => {
    proxy.delays = (connection) => (isSubscription(connection) ? { toServer: 60, toClient: 5 } : {});
    await using reader = openBroker(proxy.port);
    const { listener } = reader.record();
    await listener.join("c");
    expect(await subscribers()).toBe(1);
    await listener.join("d");
    expect(await subscribers("{t:d}:live:0")).toBe(1);
  });

  it("a connection that breaks before a SUBSCRIBE is answered has refused nothing: the join waits for the next", async () => {
    await using reader = openBroker(proxy.port);
    const { listener, heard } = reader.record();
    await listener.join("c");
    connectionOf("subscription").loseReplyTo("{t:d}");
    await listener.join("d");
    await writer.emit("d", "1");
    await vi.waitFor(() => expect(heard.map(({ json }) => json)).toEqual(["1"]));
    expect(reader.warnings.filter((text) => text.includes("refused"))).toEqual([]);
  });

  it("a return is told only after the server has acknowledged every channel again, however slow the way", async () => {
    proxy.delays = (connection) => (isSubscription(connection) ? { toServer: 60, toClient: 5 } : {});
    await using reader = openBroker(proxy.port);
    const recording = reader.record();
    await Promise.all([recording.listener.join("c"), recording.listener.join("d")]);
    const seen: Array<Promise<number>> = [];
    recording.onRestored = () => void seen.push(subscribers(), subscribers("{t:d}:live:0"));
    connectionOf("subscription").cut();
    await vi.waitFor(() => expect(recording.signals).toEqual(["lost", "restored c,d"]), 10_000);
    expect(await Promise.all(seen)).toEqual([1, 1]);
  });

  it("a read after the return and what is heard from then on leave no hole, with a subscriber path slower by 5 ms", async () => {
    proxy.delays = (connection) => (isSubscription(connection) ? { toServer: 5, toClient: 5 } : {});
    await using reader = openBroker(proxy.port);
    const recording = reader.record();
    await recording.listener.join("c");
    // Only what is heard while the subscription is whole counts: the hub drops the rest.
    const known = new Map<RealtimeCursor, Entry>();
    const reads: Array<Promise<void>> = [];
    let tail: RealtimeCursor = ORIGIN;
    recording.onRestored = () => {
      const read = async () => {
        const { entries } = await reader.broker.read("c", tail, { pageBytes: 1e9 });
        for (const entry of entries) known.set(entry.id, entry);
      };
      reads.push(read());
    };
    let writing = true;
    const written = (async () => {
      const ids: RealtimeCursor[] = [];
      while (writing) {
        ids.push(await writer.emit("c", String(ids.length)));
        await sleep(1);
      }
      return ids;
    })();
    for (let cut = 1; cut <= 8; cut++) {
      await vi.waitFor(() => expect(recording.heard.length).toBeGreaterThan(5), 10_000);
      for (const entry of recording.heard.splice(0)) known.set((tail = entry.id), entry);
      connectionOf("subscription").cut();
      await vi.waitFor(() => expect(recording.signals).toHaveLength(2 * cut), 10_000);
      await reads.at(-1);
    }
    await vi.waitFor(() => expect(recording.heard.length).toBeGreaterThan(5), 10_000);
    writing = false;
    const ids = await written;
    await vi.waitFor(() => expect(recording.heard.at(-1)?.id).toBe(ids.at(-1)), 10_000);
    for (const entry of recording.heard) known.set(entry.id, entry);
    expect([...known.keys()].sort()).toEqual([...ids].sort());
  });

  it("a refused channel is refused alone", async () => {
    await direct.call("ACL", "SETUSER", "narrow", "on", ">pw", "~*", "resetchannels", "&{t:ok*", "+@all");
    await using narrow = openBroker(server.port, { client: { username: "narrow", password: "pw" } });
    const { listener, heard } = narrow.record();
    const joins = [listener.join("ok1"), listener.join("forbidden"), listener.join("ok2")];
    expect(await outcomes(joins)).toEqual(["stored", "broker_refused", "stored"]);
    await writer.emit("ok2", "1");
    await vi.waitFor(() => expect(heard).toHaveLength(1));
  });

  it("waits while Redis cannot be reached, and a leave ends the waiting", async () => {
    proxy.refusing = true;
    await using reader = openBroker(proxy.port);
    const { listener, signals } = reader.record();
    const [kept, left] = [listener.join("c"), outcomes([listener.join("d")])];
    listener.leave("d");
    expect(await left).toEqual(["closed"]);
    proxy.refusing = false;
    await kept;
    expect(await subscribers("{t:d}:live:0")).toBe(0);
    expect(signals).toEqual([]);
  });
});

describe("I7 Return", () => {
  it("tells each loss once, also one that comes before the return was complete", async () => {
    await using reader = openBroker(proxy.port);
    const recording = reader.record();
    await recording.listener.join("c");
    // Cuts the next two connections when they subscribe, before the server hears of it.
    let cuts = 0;
    proxy.onConnection = (connection) => {
      if (cuts++ < 2) connection.loseReplyTo("subscribe");
    };
    connectionOf("subscription").cut();
    await vi.waitFor(() => expect(recording.signals).toContain("restored c"), 10_000);
    expect(recording.signals).toEqual(["lost", "restored c"]);
    connectionOf("subscription").cut();
    await vi.waitFor(() => expect(recording.signals).toEqual(["lost", "restored c", "lost", "restored c"]), 10_000);
    await writer.emit("c", "1");
    await vi.waitFor(() => expect(recording.heard).toHaveLength(1));
  });
});

/** Lets the time of a fake clock pass, a little at a time, until something holds. */
async function passUntil(clock: FakeClock, holds: () => void): Promise<void> {
  await vi.waitFor(async () => {
    await clock.advance(20);
    holds();
  });
}

describe("I13 Probe", () => {
  it("a half-open subscription is found within 10 s, and returns", async () => {
    const clock = fakeClock();
    await using reader = openBroker(proxy.port, { clock });
    const { listener, heard, signals } = reader.record();
    await listener.join("c");
    const half = connectionOf("subscription");
    half.swallow();
    await writer.emit("c", "1");
    await clock.advance(PROBE_MS);
    expect(signals).toEqual([]);
    await clock.advance(PROBE_MS);
    await passUntil(clock, () => expect(signals).toEqual(["lost", "restored c"]));
    await writer.emit("c", "2");
    await vi.waitFor(() => expect(heard.map((entry) => entry.json)).toEqual(["2"]));
    const { entries } = await reader.broker.read("c", ORIGIN, { pageBytes: 1e6 });
    expect(entries.map((entry) => entry.json)).toEqual(["1", "2"]);
  });

  it("a half-open command connection is found within 10 s: what was on its way is stored through the next one", async () => {
    const clock = fakeClock();
    await using own = openBroker(proxy.port, { clock });
    await own.emit("c", "0");
    connectionOf("commands").swallow();
    const lost = own.emit("c", "1", 60_000);
    await clock.advance(2 * PROBE_MS);
    const next = own.emit("c", "2", 60_000);
    await passUntil(clock, () => expect(proxy.connections.filter((each) => each.sent.includes("emit 2"))).toHaveLength(1));
    expect(await outcomes([lost, next])).toEqual(["stored", "stored"]);
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e6 });
    expect(entries.map((entry) => entry.json)).toEqual(["0", "1", "2"]);
  });

  it("a connection that falls silent in its handshake is made again", async () => {
    const clock = fakeClock();
    await using own = openBroker(proxy.port, { clock });
    let silent = 0;
    proxy.onConnection = (connection) => {
      if (silent++ === 0) connection.swallow();
    };
    const emit = own.emit("c", "0", 60_000);
    await vi.waitFor(() => expect(silent).toBe(1));
    await clock.advance(2 * PROBE_MS);
    await passUntil(clock, () => expect(silent).toBe(2));
    await emit;
  });

  it("a connection that answers is left alone", async () => {
    const clock = fakeClock();
    await using own = openBroker(proxy.port, { clock });
    const { listener, signals } = own.record();
    await Promise.all([listener.join("c"), own.emit("c", "0")]);
    const before = [...proxy.connections];
    for (let round = 1; round <= 6; round++) {
      await clock.advance(PROBE_MS);
      // Both answers have come when a later command was answered on either connection.
      await Promise.all([own.emit("c", String(round)), listener.join(`d${round}`)]);
    }
    expect(proxy.connections).toEqual(before);
    expect(signals).toEqual([]);
  });
});

describe("what is published by others on a live channel", () => {
  it("is ignored, said once, and disturbs nothing", async () => {
    await using reader = openBroker(server.port);
    const { listener, heard } = reader.record();
    await listener.join("c");
    const strangers = [
      "",
      "hello",
      "1-1",
      "1-1 0-0",
      "1-1 0-0 5 a.b",
      "1-1 0-0 5 a.b ",
      "x 0-0 5 a.b 1",
      "1-1 x 5 a.b 1",
      "1-1 0-0 x a.b 1",
      "1-1 0-0 5 a\nb 1",
      "01-1 0-0 5 a.b 1",
      "   ",
      "\u0000\u{10ffff}",
    ];
    for (const text of strangers) await direct.publish(LIVE, text);
    await direct.publish(LIVE, Buffer.from([0xff, 0xfe, 0x20, 0x80]));
    await writer.emit("c", "1");
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(heard[0]?.json).toBe("1");
    expect(reader.warnings).toHaveLength(1);
  });
});
