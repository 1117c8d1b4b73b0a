import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import type { AppServer } from "../support/app-server.ts";
import { startNginx, type Nginx } from "../support/nginx.ts";
import { startRedis } from "../support/redis-server.ts";
import { expectPromiseKept } from "./promise.ts";
import { perform, type Stage } from "./stage.ts";
import { addRow, columnsOf } from "./table.ts";

const READERS = 1_000;

type Fault = (stage: Stage & { readonly nginx: Nginx }) => Promise<void>;

/** nginx knows the servers by their ports. */
async function replace(servers: AppServer[], n: number, startServer: Stage["startServer"]): Promise<void> {
  servers[n] = await startServer((servers[n] as AppServer).port);
}

const FAULTS: Readonly<Record<string, Fault>> = {
  async "one of two servers killed (-9), back 2 s later"({ servers, startServer, audience }) {
    await (servers[0] as AppServer).kill();
    await sleep(2_000);
    await replace(servers, 0, startServer);
    await audience.ready();
  },
  async "both servers killed (-9): nginx answers 502 for 5 s"({ servers, startServer, audience }) {
    await Promise.all(servers.map((server) => server.kill()));
    await sleep(5_000);
    for (const [n] of servers.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await replace(servers, n, startServer);
    }
    await audience.ready();
  },
  async "rolled over: each told to end (SIGTERM), then started again"({ servers, startServer, audience }) {
    for (const [n, server] of servers.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await server.stop();
      // oxlint-disable-next-line no-await-in-loop
      await replace(servers, n, startServer);
      // oxlint-disable-next-line no-await-in-loop
      await audience.ready();
    }
  },
  async "nginx reloaded, three times"({ nginx, audience }) {
    for (let n = 0; n < 3; n++) {
      nginx.reload();
      // oxlint-disable-next-line no-await-in-loop -- the old workers end after a second
      await sleep(3_000);
    }
    await audience.ready();
  },
  async "nginx killed (-9), back 2 s later"({ nginx, audience }) {
    await nginx.kill();
    await sleep(2_000);
    await nginx.start();
    await audience.ready();
  },
};

describe(`${READERS} readers, two servers behind nginx`, () => {
  it.each(Object.entries(FAULTS))("%s", async (name, happen) => {
    await using redis = await startRedis();
    let nginx: Nginx | undefined;
    const options = {
      redisPort: redis.port,
      readers: READERS,
      everyMs: 500,
      before: async (servers: readonly AppServer[]) => void (nginx = await startNginx(servers.map(({ port }) => port))),
      routeOf: () => () => (nginx as Nginx).url,
    };
    try {
      const tallies = await perform(options, (stage) => happen({ ...stage, nginx: nginx as Nginx }));
      addRow("nginx", { "What happened": name, Readers: READERS, ...columnsOf(tallies) });
      expectPromiseKept(tallies, "keeps");
    } finally {
      await nginx?.[Symbol.asyncDispose]();
    }
  });
});
