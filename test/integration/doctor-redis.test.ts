import { readFileSync } from "node:fs";
import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctor } from "../../src/cli/doctor.ts";
import { examineRedis } from "../../src/cli/doctor/redis/examine.ts";
import { Realtime, type RealtimeOptions } from "../../src/index.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startVersionProxy } from "../support/version-proxy.ts";

const PASSWORD = "s3cret/%word";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ args: ["--maxmemory", "100mb"] });
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

/** The line that allows all that is needed, as the doctor prints it for somebody who may do little. */
async function wholeLine(url: string): Promise<string[]> {
  const findings = await examineRedis({ url, timeoutMs: 1_000 });
  const cures = findings.flatMap(({ id, cure }) => (id === "redis-permissions" ? [cure ?? ""] : []));
  expect(cures.length).toBeGreaterThan(1);
  const lines = cures.flatMap((cure) => cure.split("\n").slice(1)).filter((line) => line.startsWith("ACL SETUSER app "));
  expect(lines).toHaveLength(1);
  return lines.flatMap((line) => line.split(" "));
}

/** What a real server stores and hears there, also by an `id`; and what it complains of. */
async function serveWith(redis: RealtimeOptions["redis"]): Promise<{ heard: readonly unknown[]; said: readonly string[] }> {
  const said: string[] = [];
  const note = (...words: unknown[]): void => void said.push(words.map(String).join(" "));
  const realtime = new Realtime({ redis, logger: { log: note, warn: note, error: note } });
  const heard: unknown[] = [];
  try {
    for (const name of ["a", "b", "c"]) {
      const channel = realtime.channel(name);
      // oxlint-disable-next-line no-await-in-loop -- one channel after the other
      await channel.subscribe({ onData: ({ data }) => heard.push(data) });
      // oxlint-disable-next-line no-await-in-loop
      for (const id of [undefined, "1", "1"]) await channel.emit("e.v", `${name}${id ?? ""}`, id === undefined ? {} : { id });
    }
    await expect.poll(() => heard, { timeout: 5_000 }).toHaveLength(6);
  } finally {
    await realtime.close();
  }
  return { heard, said };
}
const SERVED = { heard: ["a", "a1", "b", "b1", "c", "c1"], said: [] };

describe("tidings doctor --redis", () => {
  it("finds nothing where a limit is set and nothing is evicted, and leaves nothing behind", async () => {
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

  it.each<[who: string, rules: readonly string[]]>([
    ["nothing at all", ["-@all", "resetkeys", "resetchannels"]],
    // Redis tells of a command before it tells of a key or a channel.
    ["every command, and no key or channel", ["+@all", "resetkeys", "resetchannels"]],
    ["neither the commands for ids nor their keys", ["+@all", "-get", "-set", "~tidings:*", "&{tidings:*"]],
  ])("prints one line for who may do %s, with which it is green, and a server works", async (_who, rules) => {
    await rawCommand(redis.port, "FLUSHALL");
    await acl(...rules);
    await rawCommand(redis.port, ...(await wholeLine(asApp())));
    expect(await complaints(asApp())).toEqual([]);
    expect(await serveWith(asApp())).toEqual(SERVED);
  });

  it("prints the line of the docs, and for another prefix a line that names no other keys than its own", async () => {
    await acl("-@all");
    const [, , , ...rules] = await wholeLine(asApp());
    expect(rules.toSorted()).toEqual(
      leastRules()
        .filter((rule) => /^[+~&]/.test(rule) && rule !== "+@all")
        .toSorted(),
    );
    const findings = await examineRedis({ url: asApp(), keyPrefix: "a[b]*", timeoutMs: 1_000 });
    const [line = ""] = findings
      .flatMap(({ cure }) => cure?.split("\n").at(-1) ?? [])
      .filter((cure) => cure.includes("+xadd "));
    await rawCommand(redis.port, ...line.split(" "));
    const again = await examineRedis({ url: asApp(), keyPrefix: "a[b]*", timeoutMs: 1_000 });
    expect(again.filter(({ severity }) => severity !== "ok")).toEqual([]);
    // A pattern would have let it in.
    const others = await examineRedis({ url: asApp(), keyPrefix: "abc", timeoutMs: 1_000 });
    expect(others.filter(({ id }) => id === "redis-permissions")).toHaveLength(3);
  });

  it("prints a line for a Cluster, and finds the servers of it where it was not run", async () => {
    await using cluster = await startCluster({ args: ["--maxmemory", "100mb"] });
    const [first, second] = cluster.nodes;
    const everywhere = (...line: readonly string[]) =>
      Promise.all(cluster.nodes.map(({ port }) => cluster.command(port, ...line)));
    await everywhere("ACL", "SETUSER", "app", "reset", "on", `>${PASSWORD}`, "-@all");
    const url = `redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${first?.port}`;
    const line = await wholeLine(url);
    await everywhere(...line);
    expect(await complaints(url)).toEqual(["warning redis-cluster"]);
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const client = new Cluster(nodes, { redisOptions: { username: "app", password: PASSWORD } });
    client.on("error", () => {});
    expect(await serveWith(client)).toEqual(SERVED);
    client.disconnect();
    await cluster.command(second?.port ?? 0, "ACL", "SETUSER", "app", "-spublish", "-ssubscribe");
    const found = await examineRedis({ url, timeoutMs: 1_000 });
    const lacking = found.filter(({ id }) => id === "redis-permissions").filter(({ severity }) => severity !== "ok");
    expect(lacking.map(({ text }) => text.slice(0, 60))).toEqual([
      expect.stringContaining(`127.0.0.1:${second?.port}: The user "app" may not call SPUBLISH`),
      expect.stringContaining(`127.0.0.1:${second?.port}: The user "app" may not call SSUBSCRIBE`),
    ]);
    expect(lacking.at(-1)?.cure).toContain(line.join(" "));
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
    const cures = findings.flatMap(({ id, cure }) => (id === "redis-permissions" ? cure?.split("\n")[0] : []));
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
