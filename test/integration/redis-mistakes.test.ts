import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { readFileSync } from "node:fs";
import { createClient, createCluster } from "redis";
import { createClient as createClient5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { Realtime, type RealtimeOptions } from "../../src/index.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { draft, KEEP } from "../support/redis-brokers.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  await rawCommand(server.port, "CONFIG", "SET", "requirepass", "right");
});

afterAll(() => Promise.all([server.stop(), cluster.stop()]));

const logger = { log() {}, warn() {}, error() {} };
const host = "127.0.0.1";

/** What an emit says that meets a mistake in how Redis is reached. */
async function failure(redis: RealtimeOptions["redis"]): Promise<{ code: string; message: string }> {
  const realtime = new Realtime({ redis, logger, emitTimeoutSecs: 1 });
  try {
    return await realtime.emit("a.b", 1).then(
      () => ({ code: "stored", message: "" }),
      (error: unknown) => error as { code: string; message: string },
    );
  } finally {
    await realtime.close();
  }
}

describe("a mistake in how Redis is reached: the error says which", () => {
  it("a wrong password", async () => {
    const client = new Redis({ host, port: server.port, password: "wrong", lazyConnect: true });
    expect(await failure(client)).toMatchObject({ code: "not_stored", message: expect.stringContaining("WRONGPASS") });
  });

  it.each(["ioredis 6", "ioredis 5", "node-redis 6", "node-redis 5"])(
    "no password, through %s: certainly not stored, and what to do",
    async (name) => {
      const broker = createRedisBroker({ source: CLIENT_LIBRARIES[name]!.single(server.port), keyPrefix: "t", logger });
      const error = await broker.append("c", draft("1"), KEEP, 1_000).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "not_stored",
        message: expect.stringMatching(/NOAUTH.*give it to the Redis client/s),
      });
      await broker.close();
    },
  );

  it("a password that is mended in another instance helps that one at once", async () => {
    const wrong = new Realtime({ redis: `redis://:wrong@${host}:${server.port}`, logger, emitTimeoutSecs: 1 });
    const right = new Realtime({ redis: `redis://:right@${host}:${server.port}`, logger, emitTimeoutSecs: 1 });
    const outcomes = await Promise.allSettled([wrong.emit("a.b", 1), right.emit("a.b", 1)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    await Promise.all([wrong.close(), right.close()]);
  });

  it("a cluster whose first nodes are not there is found by the next", async () => {
    const dead = await Promise.all(Array.from({ length: 4 }, () => freePort()));
    const ports = [...dead, cluster.nodes[0]!.port];
    // Four times the time that a server has to answer would be too much.
    for (const { cluster: of } of Object.values(CLIENT_LIBRARIES)) {
      const broker = createRedisBroker({ source: of(ports), keyPrefix: "t", logger });
      await broker.append("c", draft("1"), KEEP, 4_000);
      await broker.close();
    }
  });

  it.each<[string, (url: string) => RealtimeOptions["redis"]]>([
    ["ioredis 6", (url) => new Redis(url, { lazyConnect: true })],
    ["ioredis 5", (url) => new Redis5(url, { lazyConnect: true })],
    ["node-redis 6", (url) => createClient({ url })],
    ["node-redis 5", (url) => createClient5({ url })],
  ])("none: the least permissions that the docs name are enough, through %s", async (_, open) => {
    const page = readFileSync("docs/reference/errors.md", "utf8");
    const rules = [...page.matchAll(/^ACL SETUSER .*/gm)][0]?.[0].match(/\+\S+/g) ?? [];
    const scope = ["~tidings:*", "~{tidings:*", "resetchannels", "&{tidings:*"];
    const admin = new Redis({ host, port: server.port, password: "right" });
    await admin.call("ACL", "SETUSER", "least", "reset", "on", ">pw", "-@all", ...rules, ...scope);
    admin.disconnect();
    const redis = open(`redis://least:pw@${host}:${server.port}`);
    const realtime = new Realtime({ redis, logger, emitTimeoutSecs: 2 });
    const seen: unknown[] = [];
    await realtime.subscribe({ onData: ({ data }) => seen.push(data) });
    for (const n of [1, 2, 3]) await realtime.emit("a.b", n);
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]));
    await realtime.close();
  });

  it("a port where nobody listens", async () => {
    const error = await failure(`redis://127.0.0.1:${await freePort()}`);
    expect(error).toMatchObject({ code: "not_stored", message: expect.stringContaining("ECONNREFUSED") });
  });

  it("one server, passed as a cluster", async () => {
    const nodes = [{ host, port: server.port }];
    const wanted = { code: "not_stored", message: expect.stringContaining("cluster support disabled") };
    expect(await failure(new Cluster(nodes, { lazyConnect: true, redisOptions: { password: "right" } }))).toMatchObject(wanted);
    const other = createCluster({ rootNodes: [{ url: server.url }], defaults: { password: "right" } });
    expect(await failure(other)).toMatchObject(wanted);
  });

  it("a node of a cluster, passed as one server", async () => {
    const node = await cluster.masterOf(cluster.slotOf("tidings:default"));
    const other = cluster.nodes.find(({ id }) => id !== node.id);
    const error = await failure(other?.url);
    expect(error).toMatchObject({ code: "broker_refused", message: expect.stringMatching(/MOVED.*pass a cluster client/) });
  });
});
