import { Redis as UpstashRedis } from "@upstash/redis";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createUpstashAdapter } from "../../src/adapters/upstash.ts";
import type { Broker } from "../../src/brokers/broker.ts";
import { redisAdapterParts } from "../../src/brokers/redis/clients/adapter.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { createUpstashSource } from "../../src/brokers/redis/rest/upstash.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
});

afterAll(async () => {
  await front.close();
  await server.stop();
});

const client = (options: { enableAutoPipelining?: boolean } = {}) =>
  new UpstashRedis({ url: front.url, token: front.token, ...options });

const SPELLINGS: Record<string, () => RedisSource> = {
  "the client itself": () => createUpstashSource(client()),
  "createUpstashAdapter(client)": () =>
    redisAdapterParts(createUpstashAdapter(client({ enableAutoPipelining: false })))?.source as RedisSource,
};

let stores = 0;

describe.each(Object.keys(SPELLINGS))("conformance of Upstash REST through %s", (spelling) => {
  const cases = brokerConformance(async () => {
    const brokers: Broker[] = [];
    const keyPrefix = `store${++stores}`;
    return {
      async open() {
        const source = SPELLINGS[spelling]?.() as RedisSource;
        const broker = createRedisBroker({ source, keyPrefix, logger: { warn() {} } });
        brokers.push(broker);
        return broker;
      },
      elapse: (ms) => sleep(ms),
      async interrupt() {
        front.dropStreams();
      },
      async close() {
        await Promise.all(brokers.map((broker) => broker.close()));
        await client().flushall();
      },
    };
  });
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});
