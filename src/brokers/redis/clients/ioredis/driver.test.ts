import { Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createIORedisAdapter } from "../../../../adapters/ioredis.ts";
import { redisAdapterParts } from "../adapter.ts";
import { createIoRedisDriver, isIoRedis } from "./driver.ts";

const lazy = { lazyConnect: true };

describe("recognising", () => {
  it("knows an ioredis client and a cluster", () => {
    expect(isIoRedis(new Redis(lazy))).toBe(true);
    expect(isIoRedis(new Cluster(["127.0.0.1:1"], lazy))).toBe(true);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a URL", "redis://localhost"],
    ["an object", {}],
    ["options", { host: "localhost", port: 6379 }],
    ["a client of another library", { duplicate() {}, on() {}, sendCommand() {}, options: {}, isOpen: false }],
    ["the class", Redis],
  ])("does not take %s for one", (_, value) => {
    expect(isIoRedis(value)).toBe(false);
    expect(() => createIORedisAdapter(value as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });

  it("F-2: takes a cluster, and knows the servers that it was given", () => {
    const nodes = ["127.0.0.1:1", 7_000, { host: "db.example", port: 2 }, { host: "h" }, "redis://u:secret@e.example:9"];
    const driver = createIoRedisDriver(new Cluster(nodes, { ...lazy, redisOptions: { username: "u", password: "secret" } }));
    expect(driver.identity).toBe("redis-cluster://u@127.0.0.1:1,127.0.0.1:7000,db.example:2,h:6379,e.example:9");
    expect(driver.seeds).toHaveLength(5);
  });

  it("F-2: an adapter carries the driver and its own prefix", () => {
    const parts = redisAdapterParts(createIORedisAdapter(new Redis(lazy), { keyPrefix: "mine" }));
    expect(parts?.keyPrefix).toBe("mine");
    expect(parts?.source.identity).toBe("redis://localhost:6379/0");
    for (const other of [undefined, null, {}, "x", new Redis(lazy)]) expect(redisAdapterParts(other)).toBeUndefined();
  });
});

describe("identity", () => {
  it.each([
    [new Redis(lazy), "redis://localhost:6379/0"],
    [new Redis("redis://u:secret@db.example:7000/3", lazy), "redis://u@db.example:7000/3"],
    [new Redis("rediss://db.example", lazy), "rediss://db.example:6379/0"],
    [new Redis("/run/redis.sock", lazy), "redis:///run/redis.sock/0"],
    [new Redis({ ...lazy, db: 2, password: "secret" }), "redis://localhost:6379/2"],
    [new Redis({ ...lazy, sentinels: [{ host: "a", port: 1 }, { host: "b" }], name: "main" }), "redis://main@a:1,b:26379/0"],
  ])("names server, database and user, and no password: %#", (client, identity) => {
    const driver = createIoRedisDriver(client);
    expect(driver.identity).toBe(identity);
    expect(driver.address).not.toContain("secret");
  });

  it("is the same for two clients of one server, and takes no part in their prefix", () => {
    const one = createIoRedisDriver(new Redis("redis://h:1/2", { ...lazy, keyPrefix: "app:" }));
    const two = createIoRedisDriver(new Redis({ ...lazy, host: "h", port: 1, db: 2 }));
    expect(one.identity).toBe(two.identity);
    expect([one.keyPrefix, one.db, two.keyPrefix, two.db]).toEqual(["app:", 2, "", 2]);
  });
});
