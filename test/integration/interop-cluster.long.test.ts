import { afterAll, beforeAll, describe } from "vitest";
import { interopSuite } from "../support/interop-suite.ts";
import { CLIENT_LIBRARIES, type ClientLibrary } from "../support/redis-clients.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const ports = () => cluster.nodes.map(({ port }) => port);

describe.each(["forrealtime", "upstash"] as const)("conformance on a Redis Cluster, beside %s", (interop) => {
  interopSuite({
    interop,
    source: () => (CLIENT_LIBRARIES["ioredis 6"] as ClientLibrary).cluster(ports()),
    clear: () => Promise.all(ports().map((port) => cluster.command(port, "FLUSHALL"))),
  });
});
