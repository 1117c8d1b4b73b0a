import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { handle, Realtime } from "../../src/index.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const SOON = { timeout: 30_000 };
const theirs = {
  forrealtime: (data: string) => ["message", JSON.stringify({ channel: "room", event: "a.b", data })],
  upstash: (data: string) => ["data", data, "event", "a.b", "channel", "room"],
};

describe.each(["forrealtime", "upstash"] as const)("beside %s", (interop) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let raw: Redis;
  let realtime: Realtime;
  let reader: StreamReader;

  beforeEach(async () => {
    server = await startRedis({ persistent: true });
    proxy = await startProxy(server.port);
    raw = new Redis({ port: server.port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    raw.on("error", () => {});
    realtime = new Realtime({
      redis: `redis://127.0.0.1:${proxy.port}`,
      interop,
      logger: { log() {}, warn() {}, error() {} },
    });
    reader = await readStream(handle({ realtime, authorize: () => true }), "v=1&channel=room");
    await reader.until((frames) => countOf(frames, "connected") === 1);
  });
  afterEach(async () => {
    await reader.close();
    await realtime.close();
    raw.disconnect();
    await proxy.close();
    await server.stop();
  });

  const emit = (data: string) => realtime.channel("room").emit("a.b", data);
  const add = (data: string, id = "*") => raw.xadd("room", id, ...theirs[interop](data));
  const has = (count: number) => reader.until((frames) => countOf(frames, "") === count);

  it("I8 Outage: an emit whose reply was lost is stored once, in its place, among the entries of others", async () => {
    await add("theirs, before");
    await emit("ours, before");
    for (const connection of proxy.connections) connection.loseReplyTo("ours, in doubt");
    const [lost, next] = [emit("ours, in doubt"), emit("ours, after")];
    await add("theirs, after");
    expect(await lost).toMatch(/^\d+-\d+$/);
    await next;
    await has(5);
    const order = (which: string) => reader.values.filter((value) => String(value).startsWith(which));
    expect(order("ours")).toEqual(["ours, before", "ours, in doubt", "ours, after"]);
    expect(order("theirs")).toEqual(["theirs, before", "theirs, after"]);
    expect([await raw.xlen("room"), countOf(reader.frames, "gap")]).toEqual([5, 0]);
  });

  it("I8 Outage: Redis killed and restarted with its data ends no stream, and nothing is missing", async () => {
    // Long ago: so it is certain that nothing was trimmed of the time in question.
    await add("before", "1-0");
    await has(1);
    await server.kill();
    const waiting = emit("in the outage");
    await server.start();
    await waiting;
    await add("after");
    await has(3);
    expect(reader.values).toEqual(["before", "in the outage", "after"]);
    expect(countOf(reader.frames, "gap")).toBe(0);
  });

  it("I13 Probe: connections that fell silent are replaced, and what others stored meanwhile arrives", async () => {
    await add("before");
    await has(1);
    for (const connection of proxy.connections) connection.swallow();
    await add("in the silence");
    await has(2);
    expect(reader.values).toEqual(["before", "in the silence"]);
    expect(countOf(reader.frames, "gap")).toBe(0);
  });

  it("I9 Close: leaves no connection", async () => {
    await reader.close();
    await realtime.close();
    await vi.waitFor(() => expect(proxy.connections).toEqual([]), SOON);
  });
});
