import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Realtime, type RealtimeOptions } from "../../src/index.ts";
import { serve, TRANSPORTS } from "../support/http-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { connectRaw, infoField } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { streamsOf } from "../support/streams-of.ts";
import { startVersionProxy } from "../support/version-proxy.ts";

const TOO_OLD = "6.0.20";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

/** Clients that never connect. */
const CLIENTS: Readonly<Record<string, (port: number) => RealtimeOptions["redis"]>> = {
  "ioredis 6": (port) => new Redis({ host: "127.0.0.1", port, lazyConnect: true }),
  "node-redis 6": (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
  "node-redis 6 with RESP2": (port) => createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 }),
};

/** A `Realtime` behind HTTP, with all that it said to its operator. */
async function open(redis: RealtimeOptions["redis"]) {
  const said: string[] = [];
  const say = (...words: unknown[]): void => void said.push(words.join(" "));
  const realtime = new Realtime({ redis, logger: { log: say, warn: say, error: say } });
  const site = await serve(TRANSPORTS.node({ realtime }));
  const streams: RawStream[] = [];
  return {
    realtime,
    said,
    async stream(channel: string) {
      const stream = await openRaw(`${site.url}/?channel=${channel}`);
      streams.push(stream);
      return stream;
    },
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.destroy();
      await realtime.close();
      await site[Symbol.asyncDispose]();
    },
  };
}

const refusal = (channel: string) => ({
  name: "TidingsError",
  code: "broker_refused",
  retryable: false,
  message: expect.stringMatching(
    new RegExp(
      `^tidings: Redis at \\S+ refused to store an event on channel "${channel}": it is Redis 6\\.0\\.20, .*6\\.2 or later`,
    ),
  ),
});

/** What must not be seen in a browser. */
const expectNothingOf = (stream: RawStream): void => expect(stream.text).not.toMatch(/redis|6\.0|6\.2|version|127\.0/i);

describe.each(Object.keys(CLIENTS))("a Redis that is older than 6.2, through %s", (name) => {
  const clientOf = (port: number) => CLIENTS[name]?.(port);

  it("is refused with its version and the one that is needed, and is told nothing to store", async () => {
    await using proxy = await startVersionProxy(server.port, TOO_OLD);
    await using app = await open(clientOf(proxy.port));
    const room = app.realtime.channel("refused");
    await expect(room.emit("a.b", 1)).rejects.toMatchObject(refusal("refused"));
    await expect(room.emit("a.b", 2, { id: "order 7" })).rejects.toMatchObject(refusal("refused"));
    await expect(room.history()).rejects.toMatchObject({ code: "broker_refused", message: expect.stringContaining(TOO_OLD) });
    using direct = await connectRaw(server.port);
    expect(await direct.command("EXISTS", "tidings:refused")).toBe(0);
  });

  it("I8, I10: leaves a new stream open, tells the operator which version it is, and tells the browser nothing of it", async () => {
    await using proxy = await startVersionProxy(server.port, TOO_OLD);
    await using app = await open(clientOf(proxy.port));
    const stream = await app.stream("new");
    await stream.until('"channel_unavailable"');
    expect(streamsOf(app.realtime)).toBe(1);
    expect(app.said.join("\n")).toMatch(/refused to listen to channel "new": it is Redis 6\.0\.20.*6\.2 or later/);
    expectNothingOf(stream);
  });

  it("I7, I8, I10: that takes the place of a newer one ends no stream, and a newer one that takes its place mends it", async () => {
    await using proxy = await startVersionProxy(server.port);
    await using app = await open(clientOf(proxy.port));
    const stream = await app.stream("room");
    const room = app.realtime.channel("room");
    await stream.until("connected");
    await room.emit("a.b", "before");
    await stream.until("before");

    proxy.version = TOO_OLD;
    proxy.cutAll();
    await vi.waitFor(() => expect(room.emit("a.b", "refused")).rejects.toMatchObject(refusal("room")));
    // Someone who still may.
    await using other = await open(clientOf(server.port));
    await other.realtime.channel("room").emit("a.b", "meanwhile");
    expect(streamsOf(app.realtime)).toBe(1);

    proxy.version = undefined;
    proxy.cutAll();
    await vi.waitFor(() => room.emit("a.b", "after"));
    await stream.until("after");
    expect(stream.text).toContain("meanwhile");
    expect(stream.text).not.toMatch(/"refused"|event: (gap|error)/);
    expectNothingOf(stream);
  });
});

describe("the proxy of these tests", () => {
  it("changes nothing but the version", async () => {
    await using proxy = await startVersionProxy(server.port);
    using own = await connectRaw(server.port);
    using proxied = await connectRaw(proxy.port);
    // Of any length.
    for (const version of ["6.0.20", "7.2.4", "255.255.255"]) {
      proxy.version = version;
      const info = await proxied.command("INFO", "server");
      expect(infoField(info, "redis_version")).toBe(version);
      expect(infoField(info, "run_id")).toBe(infoField(await own.command("INFO", "server"), "run_id"));
      expect(await proxied.command("HELLO", "2")).toContain(version);
      expect(await proxied.command("ECHO", "# Server")).toBe("# Server");
    }
  });
});
