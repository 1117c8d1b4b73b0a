import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import type { AppServer } from "../support/app-server.ts";
import { startRedis } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { expectPromiseKept } from "./promise.ts";
import { perform, type Stage, type StageOptions } from "./stage.ts";
import { addRow, columnsOf, isShort } from "./table.ts";

const MANY = isShort ? 100 : 1_000;
/** A thousand readers of two channels each: 4,000 events a second to show. */
const MANY_OPTIONS = { readers: MANY, everyMs: 500 };

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

/** Whoever is connected through it can be cut off. */
type NetworkFault = (proxies: readonly TcpProxy[]) => Promise<void>;

const FEW = isShort ? 20 : 100;

const NETWORK_FAULTS: Readonly<Record<string, NetworkFault>> = {
  async "every connection cut for 2 s in 10, three times"(proxies) {
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
  async "a connection cut every 20 ms for 10 s, whichever"(proxies) {
    const all = () => proxies.flatMap(({ connections }) => connections);
    for (let n = 0; n < (isShort ? 100 : 500); n++) {
      all()[(n * 7) % Math.max(1, all().length)]?.cut();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await sleep(20);
    }
  },
};

/** Takes longer than a silence that is found out: 2.5 heartbeats. */
const LONG_NETWORK_FAULTS: typeof NETWORK_FAULTS = {
  async "half-open: packets dropped both ways, nothing closed"(proxies) {
    const dead = proxies.flatMap(({ connections }) => connections);
    for (const connection of dead) connection.swallow();
    // Who finds that out opens another one.
    await until("as many new connections", async () =>
      proxies.flatMap(({ connections }) => connections).length >= dead.length * 2 || undefined, { timeoutMs: 60_000 }); // prettier-ignore
  },
  async "a black hole for a minute: new connections are swallowed, too"(proxies) {
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
};

describe(`${FEW} readers behind a network that fails`, () => {
  it.each(Object.entries({ ...NETWORK_FAULTS, ...(isShort ? {} : LONG_NETWORK_FAULTS) }))("%s", async (name, happen) => {
    await using redis = await startRedis();
    let proxies: TcpProxy[] = [];
    const options: StageOptions = {
      redisPort: redis.port,
      readers: FEW,
      routeOf: (_servers, reader) => (attempt) =>
        `http://127.0.0.1:${(proxies[(reader + attempt) % proxies.length] as TcpProxy).port}`,
      before: async (servers) => void (proxies = await Promise.all(servers.map(({ port }) => startProxy(port)))),
    };
    const tallies = await perform(options, () => happen(proxies));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    addRow("servers", { "What happened": name, Readers: FEW, ...columnsOf(tallies) });
    expectPromiseKept(tallies, "keeps");
  });
});
