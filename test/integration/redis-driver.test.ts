import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import { createNodeRedisDriver } from "../../src/brokers/redis/clients/node-redis/driver.ts";
import type { ConnectionKind, RedisConnection, RedisDriver } from "../../src/brokers/redis/connections/driver.ts";
import { infoField, rawCommand } from "../support/raw-redis.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

interface At {
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

/** Drivers over clients that nobody connects, with settings that a user may have chosen for commands of their own. */
const DRIVERS: ReadonlyArray<readonly [library: string, driver: (at: At) => RedisDriver]> = [
  ["ioredis 5", (at) => createIoRedisDriver(new Redis5({ ...at, ...forIoRedis }))],
  ["ioredis 6", (at) => createIoRedisDriver(new Redis({ ...at, ...forIoRedis, stringNumbers: true }))],
  ["node-redis 5, RESP2", (at) => createNodeRedisDriver(createClient5({ ...forNodeRedis(at), RESP: 2 }))],
  ["node-redis 5, RESP3", (at) => createNodeRedisDriver(createClient5({ ...forNodeRedis(at), RESP: 3 }))],
  ["node-redis 6, RESP2", (at) => createNodeRedisDriver(createClient({ ...forNodeRedis(at), keyPrefix: "theirs:", RESP: 2 }))],
  ["node-redis 6, RESP3", (at) => createNodeRedisDriver(createClient({ ...forNodeRedis(at), keyPrefix: "theirs:", RESP: 3 }))],
];

const forIoRedis = {
  host: "127.0.0.1",
  lazyConnect: true,
  retryStrategy: () => null,
  commandTimeout: 1,
  enableAutoPipelining: true,
  showFriendlyErrorStack: true,
  keyPrefix: "theirs:",
};

function forNodeRedis({ port, ...user }: At) {
  return {
    ...user,
    socket: { host: "127.0.0.1", port, socketTimeout: 10_000, reconnectStrategy: () => 1 },
    name: "theirs",
    pingInterval: 1,
    commandsQueueMaxLength: 1,
    readonly: true,
    commandOptions: { timeout: 1, typeMapping: { [36]: Buffer, [58]: String } },
  };
}

let server: RedisServer;
let proxy: TcpProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startProxy(server.port);
  await rawCommand(server.port, "ACL", "SETUSER", "limited", "on", ">right", "+@all", "~*", "resetchannels", "&mine:*");
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

interface Opened {
  readonly connection: RedisConnection;
  readonly events: string[];
  readonly reasons: unknown[];
}

function open(
  driver: RedisDriver,
  kind: ConnectionKind = "commands",
  onClosed?: (connection: RedisConnection) => void,
): Opened {
  const events: string[] = [];
  const reasons: unknown[] = [];
  let returned = false;
  const note = (event: string) => events.push(returned ? event : `${event}, too early`);
  const connection = driver.connect({
    kind,
    handlers: {
      ready() {
        note("ready");
        // As the engine does.
        connection.command("CLIENT", ["SETNAME", `tidings-${kind}`])?.catch(() => {});
      },
      closed(error) {
        note("closed");
        reasons.push(error);
        onClosed?.(connection);
      },
      message: (channel, message) => note(`${channel}: ${message}`),
      moved: () => note("moved"),
    },
  });
  returned = true;
  return { connection, events, reasons };
}

async function openReady(driver: RedisDriver, kind?: ConnectionKind): Promise<Opened> {
  const opened = open(driver, kind);
  await vi.waitFor(() => expect(opened.events).toEqual(["ready"]));
  return opened;
}

/** What the server says of the connections that a driver has made. */
async function connectionsAtServer(kind: ConnectionKind): Promise<string[]> {
  const list = String(await rawCommand(server.port, "CLIENT", "LIST"));
  return list.split("\n").filter((line) => line.includes(` name=tidings-${kind} `));
}

async function callsOf(command: string): Promise<number> {
  const stats = await rawCommand(server.port, "INFO", "commandstats");
  return Number(/calls=(\d+)/.exec(infoField(stats, `cmdstat_${command}`) ?? "")?.[1] ?? 0);
}

describe.each(DRIVERS)("the driver over %s", (library, driverAt) => {
  it("says for certain that a command was not sent: before it is ready, when it has closed, after it was destroyed", async () => {
    const seen: unknown[] = [];
    const { connection, events } = open(driverAt({ port: proxy.port }), "commands", (closed) => {
      seen.push(closed.command("PING", []), closed.subscribe(["c"], false));
    });
    seen.push(connection.command("PING", []), connection.subscribe(["c"], false));
    await vi.waitFor(() => expect(events).toEqual(["ready"]));
    expect(await connection.command("PING", [])).toBe("PONG");
    proxy.cutAll();
    await vi.waitFor(() => expect(events).toEqual(["ready", "closed"]));
    await connection.destroy();
    seen.push(connection.command("PING", []), connection.subscribe(["c"], false));
    expect(seen).toEqual(Array.from({ length: 6 }, () => undefined));
  });

  it("leaves keys and replies as they are, whatever the user's client does to its own", async () => {
    const { connection, events } = await openReady(driverAt({ port: server.port }));
    await rawCommand(server.port, "DEL", "k");
    const script = "return {KEYS[1], {1, 'a'}, false, {}, redis.status_reply('fine')}";
    const replies = await Promise.all([
      connection.command("SET", ["k", "1"]),
      connection.command("INCR", ["k"]),
      connection.command("EVAL", [script, "1", "k"]),
      connection.command("GET", ["none"]),
      connection.command("INFO", ["server"]),
      connection.command("CLIENT", ["ID"]),
    ]);
    expect(replies.slice(0, 4)).toEqual(["OK", 2, ["k", [1, "a"], null, [], "fine"], null]);
    expect(replies[4]).toMatch(/\nrun_id:/);
    expect(replies[5]).toBeTypeOf("number");
    await expect(connection.command("XADD", ["k", "*", "a", "b"])).rejects.toThrow(
      /^WRONGTYPE Operation against a key holding the wrong kind of value$/,
    );
    await connection.destroy();
    expect(events).toEqual(["ready"]);
  });

  it("sends what is asked for in one turn at once, and each command once", async () => {
    const { connection } = await openReady(driverAt({ port: proxy.port }));
    const before = await callsOf("incr");
    await rawCommand(server.port, "DEL", "n");
    const replies = await Promise.all(Array.from({ length: 3_000 }, async () => connection.command("INCR", ["n"])));
    expect(replies).toEqual(Array.from({ length: 3_000 }, (_, at) => at + 1));
    // The reply to the last one is lost: neither is it sent again, nor is the connection made again.
    proxy.connections.at(-1)?.loseReplyTo("INCR");
    connection.command("INCR", ["n"])?.catch(() => {});
    await vi.waitFor(async () => expect(await callsOf("incr")).toBe(before + 3_001));
    await connection.destroy();
    expect(await rawCommand(server.port, "GET", "n")).toBe("3001");
  });

  it("I9: destroys at once a connection whose other side says nothing any more", async () => {
    const { connection, events } = await openReady(driverAt({ port: proxy.port }));
    proxy.connections.at(-1)?.swallow();
    connection.command("PING", [])?.catch(() => {});
    const open = sockets();
    await connection.destroy();
    expect(sockets()).toBe(open - 1);
    await connection.destroy();
    expect(events).toEqual(["ready"]);
  });

  it("never connects again, and says once that it closed, also at an address that cannot be one", async () => {
    const refused = open(driverAt({ port: await freePort() }));
    const impossible = open(driverAt({ port: 70_000 }));
    for (const { events, reasons } of [refused, impossible]) {
      await vi.waitFor(() => expect(events).toEqual(["closed"]));
      expect(reasons[0]).toBeInstanceOf(Error);
    }
    expect(refused.reasons[0]).toMatchObject({ code: "ECONNREFUSED" });
    const cut = await openReady(driverAt({ port: proxy.port }));
    proxy.cutAll();
    await vi.waitFor(() => expect(cut.events).toEqual(["ready", "closed"]));
    await Promise.all([refused, impossible, cut].map(({ connection }) => connection.destroy()));
    await expectNoMoreOf([refused, impossible, cut]);
    expect(proxy.connections).toHaveLength(0);
  });

  it("is never ready with a wrong password, and says what the server said", async () => {
    const { connection, events, reasons } = open(driverAt({ port: server.port, username: "limited", password: "wrong" }));
    await vi.waitFor(() => expect(events).toEqual(["closed"]));
    expect(String(reasons[0])).toMatch(/WRONGPASS invalid username-password pair/);
    await connection.destroy();
  });

  it("destroys a connection that is still being made, without a word", async () => {
    const first = open(driverAt({ port: proxy.port }));
    await first.connection.destroy();
    const before = sockets();
    const early = open(driverAt({ port: proxy.port }));
    for (let ticks = 0; sockets() === before && ticks < 100; ticks++) await new Promise(process.nextTick);
    await early.connection.destroy();
    // Somewhat later: the socket is open, and the server has not answered yet.
    proxy.delays = () => ({ toClient: 60_000 });
    const later = open(driverAt({ port: proxy.port }));
    await vi.waitFor(() => expect(proxy.connections.some(({ sent }) => sent !== "")).toBe(true));
    await later.connection.destroy();
    proxy.delays = () => ({});
    await vi.waitFor(async () => expect(await connectionsAtServer("commands")).toEqual([]));
    await vi.waitFor(() => expect(proxy.connections).toHaveLength(0));
    await expectNoMoreOf([]);
    expect([...first.events, ...early.events, ...later.events]).toEqual([]);
  });

  it("I6: subscribes to many channels with one command, and hears each", async () => {
    const { connection, events } = await openReady(driverAt({ port: server.port }), "subscription");
    expect(await connectionsAtServer("subscription")).toHaveLength(1);
    const before = await callsOf("subscribe");
    const channels = Array.from({ length: 300 }, (_, at) => `live:${at}`);
    await connection.subscribe(channels, false);
    expect(await callsOf("subscribe")).toBe(before + 1);
    expect((await connectionsAtServer("subscription"))[0]).toContain(" sub=300 ");
    await rawCommand(server.port, "PUBLISH", "live:7", "a");
    await rawCommand(server.port, "PUBLISH", "live:299", "ünïcode \r\n 👋");
    await vi.waitFor(() => expect(events).toEqual(["ready", "live:7: a", "live:299: ünïcode \r\n 👋"]));
    // A connection that listens can be probed.
    await connection.command("PING", []);
    await connection.destroy();
    await rawCommand(server.port, "PUBLISH", "live:7", "b");
    expect(events).toHaveLength(3);
  });

  it("hears a channel that is left and joined in one turn, and none that is left", async () => {
    const { connection, events } = await openReady(driverAt({ port: server.port }), "subscription");
    await connection.subscribe(["one", "two"], false);
    connection.unsubscribe(["one", "two"], false);
    await connection.subscribe(["one"], false);
    await connection.subscribe(["one"], false);
    connection.unsubscribe(["nobody"], false);
    await connection.command("PING", []);
    expect(await rawCommand(server.port, "PUBLISH", "one", "a")).toBe(1);
    expect(await rawCommand(server.port, "PUBLISH", "two", "b")).toBe(0);
    await vi.waitFor(() => expect(events).toEqual(["ready", "one: a"]));
    await connection.destroy();
  });

  it("rejects a subscription in the words of the server, and goes on", async () => {
    const driver = driverAt({ port: server.port, username: "limited", password: "right" });
    const { connection, events } = await openReady(driver, "subscription");
    await expect(connection.subscribe(["mine:1", "other"], false)).rejects.toThrow(/^NOPERM /);
    await connection.subscribe(["mine:1"], false);
    await rawCommand(server.port, "PUBLISH", "mine:1", "a");
    await vi.waitFor(() => expect(events).toEqual(["ready", "mine:1: a"]));
    await connection.destroy();
  });
});

describe.each([
  ["5", createClient5 as unknown as typeof createClient],
  ["6", createClient],
])("a client of node-redis %s", (_, create) => {
  it.each(["connected", "closed", "listening", "destroyed by its owner"])("may be %s: it is only duplicated", async (state) => {
    const client = create({ url: server.url, disableOfflineQueue: true, name: "theirs" });
    client.on("error", () => {});
    await client.connect();
    if (state === "closed") await client.close();
    if (state === "listening") await client.subscribe("c", () => {});
    if (state === "destroyed by its owner") client.destroy();
    const before = client.listenerCount("error");
    const { connection, events } = await openReady(createNodeRedisDriver(client));
    const listener = await openReady(createNodeRedisDriver(client), "subscription");
    await listener.connection.subscribe(["d"], false);
    expect(await connection.command("PUBLISH", ["d", "x"])).toBe(1);
    await vi.waitFor(() => expect(listener.events).toEqual(["ready", "d: x"]));
    await Promise.all([connection.destroy(), listener.connection.destroy()]);
    expect(events).toEqual(["ready"]);
    expect(client.isOpen).toBe(state === "connected" || state === "listening");
    expect(client.listenerCount("error")).toBe(before);
    if (client.isOpen) client.destroy();
  });
});

function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

/** A later connection has come up: what was to come of the earlier ones has come. */
async function expectNoMoreOf(opened: readonly Opened[]): Promise<void> {
  const counts = opened.map(({ events }) => events.length);
  const { connection } = await openReady(createIoRedisDriver(new Redis(server.port, forIoRedis)));
  await connection.destroy();
  expect(opened.map(({ events }) => events.length)).toEqual(counts);
}
