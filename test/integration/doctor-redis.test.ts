import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctor } from "../../src/cli/doctor.ts";
import { examineRedis } from "../../src/cli/doctor/redis/examine.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startVersionProxy } from "../support/version-proxy.ts";

const PASSWORD = "s3cret/%word";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const set = (name: string, value: string) => rawCommand(redis.port, "CONFIG", "SET", name, value);
const acl = (...rules: readonly string[]) =>
  rawCommand(redis.port, "ACL", "SETUSER", "app", "reset", "on", `>${PASSWORD}`, ...rules);
const asApp = (): string => `redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}`;

/** What is not as it should be, as `"problem redis-role"`, with the cure where that is the point. */
async function complaints(url: string = redis.url): Promise<string[]> {
  const findings = await examineRedis({ url, timeoutMs: 1_000 });
  expect(JSON.stringify(findings)).not.toContain("s3cret");
  for (const { severity, cure } of findings) expect(cure === undefined, severity).toBe(severity === "ok");
  return findings.flatMap(({ id, severity, cure }) =>
    severity === "ok" ? [] : [`${severity} ${id === "redis-permissions" ? cure : id}`],
  );
}

/** What the docs ask an administrator to allow. */
function leastRules(): string[] {
  const [, rules = ""] = /^ACL SETUSER app on >password (.*)$/m.exec(readFileSync("docs/reference/errors.md", "utf8")) ?? [];
  return rules.split(" ");
}

describe("tidings doctor --redis", () => {
  it("finds nothing where a limit is set and nothing is evicted, and leaves nothing behind", async () => {
    await set("maxmemory", "100mb");
    const before = await rawCommand(redis.port, "PUBSUB", "CHANNELS");
    expect(await complaints()).toEqual([]);
    await expect.poll(() => rawCommand(redis.port, "DBSIZE"), { timeout: 5_000 }).toBe(0);
    expect(await rawCommand(redis.port, "PUBSUB", "CHANNELS")).toEqual(before);
    await expect
      .poll(
        async () =>
          String(await rawCommand(redis.port, "CLIENT", "LIST"))
            .trim()
            .split("\n"),
        { timeout: 5_000 },
      )
      .toHaveLength(1);
  });

  it("finds nothing with the least permissions that the docs name", async () => {
    await acl(...leastRules());
    expect(await complaints(asApp())).toEqual([]);
  });

  const POLICIES = [
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
  ];
  it.each(POLICIES)("finds that logs can be evicted: %s", async (policy) => {
    await set("maxmemory-policy", policy);
    try {
      expect(await complaints()).toEqual(["problem redis-eviction"]);
    } finally {
      await set("maxmemory-policy", "noeviction");
    }
  });

  it.each<[what: string, plant: () => Promise<unknown>, mend: () => Promise<unknown>, found: string[]]>([
    ["memory has no limit", () => set("maxmemory", "0"), () => set("maxmemory", "100mb"), ["warning redis-memory"]],
    [
      "memory is full",
      () => set("maxmemory", "1000"),
      () => set("maxmemory", "100mb"),
      ["problem redis-memory", "problem redis-use"],
    ],
    [
      "it is a replica",
      () => rawCommand(redis.port, "REPLICAOF", "127.0.0.1", "1"),
      () => rawCommand(redis.port, "REPLICAOF", "NO", "ONE"),
      ["problem redis-role", "problem redis-use"],
    ],
  ])("finds that %s", async (_what, plant, mend, found) => {
    await plant();
    try {
      expect(await complaints()).toEqual(found);
    } finally {
      await mend();
    }
    expect(await complaints()).toEqual([]);
  });

  it("finds each command of the docs that is missing, by the rule that allows it", async () => {
    const commands = leastRules().filter((rule) => rule.startsWith("+"));
    // What it is not asked for costs nothing: the server forgets all channels of a connection that ends.
    const unasked = ["+unsubscribe", "+ping"];
    const found = new Map<string, readonly string[]>();
    for (const rule of commands.filter((command) => !unasked.includes(command))) {
      // oxlint-disable-next-line no-await-in-loop -- one server, one user
      await acl(...leastRules().filter((other) => other !== rule));
      // oxlint-disable-next-line no-await-in-loop
      found.set(rule, await complaints(asApp()));
    }
    for (const [rule, complained] of found) {
      const [own, ...rest] = complained.filter((one) => one.includes("ACL SETUSER"));
      expect([own?.replace(/^\w+ /, ""), rest], rule).toEqual([`ACL SETUSER app ${rule}`, []]);
      const others = complained.filter((one) => !one.includes("ACL SETUSER"));
      expect(others, rule).toEqual(rule === "+info" ? ["warning redis-info"] : []);
    }
    const grave = [...found].flatMap(([rule, [first]]) => (first?.startsWith("problem") ? [rule] : []));
    expect(grave.toSorted()).toEqual(
      [
        "+eval",
        "+exists",
        "+pexpire",
        "+publish",
        "+subscribe",
        "+xadd",
        "+xinfo",
        "+xlen",
        "+xrange",
        "+xrevrange",
      ].toSorted(),
    );
  });

  it.each(["~tidings:*", "~{tidings:*", "&{tidings:*"])("finds that the keys or channels %s are not allowed", async (rule) => {
    await acl(...leastRules().filter((other) => other !== rule));
    const [found, ...rest] = await complaints(asApp());
    expect([found?.replace(/^\w+ /, ""), rest]).toEqual([`ACL SETUSER app ${rule}`, []]);
  });

  it("does not say that nothing works where only an emit with an `id` does not", async () => {
    await acl(...leastRules().filter((rule) => rule !== "~{tidings:*"));
    const found = (await examineRedis({ url: asApp(), timeoutMs: 1_000 })).filter(({ severity }) => severity !== "ok");
    expect(found.map(({ severity, text }) => [severity, text])).toEqual([
      ["warning", 'The user "app" may not use the keys {tidings:*: an emit with an `id` is refused.'],
    ]);
  });

  it("looks at the keys of the prefix that it is told", async () => {
    await acl(...leastRules());
    const findings = await examineRedis({ url: asApp(), keyPrefix: "shop", timeoutMs: 1_000 });
    const cures = findings.flatMap(({ id, cure }) => (id === "redis-permissions" ? cure : []));
    expect(cures).toEqual(["~shop:*", "~{shop:*", "&{shop:*"].map((rule) => `ACL SETUSER app ${rule}`));
  });

  it("finds a server that is too old", async () => {
    await using proxy = await startVersionProxy(redis.port, "6.0.16");
    expect(await complaints(`redis://127.0.0.1:${proxy.port}`)).toEqual(["problem redis-version", "problem redis-use"]);
    await using newer = await startVersionProxy(redis.port, "6.2.14");
    expect(await complaints(`redis://127.0.0.1:${newer.port}`)).toEqual([]);
  });

  it("finds what keeps it from being let in, and never names a password", async () => {
    expect(await complaints(`redis://127.0.0.1:${await freePort()}`)).toEqual(["problem redis-reachable"]);
    expect(await complaints(`rediss://:s3cret@127.0.0.1:${redis.port}`)).toEqual(["problem redis-reachable"]);
    expect(await complaints("s3cret@localhost:6379")).toEqual(["problem redis-url"]);
    await using guarded = await startRedis({ args: ["--maxmemory", "100mb"] });
    await rawCommand(guarded.port, "CONFIG", "SET", "requirepass", PASSWORD);
    const at = (userinfo: string): string => `redis://${userinfo}127.0.0.1:${guarded.port}`;
    expect(await complaints(at(""))).toEqual(["problem redis-reachable"]);
    expect(await complaints(at(":s3cret-and-wrong@"))).toEqual(["problem redis-reachable"]);
    expect(await complaints(at(`:${encodeURIComponent(PASSWORD)}@`))).toEqual([]);
  });

  it("uses all of a cluster, and finds slots and servers of it that are not well", async () => {
    await using cluster = await startCluster({ args: ["--maxmemory", "100mb", "--cluster-require-full-coverage", "no"] });
    const [first, second, third] = cluster.nodes;
    const look = async (): Promise<string[]> => complaints(first?.url);
    expect(await look()).toEqual(["warning redis-cluster"]);
    await cluster.command(second?.port ?? 0, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    expect(await look()).toEqual(["warning redis-cluster", "problem redis-eviction"]);
    await cluster.command(first?.port ?? 0, "CLUSTER", "DELSLOTS", 0);
    expect(await look()).toEqual(["warning redis-cluster", "problem redis-slots", "problem redis-eviction"]);
    if (third) await cluster.kill(third);
    expect(await look()).toEqual(expect.arrayContaining(["problem redis-eviction", "problem redis-reachable"]));
  });

  it("by its command: prints, and tells by its exit code", async () => {
    const printed: string[] = [];
    const run = (...args: readonly string[]) => doctor.run(args, (text) => printed.push(text));
    expect(await run("--redis", redis.url)).toBe(0);
    expect(printed.splice(0).join()).toMatch(/^ok {6}Redis at 127[^]+\n\nNothing stands in the way\.$/);
    expect(await run("--redis", `redis://127.0.0.1:${await freePort()}`, "--json")).toBe(1);
    expect(JSON.parse(printed.join())).toMatchObject({ ok: false, findings: [{ id: "redis-reachable", severity: "problem" }] });
  });
});
