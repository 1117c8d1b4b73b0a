import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { redisCostSuite } from "../support/redis-cost-suite.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const port = () => server.port;

for (const [library, { single }] of Object.entries(CLIENT_LIBRARIES)) redisCostSuite(library, { port, source: single });

redisCostSuite("ioredis 6 with RESP2", {
  port,
  source: (at) =>
    overConnections(createIoRedisDriver(new Redis({ host: "127.0.0.1", port: at, protocol: 2, lazyConnect: true }))),
});
