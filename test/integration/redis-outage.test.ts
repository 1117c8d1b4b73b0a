import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { isOrigin, ORIGIN, timeOf } from "../../src/protocol/cursor.ts";
import { draft, KEEP, openBroker, outcomes, type TestBroker } from "../support/redis-brokers.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type ProxiedConnection, type TcpProxy } from "../support/tcp-proxy.ts";

let server: RedisServer;
let proxy: TcpProxy;
let direct: Redis;
let own: TestBroker;

beforeAll(async () => {
  server = await startRedis({ persistent: true });
  direct = new Redis(server.port);
  direct.on("error", () => {});
});

afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

beforeEach(async () => {
  proxy = await startProxy(server.port);
  own = openBroker(proxy.port);
});

afterEach(async () => {
  await own.broker.close();
  await proxy.close();
  await direct.flushall();
});

/** Breaks every connection and lets none be made, until `refusing` is false again. Resolves when the broker has noticed. */
async function goOffline(): Promise<void> {
  const before = own.warnings.length;
  proxy.refusing = true;
  proxy.cutAll();
  await vi.waitFor(() => expect(own.warnings).toHaveLength(before + 1));
}

function commandConnection(): ProxiedConnection {
  const found = proxy.connections.find((connection) => connection.sent.includes("tidings-commands"));
  if (!found) throw new Error("there is no command connection");
  return found;
}

async function stored(channel = "c"): Promise<string[]> {
  const reader = openBroker(server.port);
  const { entries } = await reader.broker.read(channel, ORIGIN, { pageBytes: 1e9 });
  await reader.broker.close();
  return entries.map((entry) => entry.json);
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));

describe("I8 Outage: the outcome of an append", () => {
  it("is unknown when no reply comes in time; one that comes later changes nothing", async () => {
    await own.emit("c", "0");
    server.freeze();
    expect(await outcomes([own.emit("c", "1", 50), own.emit("c", "2", 50)])).toEqual(["outcome_unknown", "outcome_unknown"]);
    server.thaw();
    await own.emit("c", "3");
    expect(await stored()).toEqual(["0", "1", "2", "3"]);
  });

  it("is certain when it was never sent", async () => {
    await own.emit("c", "0");
    await goOffline();
    expect(await outcomes([own.emit("c", "1", 100), own.emit("c", "2", 100)])).toEqual(["not_stored", "not_stored"]);
    proxy.refusing = false;
    await own.emit("c", "3");
    expect(await stored()).toEqual(["0", "3"]);
  });

  it("of many pipelined ones, cut in the middle, is settled: each is stored once, in call order", async () => {
    await own.emit("c", "0");
    const emits = numbers(0, 900).map((json) => own.emit("c", json));
    await emits[20];
    proxy.cutAll();
    const ended = await outcomes(emits);
    const log = (await stored()).slice(1);
    expect(new Set(ended)).toEqual(new Set(["stored"]));
    expect(log).toEqual(numbers(0, 900));
  });
});

describe("I8 Outage: waiting", () => {
  it("sends what was emitted meanwhile when the connection is back, in call order", async () => {
    await own.emit("c", "0");
    await goOffline();
    const emits = numbers(1, 50).map((json) => own.emit("c", json));
    proxy.refusing = false;
    await emits[0];
    emits.push(...numbers(50, 60).map((json) => own.emit("c", json)));
    expect(new Set(await outcomes(emits))).toEqual(new Set(["stored"]));
    expect(await stored()).toEqual(numbers(0, 60));
  });

  it("is bounded: what does not fit is refused at once, and certainly not stored", async () => {
    proxy.refusing = true;
    const emits = numbers(0, 10_050).map((json) => own.emit("c", json, 60_000));
    expect(await outcomes(emits.slice(10_000))).toEqual(Array.from({ length: 50 }, () => "not_stored"));
    const closed = own.broker.close();
    expect(new Set(await outcomes(emits.slice(0, 10_000)))).toEqual(new Set(["closed"]));
    await closed;
  });

  it("of a read ends with broker_unavailable when the connection breaks, and the read may be tried again", async () => {
    await own.emit("c", "0");
    server.freeze();
    const reads = [own.broker.read("c", ORIGIN, { pageBytes: 1 }), own.broker.locate("c", { newest: 1 })];
    await vi.waitFor(() => expect(commandConnection().sent).toContain("XREVRANGE"));
    proxy.cutAll();
    const results = await Promise.allSettled(reads);
    server.thaw();
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "broker_unavailable", retryable: true } });
    }
  });

  it("says so once per outage, and once that it is over", async () => {
    const { listener, signals } = own.record();
    await Promise.all([own.emit("c", "0"), listener.join("c")]);
    for (const outage of [1, 2]) {
      await goOffline();
      expect(await outcomes([own.emit("c", "1", 300)])).toEqual(["not_stored"]);
      proxy.refusing = false;
      await own.emit("c", "2");
      await vi.waitFor(() => expect(signals).toHaveLength(2 * outage));
      await vi.waitFor(() => expect(own.warnings).toHaveLength(2 * outage));
    }
    for (const text of own.warnings) expect(text).toContain(`127.0.0.1:${proxy.port}/0`);
    expect(own.warnings.map((text) => / is back, after /.test(text))).toEqual([false, true, false, true]);
  });

  it("survives a server that was never there, then comes", async () => {
    const port = await freePort();
    await using early = openBroker(port);
    const { listener, heard } = early.record();
    const joined = listener.join("c");
    const emit = early.emit("c", "1");
    expect(await outcomes([early.emit("c", "0", 100)])).toEqual(["not_stored"]);
    await using late = await startRedis({ port });
    expect(late.port).toBe(port);
    await Promise.all([joined, emit]);
    await early.emit("c", "2");
    await vi.waitFor(() => expect(heard.at(-1)?.json).toBe("2"));
    expect(early.warnings).toEqual([expect.stringContaining("no connection"), expect.stringContaining("is back")]);
    await early.broker.close();
  });
});

describe("I8 Outage: Redis itself", () => {
  it("killed and restarted with its data: the log goes on", async () => {
    const { listener, signals } = own.record();
    await listener.join("c");
    const id = await own.emit("c", "0");
    await server.kill();
    await vi.waitFor(() => expect(own.warnings).toHaveLength(1));
    const waiting = own.emit("c", "1");
    await server.start();
    await waiting;
    await vi.waitFor(() => expect(signals).toEqual(["lost", "restored c"]));
    const { entries } = await own.broker.read("c", id, { pageBytes: 1e6 });
    expect(entries.map(({ prev, json }) => [prev, json])).toEqual([[id, "1"]]);
  });

  it("killed and restarted without its data: the log begins a new life", async () => {
    const { listener, signals } = own.record();
    await listener.join("c");
    const id = await own.emit("c", "0");
    await server.kill();
    server.wipe();
    await server.start();
    await vi.waitFor(() => expect(signals).toEqual(["lost", "restored c"]));
    const { entries: left, last, aliveSince } = await own.broker.read("c", id, { pageBytes: 1e6 });
    expect([left, isOrigin(last)]).toEqual([[], true]);
    expect(aliveSince, "what was before may be lost").toBeGreaterThan(timeOf(id));
    await own.emit("c", "1");
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e6 });
    expect(entries.map(({ prev, json }) => [prev, json])).toEqual([[ORIGIN, "1"]]);
  });

  it("loading its data: an append waits", async () => {
    // Slow enough to be caught at it; it answers clients meanwhile, with LOADING.
    const args = ["--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024"];
    await using slow = await startRedis({ args });
    const client = new Redis(slow.port);
    client.on("error", () => {});
    const pipeline = client.pipeline();
    for (let at = 0; at < 250; at++) pipeline.set(`key${at}`, "x".repeat(1_000));
    await pipeline.exec();
    await client.save();
    client.disconnect();
    await using patient = openBroker(slow.port);
    await patient.emit("c", "0");
    await slow.kill();
    await vi.waitFor(() => expect(patient.warnings).toHaveLength(1));
    let loaded = false;
    const started = slow.start().then(() => (loaded = true));
    let settledWhileLoading = false;
    const emit = patient.emit("c", "1").finally(() => (settledWhileLoading = !loaded));
    await started;
    expect(await outcomes([emit])).toEqual(["stored"]);
    expect(settledWhileLoading).toBe(false);
  });

  it("made a replica: appends are refused as not stored, and the connection is made anew to find the master", async () => {
    await own.emit("c", "0");
    const before = commandConnection();
    await direct.call("REPLICAOF", "127.0.0.1", String(await freePort()));
    expect(await outcomes([own.emit("c", "1"), own.emit("c", "2")])).toEqual(["not_stored", "not_stored"]);
    await direct.call("REPLICAOF", "NO", "ONE");
    await vi.waitFor(() => expect(commandConnection()).not.toBe(before));
    await own.emit("c", "3");
    expect(await stored()).toEqual(["0", "3"]);
  });
});

describe("I9 Close: nothing is left", () => {
  function resources(): string[] {
    return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout|Connect|GetAddrInfo/.test(name));
  }

  it.each([
    ["while connected", async () => {}],
    ["while connecting", undefined],
    [
      "while offline",
      async (refusing: TestBroker) => {
        await vi.waitFor(() => expect(refusing.warnings).toHaveLength(1));
      },
    ],
  ])("%s", async (when, wait) => {
    proxy.refusing = when === "while offline";
    await using other = openBroker(when === "while offline" ? proxy.port : server.port);
    const before = resources().length;
    const { listener } = other.record();
    const pending = [other.emit("c", "0"), other.broker.read("c", ORIGIN, { pageBytes: 1 }), listener.join("c")];
    const settled = Promise.allSettled(pending);
    if (when === "while connected") await settled;
    await wait?.(other);
    await other.broker.close();
    const results = await settled;
    expect(results.map((result) => result.status)).toEqual(
      Array(3).fill(when === "while connected" ? "fulfilled" : "rejected"),
    );
    // No timer may wait here, for it would be counted.
    for (let turn = 0; turn < 10_000 && resources().length > before; turn++) await new Promise(setImmediate);
    expect(resources().length).toBeLessThanOrEqual(before);
    expect(await outcomes([other.broker.append("c", draft("1"), KEEP, 100)])).toEqual(["closed"]);
  });
});
