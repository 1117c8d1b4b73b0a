import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { createCluster, createSentinel } from "redis";
import { createCluster as createCluster5, createSentinel as createSentinel5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import { createNodeRedisDriver } from "../../src/brokers/redis/clients/node-redis/driver.ts";
import type { ConnectionKind, RedisConnection, RedisDriver, RedisNode } from "../../src/brokers/redis/connections/driver.ts";
import { infoField, rawCommand } from "../support/raw-redis.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";
import { startSentinels, type RedisSentinels } from "../support/redis-sentinel.ts";
import { freePort } from "../support/redis-server.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

interface Opened {
  readonly connection: RedisConnection;
  readonly events: string[];
  readonly reasons: unknown[];
}

function open(driver: RedisDriver, kind: ConnectionKind, node?: RedisNode): Opened {
  const events: string[] = [];
  const reasons: unknown[] = [];
  const connection = driver.connect({
    kind,
    node,
    handlers: {
      ready: () => events.push("ready"),
      closed(error) {
        events.push("closed");
        reasons.push(error);
      },
      message: (channel, message) => events.push(`${channel}: ${message}`),
      moved: () => events.push("moved"),
    },
  });
  onTestFinished(() => connection.destroy());
  return { connection, events, reasons };
}

async function openReady(driver: RedisDriver, kind: ConnectionKind, node?: RedisNode): Promise<Opened> {
  const opened = open(driver, kind, node);
  await vi.waitFor(() => expect(opened.events).toEqual(["ready"]));
  return opened;
}

async function portOf(connection: RedisConnection): Promise<number> {
  return Number(infoField(String(await connection.command("INFO", ["server"])), "tcp_port"));
}

type AddressMap = Readonly<Record<string, RedisNode>>;

/** Over clusters that nobody connects. */
const CLUSTERS: ReadonlyArray<readonly [string, (seeds: readonly RedisNode[], map: AddressMap) => RedisDriver]> = [
  ["ioredis 5", (seeds, natMap) => createIoRedisDriver(new Cluster5([...seeds], { lazyConnect: true, natMap }))],
  ["ioredis 6", (seeds, natMap) => createIoRedisDriver(new Cluster([...seeds], { lazyConnect: true, natMap }))],
  [
    "node-redis 5",
    (seeds, nodeAddressMap) => createNodeRedisDriver(createCluster5({ rootNodes: rootNodesOf(seeds), nodeAddressMap })),
  ],
  [
    "node-redis 6, RESP2",
    (seeds, nodeAddressMap) => createNodeRedisDriver(createCluster({ rootNodes: rootNodesOf(seeds), nodeAddressMap, RESP: 2 })),
  ],
  [
    "node-redis 6, RESP3",
    (seeds, nodeAddressMap) => createNodeRedisDriver(createCluster({ rootNodes: rootNodesOf(seeds), nodeAddressMap, RESP: 3 })),
  ],
];

function rootNodesOf(seeds: readonly RedisNode[]) {
  return seeds.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
}

describe("on a cluster", () => {
  let cluster: RedisCluster;
  let seeds: RedisNode[];

  beforeAll(async () => {
    cluster = await startCluster();
    seeds = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  });
  afterAll(() => cluster.stop());

  async function homeOf(key: string): Promise<RedisNode> {
    return { host: "127.0.0.1", port: (await cluster.masterOf(key)).port };
  }
  async function otherThan(key: string) {
    const home = await cluster.masterOf(key);
    return cluster.nodes.find(({ id }) => id !== home.id) ?? home;
  }

  describe.each(CLUSTERS)("the driver over %s", (library, driverOf) => {
    it("connects to the server that it is told to, at the address that the user knows", async () => {
      const [first, second] = seeds as [RedisNode, RedisNode];
      const driver = driverOf(seeds, { "inner.example:1": second });
      expect(driver.seeds).toEqual(seeds);
      const plain = await openReady(driver, "commands", first);
      expect(await portOf(plain.connection)).toBe(first.port);
      const mapped = await openReady(driver, "commands", { host: "inner.example", port: 1 });
      expect(await portOf(mapped.connection)).toBe(second.port);
      const nobody = open(driver, "commands", { host: "127.0.0.1", port: await freePort() });
      await vi.waitFor(() => expect(nobody.events).toEqual(["closed"]));
      expect(nobody.reasons[0]).toMatchObject({ code: "ECONNREFUSED" });
    });

    it("tells a command that belongs elsewhere where, and follows it nowhere", async () => {
      const { connection } = await openReady(driverOf(seeds, {}), "commands", await homeOf("k"));
      expect(await connection.command("SET", ["k", "1"])).toBe("OK");
      const elsewhere = await otherThan("k");
      const other = await openReady(driverOf(seeds, {}), "commands", { host: "127.0.0.1", port: elsewhere.port });
      await expect(other.connection.command("GET", ["k"])).rejects.toThrow(/^MOVED \d+ 127\.0\.0\.1:\d+$/);
    });

    it("hears sharded channels, each with its own acknowledgement", async () => {
      const { connection, events } = await openReady(driverOf(seeds, {}), "subscription", await homeOf("{c}"));
      // The one that is left may be taken for one that was ended.
      const heard = () => events.filter((event) => event !== "moved");
      await Promise.all([connection.subscribe(["{c}1"], true), connection.subscribe(["{c}2", "{c}3"], true)]);
      const { port } = await cluster.masterOf("{c}");
      for (const channel of ["{c}1", "{c}2", "{c}3"]) expect(await rawCommand(port, "SPUBLISH", channel, "ä")).toBe(1);
      await vi.waitFor(() => expect(heard()).toEqual(["ready", "{c}1: ä", "{c}2: ä", "{c}3: ä"]));
      connection.unsubscribe(["{c}1"], true);
      connection.unsubscribe(["{c}2"], true);
      await connection.subscribe(["{c}2"], true);
      expect(await rawCommand(port, "SPUBLISH", "{c}1", "b")).toBe(0);
      expect(await rawCommand(port, "SPUBLISH", "{c}2", "b")).toBe(1);
      await vi.waitFor(() => expect(heard().slice(4)).toEqual(["{c}2: b"]));
      await connection.command("PING", []);
    });

    it("says that a slot has left the server", async () => {
      const { connection, events } = await openReady(driverOf(seeds, {}), "subscription", await homeOf("{m}"));
      await connection.subscribe(["{m}1"], true);
      await cluster.moveSlot(cluster.slotOf("{m}"), await otherThan("{m}"));
      await vi.waitFor(() => expect(events).toEqual(["ready", library === "ioredis 5" ? "closed" : "moved"]));
    });

    it("I2: says so too when the news comes while a reply is awaited", async () => {
      const home = await homeOf("{n}");
      await using proxy = await startProxy(home.port);
      const driver = driverOf(seeds, { "inner.example:1": { host: "127.0.0.1", port: proxy.port } });
      const { connection, events } = await openReady(driver, "subscription", { host: "inner.example", port: 1 });
      await connection.subscribe(["{n}1"], true);
      // The command is on its way for longer than the slot takes to leave.
      proxy.delays = () => ({ toServer: 1_500 });
      connection.command("PING", [])?.catch(() => {});
      await cluster.moveSlot(cluster.slotOf("{n}"), await otherThan("{n}"));
      await vi.waitFor(() => expect(events).toHaveLength(2));
      expect(["moved", "closed"]).toContain(events[1]);
    });

    // The connection of ioredis 5 has ended by then.
    it.skipIf(library === "ioredis 5")("asks the server each time, and rejects what belongs elsewhere", async () => {
      const { connection } = await openReady(driverOf(seeds, {}), "subscription", await homeOf("{d}"));
      await connection.subscribe(["{d}"], true);
      await cluster.moveSlot(cluster.slotOf("{d}"), await otherThan("{d}"));
      await vi.waitFor(() => expect(connection.subscribe(["{d}"], true)).rejects.toThrow(/^MOVED /));
      expect(await connection.command("PING", [])).toBe("PONG");
    });
  });
});

/** Over a sentinel that nobody connects, but for version 5 of node-redis. */
type SentinelDriver = (name: string, ports: readonly number[]) => Promise<RedisDriver>;
const SENTINELS: ReadonlyArray<readonly [string, SentinelDriver]> = [
  ["ioredis 5", async (name, ports) => createIoRedisDriver(new Redis5({ name, sentinels: nodesAt(ports), lazyConnect: true }))],
  ["ioredis 6", async (name, ports) => createIoRedisDriver(new Redis({ name, sentinels: nodesAt(ports), lazyConnect: true }))],
  [
    "node-redis 5",
    async (name, ports) => {
      const sentinel = createSentinel5({ name, sentinelRootNodes: nodesAt(ports) });
      sentinel.on("error", () => {});
      await sentinel.connect();
      onTestFinished(() => sentinel.destroy());
      return createNodeRedisDriver(sentinel);
    },
  ],
  ["node-redis 6", async (name, ports) => createNodeRedisDriver(createSentinel({ name, sentinelRootNodes: nodesAt(ports) }))],
];

function nodesAt(ports: readonly number[]): RedisNode[] {
  return ports.map((port) => ({ host: "127.0.0.1", port }));
}

describe("behind Sentinel", () => {
  let servers: RedisSentinels;

  beforeAll(async () => {
    servers = await startSentinels();
  });
  afterAll(() => servers.stop());

  describe.each(SENTINELS)("the driver over %s", (_, driverOf) => {
    it("finds the master, and the new one after a failover, also when a sentinel is down", async () => {
      const driver = await driverOf(servers.name, [await freePort(), ...servers.sentinelPorts]);
      const commands = await openReady(driver, "commands");
      const subscription = await openReady(driver, "subscription");
      const old = await servers.master();
      expect(await portOf(commands.connection)).toBe(old);
      expect(await portOf(subscription.connection)).toBe(old);
      await subscription.connection.subscribe(["c"], false);

      await servers.killMaster();
      await vi.waitFor(() =>
        expect([commands.events, subscription.events]).toEqual([
          ["ready", "closed"],
          ["ready", "closed"],
        ]),
      );
      const next = await servers.waitForNewMaster();
      const again = await until("a connection to the new master", async () => {
        const opened = open(driver, "commands");
        await vi.waitFor(() => expect(opened.events.length).toBeGreaterThan(0));
        return opened.events[0] === "ready" ? opened.connection : undefined;
      });
      expect(await portOf(again)).toBe(next);
      expect(await again.command("SET", ["k", "1"])).toBe("OK");
      await servers.restart(old);
    });
  });

  it("node-redis 6 says when no sentinel answers, or none knows the name", async () => {
    const nobody = createSentinel({ name: servers.name, sentinelRootNodes: nodesAt([await freePort()]) });
    const unknown = createSentinel({ name: "unknown", sentinelRootNodes: nodesAt(servers.sentinelPorts) });
    for (const sentinel of [nobody, unknown]) {
      const { events, reasons } = open(createNodeRedisDriver(sentinel), "commands");
      await vi.waitFor(() => expect(events).toEqual(["closed"]));
      expect(String(reasons[0])).toMatch(/None of the sentinels are available/);
    }
  });

  it("node-redis 6 refuses a master that says that it is a replica", async () => {
    const [master, replica] = [await servers.master(), (await servers.replicas())[0] ?? 0];
    const sentinel = createSentinel({
      name: servers.name,
      sentinelRootNodes: nodesAt(servers.sentinelPorts),
      nodeAddressMap: { [`127.0.0.1:${master}`]: { host: "127.0.0.1", port: replica } },
    });
    const { events, reasons } = open(createNodeRedisDriver(sentinel), "commands");
    await vi.waitFor(() => expect(events).toEqual(["closed"]));
    expect(String(reasons[0])).toMatch(/named 127\.0\.0\.1:\d+ as the master, which says that it is a slave/);
  });

  it("I6: node-redis 6 keeps one socket per connection, and none of those that it looked up the master with", async () => {
    const driver = createNodeRedisDriver(
      createSentinel({ name: servers.name, sentinelRootNodes: nodesAt(servers.sentinelPorts) }),
    );
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const before = sockets();
    const { connection } = await openReady(driver, "commands");
    await vi.waitFor(() => expect(sockets()).toBe(before + 1));
    await connection.destroy();
    expect(sockets()).toBe(before);
  });

  it("I9: node-redis 6 lets go of a sentinel that does not answer", async () => {
    await using proxy = await startProxy(servers.sentinelPorts[0] as number);
    proxy.delays = () => ({ toClient: 60_000 });
    const sentinel = createSentinel({ name: servers.name, sentinelRootNodes: nodesAt([proxy.port]) });
    const { connection, events } = open(createNodeRedisDriver(sentinel), "commands");
    await vi.waitFor(() => expect(proxy.connections.some(({ sent }) => sent !== "")).toBe(true));
    await connection.destroy();
    await vi.waitFor(() => expect(proxy.connections).toHaveLength(0));
    expect(events).toEqual([]);
  });

  it("node-redis 5 says that its sentinel has to be connected, and which database it can use", async () => {
    const options = { name: servers.name, sentinelRootNodes: nodesAt(servers.sentinelPorts) };
    const lazy = open(createNodeRedisDriver(createSentinel5(options)), "commands");
    await vi.waitFor(() => expect(lazy.events).toEqual(["closed"]));
    expect(String(lazy.reasons[0])).toMatch(/call its `connect\(\)` and leave it open/);
    const sentinel = createSentinel5({ ...options, nodeClientOptions: { database: 1 } });
    await sentinel.connect();
    const other = open(createNodeRedisDriver(sentinel), "commands");
    await vi.waitFor(() => expect(other.events).toEqual(["closed"]));
    expect(String(other.reasons[0])).toMatch(/database other than 0/);
    await sentinel.destroy();
  });
});
