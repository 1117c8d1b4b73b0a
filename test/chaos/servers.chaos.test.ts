import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import type { AppServer } from "../support/app-server.ts";
import { startRedis } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { expectPromiseKept, type Keeping } from "./promise.ts";
import { perform, type Stage, type StageOptions } from "./stage.ts";
import { addRow, columnsOf, isShort } from "./table.ts";

const MANY = isShort ? 100 : 1_000;
/** A thousand readers of two channels each: 4,000 events a second to show. */
const MANY_OPTIONS = { readers: MANY, everyMs: isShort ? 100 : 500 };

/** Everybody has a stream again that all of its channels were joined to. */
const connected = (audience: Stage["audience"]): Promise<void> => audience.ready();

/** What happens to servers, and to what lies between them and their readers. */
const SERVER_FAULTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async "one of two killed (-9), another in its place 2 s later"({ servers, audience, startServer }) {
    await (servers[0] as AppServer).kill();
    await sleep(2_000);
    servers[0] = await startServer();
    await connected(audience);
  },
  async "both killed (-9) at once, back 2 s later"({ servers, audience, startServer }) {
    await Promise.all(servers.map((server) => server.kill()));
    await sleep(2_000);
    for (const [n] of servers.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one comes back before the other
      servers[n] = await startServer();
    }
    await connected(audience);
  },
  async "rolled over: each replaced by a new one, then told to end (SIGTERM)"({ servers, audience, startServer }) {
    for (const [n, old] of [...servers].entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      servers[n] = await startServer();
      // oxlint-disable-next-line no-await-in-loop
      await old.stop();
      // oxlint-disable-next-line no-await-in-loop
      await connected(audience);
    }
  },
};

describe(`${MANY} readers, of two servers`, () => {
  it.each(Object.entries(SERVER_FAULTS))("%s", async (name, happen) => {
    await using redis = await startRedis();
    const tallies = await perform({ redisPort: redis.port, ...MANY_OPTIONS }, happen);
    addRow("servers", { "What happened": name, Readers: MANY, ...columnsOf(tallies) });
    expectPromiseKept(tallies, "keeps");
  });
});

/** What happens between servers and readers. */
interface NetworkFault {
  readonly everyMs?: number;
  readonly keeping?: Keeping;
  readonly isLong?: boolean;
  readonly happen: (proxies: readonly TcpProxy[]) => Promise<void>;
}

const FEW = isShort ? 20 : 100;

const connectionsOf = (proxies: readonly TcpProxy[]) => proxies.flatMap(({ connections }) => connections);

/** Whoever finds out that the connection is dead opens another one. */
async function goHalfOpen(proxies: readonly TcpProxy[]): Promise<void> {
  const dead = connectionsOf(proxies);
  for (const connection of dead) connection.swallow();
  await until("as many new connections", async () => connectionsOf(proxies).length >= dead.length * 2 || undefined, {
    timeoutMs: 60_000,
  });
}

const NETWORK_FAULTS: Readonly<Record<string, NetworkFault>> = {
  "every connection cut for 2 s in 10, three times": {
    async happen(proxies) {
      for (let round = 0; round < (isShort ? 1 : 3); round++) {
        for (const proxy of proxies) {
          proxy.refusing = true;
          proxy.cutAll();
        }
        // oxlint-disable-next-line no-await-in-loop -- one round after the other
        await sleep(2_000);
        for (const proxy of proxies) proxy.refusing = false;
        // oxlint-disable-next-line no-await-in-loop
        await sleep(isShort ? 1_000 : 8_000);
      }
    },
  },
  "a connection cut every 20 ms for 10 s, whichever": {
    async happen(proxies) {
      for (let n = 0; n < (isShort ? 100 : 500); n++) {
        const all = connectionsOf(proxies);
        all[(n * 7) % Math.max(1, all.length)]?.cut();
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await sleep(20);
      }
    },
  },
  // A silence is found out after 2.5 heartbeats, 37.5 s: the log holds that much at this pace.
  "half-open: packets dropped both ways, nothing closed": { isLong: true, everyMs: 100, happen: goHalfOpen },
  // And not at this one.
  "half-open, and more missed than the log keeps": { isLong: true, keeping: "loses", happen: goHalfOpen },
  "a black hole for a minute: new connections are swallowed, too": {
    isLong: true,
    everyMs: 100,
    async happen(proxies) {
      for (const proxy of proxies) {
        for (const connection of proxy.connections) connection.swallow();
        proxy.onConnection = (connection) => connection.swallow();
      }
      await sleep(60_000);
      for (const proxy of proxies) {
        proxy.onConnection = () => {};
        proxy.cutAll();
      }
    },
  },
};

describe(`${FEW} readers behind a network that fails`, () => {
  const faults = Object.entries(NETWORK_FAULTS).filter(([, { isLong }]) => !isShort || !isLong);
  it.each(faults)("%s", async (name, { happen, keeping = "keeps", everyMs = 20 }) => {
    await using redis = await startRedis();
    let proxies: TcpProxy[] = [];
    const options: StageOptions = {
      redisPort: redis.port,
      readers: FEW,
      everyMs,
      routeOf: (_servers, reader) => (attempt) =>
        `http://127.0.0.1:${(proxies[(reader + attempt) % proxies.length] as TcpProxy).port}`,
      before: async (servers) => void (proxies = await Promise.all(servers.map(({ port }) => startProxy(port)))),
    };
    const tallies = await perform(options, () => happen(proxies));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    addRow("servers", { "What happened": name, Readers: FEW, ...columnsOf(tallies) });
    expectPromiseKept(tallies, keeping);
  });
});
