import { Redis as UpstashRedis } from "@upstash/redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { createUrlDriver } from "../../src/brokers/redis/clients/url.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { createUpstashSource } from "../../src/brokers/redis/rest/upstash.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { interopSuite } from "../support/interop-suite.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  client = new Redis(server.port);
});

afterAll(async () => {
  client.disconnect();
  await front.close();
  await server.stop();
});

const clear = () => client.flushall();
const tcp = (): RedisSource => overConnections(createUrlDriver(server.url));
const rest = (): RedisSource => createUpstashSource(new UpstashRedis({ url: front.url, token: front.token }));

describe("conformance beside forrealtime", () => {
  interopSuite({ interop: "forrealtime", source: tcp, clear });
});

describe("conformance beside @upstash/realtime over TCP", () => {
  interopSuite({ interop: "upstash", source: tcp, clear });
});

describe("conformance beside @upstash/realtime over REST", () => {
  interopSuite({ interop: "upstash", source: rest, clear });
});
