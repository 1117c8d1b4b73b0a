import { Redis as UpstashRedis } from "@upstash/redis";
import { Cluster, Redis } from "ioredis";
import * as v6 from "redis";
import * as v5 from "redis5";
import { describe, expect, it } from "vitest";
import { createNodeRedisAdapter } from "../../../../adapters/node-redis.ts";
import { redisAdapterParts } from "../adapter.ts";
import { isIoRedis } from "../ioredis/driver.ts";
import { createNodeRedisDriver, isNodeRedis } from "./driver.ts";

const sentinels = { name: "main", sentinelRootNodes: [{ host: "a", port: 1 }] };
const fourMethods = { xadd() {}, xrange() {}, xread() {}, expire() {} };

/** To the compiler, both are the newer one: its functions take what the older takes. */
const versions: ReadonlyArray<readonly [string, typeof v6]> = [
  ["5", v5 as unknown as typeof v6],
  ["6", v6],
];

describe.each(versions)("recognising node-redis %s", (_, { createClient, createCluster, createSentinel, createClientPool }) => {
  const rootNodes = [{ url: "redis://h:1" }];

  it("knows a client, a cluster and a sentinel, and their kin", () => {
    const client = createClient();
    const own = [
      client,
      client.duplicate(),
      client.withTypeMapping({}),
      createCluster({ rootNodes }),
      createSentinel(sentinels),
    ];
    for (const each of own) {
      expect(isNodeRedis(each)).toBe(true);
      expect(isIoRedis(each)).toBe(false);
    }
  });

  it("does not take a pool, a legacy client or a transaction for one", () => {
    for (const other of [createClientPool(), createClient().legacy(), createClient().multi(), createClient]) {
      expect(isNodeRedis(other)).toBe(false);
      expect(() => createNodeRedisAdapter(other as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
    }
  });
});

describe("recognising", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a URL", "redis://localhost"],
    ["an object", {}],
    ["options", { socket: { host: "localhost" } }],
    ["an ioredis client", new Redis({ lazyConnect: true })],
    ["an ioredis cluster", new Cluster(["127.0.0.1:1"], { lazyConnect: true })],
    ["an Upstash client", new UpstashRedis({ url: "https://db.example", token: "t" })],
    ["an object with four methods", fourMethods],
    ["what Bun's client shows", { connected: false, duplicate() {}, send() {}, subscribe() {}, close() {} }],
    ["version 4", { isOpen: false, isReady: false, options: {}, duplicate() {}, sendCommand() {}, sSubscribe() {} }],
  ])("does not take %s for one", (_, value) => {
    expect(isNodeRedis(value)).toBe(false);
    expect(() => createNodeRedisAdapter(value as never)).toThrow(/takes a client of node-redis 5 or later/);
  });

  it("F-2: an adapter carries the way to the server and its own prefix", () => {
    const parts = redisAdapterParts(createNodeRedisAdapter(v6.createClient(), { keyPrefix: "mine" }));
    expect(parts?.keyPrefix).toBe("mine");
    expect(parts?.source.identity).toBe("redis://localhost:6379/0");
  });

  it.each([[{ keyPrefix: "a{b}" }], [{ prefix: "x" }], [null]])("refuses options that are none: %j", (options) => {
    expect(() => createNodeRedisAdapter(v6.createClient(), options as never)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });

  it("refuses a prefix that is no string", () => {
    const client = v6.createClient({ keyPrefix: Buffer.from("x") });
    expect(() => createNodeRedisDriver(client)).toThrow(/`keyPrefix` of the Redis client is not a string/);
  });
});

describe.each(versions)("identity in version %s", (_, { createClient, createCluster }) => {
  it.each<[v6.RedisClientOptions, string]>([
    [{}, "redis://localhost:6379/0"],
    [{ url: "redis://u:secret@db.example:7000/3" }, "redis://u@db.example:7000/3"],
    [{ url: "rediss://db.example" }, "rediss://db.example:6379/0"],
    [{ url: "redis://[::1]:7000" }, "redis://::1:7000/0"],
    [{ socket: { path: "/run/redis.sock", tls: false } }, "redis:///run/redis.sock/0"],
    [{ socket: { host: "h", port: 1 }, database: 2, password: "secret" }, "redis://h:1/2"],
  ])("names server, database and user, and no password: %j", (options, identity) => {
    const driver = createNodeRedisDriver(createClient(options));
    expect(driver.identity).toBe(identity);
    expect(driver.address).not.toContain("secret");
    expect(driver.seeds).toBeUndefined();
  });

  it("names the servers of a cluster that it was given", () => {
    const rootNodes = [
      { url: "redis://u:secret@a.example:1" },
      { url: "redis://[::1]" },
      { socket: { host: "b", port: 2 } },
      {},
    ];
    const driver = createNodeRedisDriver(createCluster({ rootNodes, defaults: { username: "u", password: "secret" } }));
    expect(driver.identity).toBe("redis-cluster://u@a.example:1,::1:6379,b:2,localhost:6379");
    expect(driver.seeds).toEqual([
      { host: "a.example", port: 1 },
      { host: "::1", port: 6_379 },
      { host: "b", port: 2 },
      { host: "localhost", port: 6_379 },
    ]);
  });
});

describe("identity behind Sentinel", () => {
  const options = {
    name: "main",
    sentinelRootNodes: [
      { host: "a", port: 1 },
      { host: "b", port: 2 },
    ],
    nodeClientOptions: { username: "u", password: "secret", database: 3 },
  };

  it("names the master and the sentinels, from version 6", () => {
    const driver = createNodeRedisDriver(v6.createSentinel(options));
    expect(driver.identity).toBe("redis://u@main@a:1,b:2/3");
    expect(driver.db).toBe(3);
  });

  it("names the sentinel itself in version 5, which tells no more", () => {
    const one = v5.createSentinel(options);
    const { identity } = createNodeRedisDriver(one);
    expect(identity).toMatch(/^redis:\/\/sentinel-a:1/);
    expect(createNodeRedisDriver(one).identity).toBe(identity);
    expect(createNodeRedisDriver(v5.createSentinel(options)).identity).not.toBe(identity);
  });
});

describe("the key prefix of version 6", () => {
  it("is told, and takes no part in the identity", () => {
    const keyPrefix = "app:";
    const drivers = [
      v6.createClient({ keyPrefix }),
      v6.createCluster({ rootNodes: [{ url: "redis://h:1" }], keyPrefix }),
      v6.createSentinel({ ...sentinels, keyPrefix }),
    ].map((client) => createNodeRedisDriver(client));
    expect(drivers.map((driver) => driver.keyPrefix)).toEqual(["app:", "app:", "app:"]);
    expect(drivers[0]?.identity).toBe(createNodeRedisDriver(v6.createClient()).identity);
  });
});
