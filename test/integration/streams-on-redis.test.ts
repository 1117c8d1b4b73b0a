import { once } from "node:events";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIORedisAdapter } from "../../src/adapters/ioredis.ts";
import { handle, Realtime } from "../../src/index.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";
import { startProxy, type ProxiedConnection } from "../support/tcp-proxy.ts";

let server: RedisServer;
let user: Redis;
let watcher: Redis;
let realtime: { close(): Promise<void> } | undefined;
const readers: StreamReader[] = [];
const quiet = { log() {}, warn() {}, error() {} };

beforeEach(async () => {
  server = await startRedis({ persistent: true });
  user = connect(server.url);
  watcher = connect(server.url);
});
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
  await realtime?.close();
  user.disconnect();
  watcher.disconnect();
  await server.stop();
});

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on("error", () => {});
  return client;
}

async function open(endpoint: (request: Request) => Promise<Response>, query: string): Promise<StreamReader> {
  const reader = await readStream(endpoint, query);
  readers.push(reader);
  return reader;
}

const joined = (reader: StreamReader): Promise<void> => reader.until((frames) => countOf(frames, "connected") > 0);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function connections(): Promise<number> {
  const lines = String(await watcher.client("LIST")).split("\n");
  return lines.filter((line) => line.startsWith("id=")).length - 1;
}

describe.each(["the client itself", "createIORedisAdapter"])("I6 Cost, with redis given as %s", (spelling) => {
  const input = () => (spelling === "createIORedisAdapter" ? createIORedisAdapter(user) : user);

  it("is two connections of ours beside the user's own, for 1 and for 500 streams and for a second instance", async () => {
    const instance = new Realtime({ redis: input() });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    await instance.emit("n.n", 0);
    await joined(await open(endpoint, "channel=c0"));
    expect(await connections()).toBe(3);
    await Promise.all(numbers(499).map(async (n) => joined(await open(endpoint, `channel=c${n % 100}`))));
    const second = new Realtime({ redis: input() });
    await second.emit("n.n", 1);
    expect(await connections()).toBe(3);
    await second.close();
    expect(await connections()).toBe(3);
    await instance.close();
    await vi.waitFor(async () => expect(await connections()).toBe(1));
  });

  it("is one command per emit, and none for idle streams", async () => {
    const instance = new Realtime({ redis: input() });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    const streams = await Promise.all(numbers(20).map(() => open(endpoint, "channel=room")));
    await Promise.all(streams.map(joined));
    const monitor = await connect(server.url).monitor();
    const commands: string[] = [];
    monitor.on("monitor", (_time: string, args: string[], source: string) => {
      if (source !== "lua" && args[0] !== "ping") commands.push(String(args[0]).toUpperCase());
    });
    await instance.channel("room").emit("n.n", 1);
    await Promise.all(streams.map((stream) => stream.until((frames) => countOf(frames, "") === 1)));
    const marked = once(monitor, "monitor");
    await watcher.echo("end");
    await marked;
    await vi.waitFor(() => expect(commands).toContain("ECHO"));
    monitor.disconnect();
    expect(commands).toEqual(["EVAL", "ECHO"]);
  });
});

describe("streams on Redis", () => {
  it("B-1: 200 idle streams on 200 channels do not stand in each other's way", async () => {
    const instance = new Realtime({ redis: user });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    const streams = await Promise.all(numbers(200).map((n) => open(endpoint, `channel=idle${n}`)));
    await Promise.all(streams.map(joined));
    for (const n of [0, 99, 199]) {
      await instance.channel(`idle${n}`).emit("n.n", n);
      await (streams[n] as StreamReader).until((frames) => countOf(frames, "") === 1);
    }
    expect(streams.filter(({ values }) => values.length > 0)).toHaveLength(3);
  });

  it("I8 Outage: Redis killed and restarted with its data ends no stream, and nothing is missing", async () => {
    const instance = new Realtime({ redis: user, logger: quiet });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    const live = await open(endpoint, "channel=room");
    await joined(live);
    await instance.channel("room").emit("n.n", 0);
    await live.until((frames) => countOf(frames, "") === 1);
    await server.kill();
    const waiting = [1, 2].map((n) => instance.channel("room").emit("n.n", n));
    const late = await open(endpoint, "channel=room&at=-");
    expect(late.response.status).toBe(200);
    await server.start();
    await Promise.all(waiting);
    await live.until((frames) => countOf(frames, "") === 3);
    await late.until((frames) => countOf(frames, "") === 3);
    for (const { values, frames } of [live, late]) {
      expect(values).toEqual([0, 1, 2]);
      expect(countOf(frames, "gap")).toBe(0);
    }
  });

  it("I8 Outage: rights that are taken away for a while end no stream and no subscription that was joined", async () => {
    const warn = vi.fn<(message: string, ...details: unknown[]) => void>();
    const instance = new Realtime({ redis: user, logger: { ...quiet, warn } });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    const live = await open(endpoint, "channel=room");
    await joined(live);
    const seen: unknown[] = [];
    const onGap = vi.fn<() => void>();
    await instance.channel("room").subscribe({ onData: ({ data }) => seen.push(data), onGap });
    await instance.channel("room").emit("n.n", 0);
    await live.until((frames) => countOf(frames, "") === 1);
    await watcher.call("ACL", "SETUSER", "default", "resetkeys");
    await watcher.call("CLIENT", "KILL", "TYPE", "pubsub");
    await vi.waitFor(() =>
      expect(warn.mock.calls.flat().map(String).join("\n")).toMatch(/"room" cannot be read just now.*NOPERM/s),
    );
    const late = await open(endpoint, "channel=room&at=-&v=1");
    await late.until((frames) => countOf(frames, "problem") === 1);
    expect(late.frames.at(-1)?.data).toEqual({ code: "channel_unavailable", channel: "room", retry: true });
    await watcher.call("ACL", "SETUSER", "default", "~*");
    for (const n of [1, 2]) await instance.channel("room").emit("n.n", n);
    await live.until((frames) => countOf(frames, "") === 3);
    await vi.waitFor(() => expect(seen).toEqual([0, 1, 2]));
    expect(live.values).toEqual([0, 1, 2]);
    expect([countOf(live.frames, "gap"), countOf(live.frames, "problem"), onGap.mock.calls.length]).toEqual([0, 0, 0]);
  });

  it("I4 Chain: an event that someone deleted by hand is a gap for a stream, a subscription and history alike", async () => {
    const instance = new Realtime({ redis: user, logger: quiet });
    realtime = instance;
    const channel = instance.channel("room");
    const ids: string[] = [];
    for (const n of numbers(5)) ids.push(await channel.emit("n.n", n));
    await watcher.xdel("tidings:room", ids[2] as string);
    const gap = { channel: "room", after: ids[1], cursor: ids[2], reason: "trimmed" };
    const stream = await open(handle({ realtime: instance }), "channel=room&at=-&v=1");
    await stream.until((frames) => countOf(frames, "") === 4);
    expect(stream.values).toEqual([0, 1, 3, 4]);
    expect(stream.frames.filter(({ event }) => event === "gap").map(({ data }) => data)).toEqual([gap]);
    const seen: unknown[] = [];
    await channel.subscribe({
      history: true,
      onData: ({ data }) => seen.push(data),
      onGap: (each) => seen.push(each),
    });
    await vi.waitFor(() => expect(seen).toEqual([0, 1, gap, 3, 4]));
    expect((await channel.history({ after: ids[0] })).map(({ data }) => data)).toEqual([1]);
    await expect(channel.history({ after: ids[1] })).rejects.toMatchObject({ code: "cursor_unavailable" });
  });

  it("I3 Order: Redis restarted without its data is one reset on each stream, then all is well", async () => {
    const instance = new Realtime({ redis: user, logger: quiet });
    realtime = instance;
    const endpoint = handle({ realtime: instance });
    const streams = [await open(endpoint, "channel=room"), await open(endpoint, "channel=room&channel=other&v=1")];
    await Promise.all(streams.map((stream) => stream.until((frames) => countOf(frames, "connected") >= 1)));
    await instance.channel("room").emit("n.n", 0);
    await Promise.all(streams.map((stream) => stream.until((frames) => countOf(frames, "") === 1)));
    await server.kill();
    server.wipe();
    await server.start();
    const gapsOf = ({ frames }: (typeof streams)[number]): string[] =>
      frames.filter(({ event }) => event === "gap").map(({ data }) => `${String(data["channel"])} ${String(data["reason"])}`);
    await Promise.all(streams.map((stream, at) => stream.until((frames) => countOf(frames, "gap") === 1 + at)));
    await instance.channel("room").emit("n.n", 1);
    await Promise.all(streams.map((stream) => stream.until((frames) => countOf(frames, "") === 2)));
    for (const { values } of streams) expect(values).toEqual([0, 1]);
    // Of the channel that was empty nobody knows what it held when Redis died.
    expect(streams.map((stream) => gapsOf(stream).toSorted())).toEqual([["room reset"], ["other unproven", "room reset"]]);
  });

  it("I4 Chain: a log that expired is no gap for who listened, be the first event after it as large as it may", async () => {
    const instance = new Realtime({ redis: user, history: { expireAfterSecs: 1 } });
    realtime = instance;
    const stream = await open(handle({ realtime: instance }), "channel=room");
    await joined(stream);
    const large = "x".repeat(20_000);
    for (const [n, value] of [1, large, 2, large].entries()) {
      await vi.waitFor(async () => expect(await watcher.dbsize()).toBe(0));
      await instance.channel("room").emit("n.n", value);
      await stream.until((frames) => countOf(frames, "") + countOf(frames, "gap") === n + 1);
    }
    expect(stream.values).toEqual([1, large, 2, large]);
  });

  it("I13 Probe: a half-open subscription is found, and the streams get all that it swallowed", async () => {
    await using proxy = await startProxy(server.port);
    const proxied = connect(`redis://127.0.0.1:${proxy.port}`);
    const instance = new Realtime({ redis: proxied, logger: quiet });
    realtime = instance;
    const stream = await open(handle({ realtime: instance }), "channel=room");
    await joined(stream);
    const subscription = proxy.connections.find(({ sent }: ProxiedConnection) => /subscribe/i.test(sent));
    subscription?.swallow();
    for (const n of [1, 2, 3]) await instance.channel("room").emit("n.n", n);
    await stream.until((frames) => countOf(frames, "") === 3);
    expect(stream.values).toEqual([1, 2, 3]);
    expect(countOf(stream.frames, "gap")).toBe(0);
    proxied.disconnect();
  });
});
