import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ConnectionHandlers, RedisConnection } from "../../src/brokers/redis/driver.ts";
import { createIoRedisDriver } from "../../src/brokers/redis/ioredis.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

let server: RedisServer;
let proxy: TcpProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startProxy(server.port);
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

interface Opened {
  readonly connection: RedisConnection;
  readonly events: string[];
}

function open(port: number, on: Partial<ConnectionHandlers> = {}): Opened {
  const events: string[] = [];
  const client = new Redis({
    port,
    lazyConnect: true,
    // What a user may have set for a client of their own.
    retryStrategy: () => null,
    commandTimeout: 1,
    enableAutoPipelining: true,
    stringNumbers: true,
    showFriendlyErrorStack: true,
    keyPrefix: "theirs:",
  });
  const connection = createIoRedisDriver(client).open({
    kind: "commands",
    retryDelayMs: () => 10,
    handlers: {
      ready() {
        events.push("ready");
        on.ready?.();
      },
      closed(error) {
        events.push("closed");
        on.closed?.(error);
      },
      message: (channel, message) => events.push(`${channel}: ${message}`),
    },
  });
  return { connection, events };
}

describe("the driver over ioredis", () => {
  it("says for certain that a command was not sent: before it is ready, when it has closed, after it was destroyed", async () => {
    const seen: unknown[] = [];
    const { connection, events } = open(proxy.port, { closed: () => seen.push(connection.command("PING", [])) });
    seen.push(connection.command("PING", []));
    await vi.waitFor(() => expect(events).toEqual(["ready"]));
    expect(await connection.command("PING", [])).toBe("PONG");
    proxy.cutAll();
    await vi.waitFor(() => expect(events).toEqual(["ready", "closed", "ready"]));
    await connection.destroy();
    seen.push(connection.command("PING", []));
    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  it("leaves keys and replies as they are, whatever the user's client does to its own", async () => {
    const { connection, events } = open(server.port);
    await vi.waitFor(() => expect(events).toEqual(["ready"]));
    const replies = await Promise.all([
      connection.command("SET", ["k", "1"]),
      connection.command("INCR", ["k"]),
      connection.command("EVAL", ["return {KEYS[1], {1, 'a'}}", "1", "k"]),
    ]);
    expect(replies).toEqual(["OK", 2, ["k", [1, "a"]]]);
    await expect(connection.command("XADD", ["k", "*", "a", "b"])).rejects.toThrow(/^WRONGTYPE/);
    await connection.destroy();
  });

  it("resets a connection whose other side says nothing any more, at once", async () => {
    const { connection, events } = open(proxy.port);
    await vi.waitFor(() => expect(events).toEqual(["ready"]));
    proxy.connections.at(-1)?.swallow();
    connection.reset();
    await vi.waitFor(() => expect(events).toEqual(["ready", "closed", "ready"]));
    connection.reset();
    connection.reset();
    await vi.waitFor(() => expect(events).toEqual(["ready", "closed", "ready", "closed", "ready"]));
    await connection.destroy();
  });

  it("tries for ever, also at an address that cannot be one", async () => {
    const impossible = open(70_000);
    const nobody = open(await freePort());
    for (const { events } of [impossible, nobody]) {
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(3));
      expect(new Set(events)).toEqual(new Set(["closed"]));
    }
    await Promise.all([impossible.connection.destroy(), nobody.connection.destroy()]);
    const counts = [impossible.events.length, nobody.events.length];
    const { connection, events } = open(server.port);
    await vi.waitFor(() => expect(events).toEqual(["ready"]));
    await connection.destroy();
    expect([impossible.events.length, nobody.events.length]).toEqual(counts);
  });

  it("says why it closed, when that is known", async () => {
    const reasons: unknown[] = [];
    const { connection } = open(await freePort(), { closed: (error) => reasons.push(error) });
    await vi.waitFor(() => expect(reasons.length).toBeGreaterThan(0));
    expect(reasons[0]).toMatchObject({ code: "ECONNREFUSED" });
    await connection.destroy();
  });

  it("destroys a connection that is still being made", async () => {
    const { connection, events } = open(server.port);
    await connection.destroy();
    const other = open(server.port);
    await vi.waitFor(() => expect(other.events).toEqual(["ready"]));
    await other.connection.destroy();
    expect(events).toEqual([]);
  });
});
