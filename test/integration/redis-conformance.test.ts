import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createIORedisAdapter } from "../../src/adapters/ioredis.ts";
import type { Broker } from "../../src/brokers/broker.ts";
import { redisAdapterParts } from "../../src/brokers/redis/clients/adapter.ts";
import { createUrlDriver } from "../../src/brokers/redis/clients/url.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
});

afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const SPELLINGS: Record<string, (client: Redis) => RedisSource> = {
  ...Object.fromEntries(
    Object.entries(CLIENT_LIBRARIES).map(([name, { single }]) => [name, (client) => single(client.options.port as number)]),
  ),
  "createIORedisAdapter(client)": (client) => redisAdapterParts(createIORedisAdapter(client))?.source as RedisSource,
  "ioredis 6 with RESP2": (client) =>
    overConnections(createIoRedisDriver(client.duplicate({ protocol: 2, lazyConnect: true }))),
  "a URL": (client) => overConnections(createUrlDriver(`redis://127.0.0.1:${client.options.port}/1`)),
};

let stores = 0;

describe.each(Object.keys(SPELLINGS))("conformance of Redis through %s", (spelling) => {
  const cases = brokerConformance(async () => {
    const brokers: Broker[] = [];
    const keyPrefix = `store${++stores}`;
    const source = SPELLINGS[spelling]?.(client) as RedisSource;
    return {
      async open() {
        const broker = createRedisBroker({ source, keyPrefix, logger: { warn() {} } });
        brokers.push(broker);
        return broker;
      },
      elapse: (ms) => sleep(ms),
      async interrupt() {
        const own = String(await client.client("LIST"))
          .split("\n")
          .filter((line) => line.includes(" name=tidings-"));
        for (const line of own) await client.client("KILL", "ID", /\bid=(\d+)/.exec(line)?.[1] ?? "");
      },
      async close() {
        await Promise.all(brokers.map((broker) => broker.close()));
        await client.flushall();
      },
    };
  });
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});
