import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { killUnheard } from "../support/lose-newest.ts";
import { infoField, rawCommand } from "../support/raw-redis.ts";
import { QUICK_REPLICAS } from "../support/redis-process.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { expectPromiseKept, type Keeping } from "./promise.ts";
import { perform } from "./stage.ts";
import { addRow, columnsOf, isShort } from "./table.ts";

const READERS = isShort ? 20 : 100;

/** A Redis, and the proxy through which servers and publisher see it. */
interface Store {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
}

/** What happens to Redis, from the first moment until all is well again. */
interface Fault {
  readonly keeping: Keeping;
  readonly isInShort?: boolean;
  readonly happen: (store: Store) => Promise<void>;
}

const frozen = (seconds: number): Fault => ({
  keeping: "keeps",
  isInShort: seconds < 10,
  async happen({ redis }) {
    redis.freeze();
    await sleep(seconds * 1_000);
    redis.thaw();
  },
});

/** Two commands, and some time between them. */
const between = (begin: readonly string[], end: readonly string[]): Fault => ({
  keeping: "keeps",
  async happen({ redis }) {
    await rawCommand(redis.port, ...begin);
    await sleep(5_000);
    await rawCommand(redis.port, ...end);
  },
});

/** A replica takes the master's place at its address, as managed services do it. */
const failedOver = (kill: (redis: RedisServer, replica: RedisServer) => Promise<void>): Fault => ({
  keeping: "loses",
  async happen({ redis, proxy }) {
    const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(redis.port), ...QUICK_REPLICAS] });
    // Killed at the end of the test with the rest of its group, at the latest; a dead master's successor has to live as long as that.
    successors.push(replica);
    await until("the replica is in sync", async () => {
      const info = await rawCommand(replica.port, "INFO", "replication");
      return infoField(info, "master_link_status") === "up" || undefined;
    });
    await kill(redis, replica);
    await rawCommand(replica.port, "REPLICAOF", "NO", "ONE");
    proxy.targetPort = replica.port;
    proxy.cutAll();
  },
});
const successors: RedisServer[] = [];

const FAULTS: Readonly<Record<string, Fault>> = {
  "killed (-9), back with its data": {
    keeping: "keeps",
    isInShort: true,
    async happen({ redis }) {
      await redis.kill();
      await sleep(1_000);
      await redis.start();
    },
  },
  "killed (-9), back empty": {
    keeping: "loses",
    isInShort: true,
    async happen({ redis }) {
      await redis.kill();
      redis.wipe();
      await redis.start();
    },
  },
  "emptied (FLUSHALL)": {
    keeping: "loses",
    happen: async ({ redis }) => void (await rawCommand(redis.port, "FLUSHALL")),
  },
  "stopped for 5 s (SIGSTOP)": frozen(5),
  "stopped for 30 s": frozen(30),
  "stopped for 60 s": frozen(60),
  "slow, up to 300 ms each way, for 10 s": {
    keeping: "keeps",
    async happen({ proxy }) {
      proxy.delays = () => ({ toServer: Math.random() * 300, toClient: Math.random() * 300 });
      await sleep(10_000);
      proxy.delays = () => ({});
    },
  },
  "full for 5 s (OOM)": between(["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
  "read-only for 5 s": between(["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
  "cut off, all connections, 10 times in 10 s": {
    keeping: "keeps",
    async happen({ proxy }) {
      for (let n = 0; n < 10; n++) {
        proxy.cutAll();
        // oxlint-disable-next-line no-await-in-loop -- one cut after the other
        await sleep(1_000);
      }
    },
  },
  "behind a black hole for 15 s (packets dropped, nothing closed)": {
    keeping: "keeps",
    async happen({ proxy }) {
      for (const connection of proxy.connections) connection.swallow();
      proxy.onConnection = (connection) => connection.swallow();
      await sleep(15_000);
      proxy.onConnection = () => {};
      proxy.cutAll();
    },
  },
  "killed, a replica in its place": failedOver((redis) => redis.kill()),
  "killed, a replica that is 1 s behind in its place": failedOver((redis, replica) =>
    killUnheard(redis, [replica], () => sleep(1_000)),
  ),
};

describe("what happens to Redis, while events flow through two servers", () => {
  const faults = Object.entries(FAULTS).filter(([, { isInShort }]) => !isShort || isInShort);
  it.each(faults)("%s", async (name, { keeping, happen }) => {
    await using redis = await startRedis({ persistent: true });
    await using proxy = await startProxy(redis.port);
    const tallies = await perform({ redisPort: proxy.port, readers: READERS }, () => happen({ redis, proxy }));
    await Promise.all(successors.splice(0).map((successor) => successor.stop()));
    addRow("redis", { "Redis was": name, ...columnsOf(tallies) });
    expectPromiseKept(tallies, keeping);
    expect(tallies).toHaveLength(READERS * 2);
  });
});
