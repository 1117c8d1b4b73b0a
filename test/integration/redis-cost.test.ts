import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis.ts";
import { ORIGIN } from "../../src/protocol/cursor.ts";
import { PROBE_MS } from "../../src/protocol/limits.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { draft, KEEP, openBroker } from "../support/redis-brokers.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
let watcher: Redis;

beforeAll(async () => {
  server = await startRedis();
  watcher = new Redis(server.port, { disableClientInfo: true });
});

afterAll(async () => {
  watcher.disconnect();
  await server.stop();
});

async function connections(): Promise<string[]> {
  const lines = String(await watcher.client("LIST")).split("\n");
  return lines.flatMap((line) => / name=(tidings-\S+)/.exec(line)?.[1] ?? []).sort();
}

/** The names of the commands that clients sent while `run` ran; what scripts do inside is left out. */
async function commandsDuring(run: () => Promise<unknown>): Promise<string[]> {
  const monitor = await watcher.monitor();
  const commands: string[] = [];
  monitor.on("monitor", (_time, args: string[], source: string) => void (source !== "lua" && commands.push(String(args[0]))));
  await run();
  await watcher.call("ECHO", "the end");
  await vi.waitFor(() => expect(commands.at(-1)).toBe("ECHO"));
  monitor.disconnect();
  return commands.slice(0, -1).map((name) => name.toUpperCase());
}

describe("I6 Cost: connections", () => {
  it("opens the first at the first command and the second at the first join, and never uses the user's client", async () => {
    const user = new Redis(server.port, { lazyConnect: true });
    const broker = createRedisBroker({ source: overConnections(createIoRedisDriver(user)), keyPrefix: "t" });
    expect(await connections()).toEqual([]);
    await broker.append("c", draft("1"), KEEP, 5_000);
    expect(await connections()).toEqual(["tidings-commands"]);
    const listener = broker.listen({ entry() {}, moved() {}, lost() {}, restored() {} });
    expect(await connections()).toEqual(["tidings-commands"]);
    await Promise.all(Array.from({ length: 500 }, (_, at) => listener.join(`c${at}`)));
    expect(await connections()).toEqual(["tidings-commands", "tidings-subscription"]);
    expect(user.status).toBe("wait");
    await broker.close();
    await vi.waitFor(async () => expect(await connections()).toEqual([]));
  });
});

describe("I6 Cost: commands", () => {
  it("is one command per append, and none while nothing happens", async () => {
    await using own = openBroker(server.port);
    const { listener } = own.record();
    await Promise.all([own.emit("c", "0"), listener.join("c"), listener.join("d")]);
    // A script that is used again is loaded, once for each connection.
    expect(await commandsDuring(() => own.emit("c", "1"))).toEqual(["EVAL", "SCRIPT"]);
    expect(await commandsDuring(() => own.emit("c", "2"))).toEqual(["EVALSHA"]);
    expect(await commandsDuring(() => Promise.all(["3", "4", "5"].map((json) => own.emit("c", json))))).toEqual([
      "EVALSHA",
      "EVALSHA",
      "EVALSHA",
    ]);
    expect(await commandsDuring(async () => {})).toEqual([]);
  });

  it("is one command per read and per locate, and one for all joins and one for all leaves of a turn", async () => {
    await using own = openBroker(server.port);
    const { listener } = own.record();
    await Promise.all([own.emit("c", "0"), listener.join("c")]);
    expect(await commandsDuring(() => own.broker.read("c", ORIGIN, { pageBytes: 1_000 }))).toEqual(["EVAL"]);
    expect(await commandsDuring(() => own.broker.locate("c", { newest: 5 }))).toEqual(["EVAL"]);
    const channels = Array.from({ length: 400 }, (_, at) => `many${at}`);
    expect(await commandsDuring(() => Promise.all(channels.map((channel) => listener.join(channel))))).toEqual(["SUBSCRIBE"]);
    const leaving = await commandsDuring(async () => {
      for (const channel of channels) listener.leave(channel);
      // Takes its turn behind the leaves.
      await listener.join("c");
    });
    expect(leaving).toEqual(["UNSUBSCRIBE", "SUBSCRIBE"]);
  });

  it("is one for all channels when a connection comes back, and that one is ours", async () => {
    await using own = openBroker(server.port);
    const { listener, signals } = own.record();
    await Promise.all(Array.from({ length: 300 }, (_, at) => listener.join(`c${at}`)));
    const commands = await commandsDuring(async () => {
      await watcher.call("CLIENT", "KILL", "TYPE", "pubsub");
      await vi.waitFor(() => expect(signals).toHaveLength(2));
    });
    expect(commands.filter((name) => name === "SUBSCRIBE")).toHaveLength(1);
  });

  it.each([2, 3] as const)("I13 Probe: is one PING per connection and probe while idle, with RESP%i", async (protocol) => {
    const clock = fakeClock();
    await using own = openBroker(server.port, { clock, client: { protocol } });
    await Promise.all([own.emit("c", "0"), own.record().listener.join("c")]);
    for (let round = 0; round < 3; round++) {
      expect(await commandsDuring(() => clock.advance(PROBE_MS))).toEqual(["PING", "PING"]);
    }
  });
});
