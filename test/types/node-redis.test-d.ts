import { Redis } from "ioredis";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import { it } from "vitest";
import { createNodeRedisAdapter } from "../../src/adapters/node-redis.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

const nodes = { rootNodes: [{ url: "redis://h:1" }] };
const sentinels = { name: "main", sentinelRootNodes: [{ host: "h", port: 1 }] };

it("F-2: the adapter takes what node-redis makes, whatever its version and protocol", () => {
  createNodeRedisAdapter(createClient());
  createNodeRedisAdapter(createClient({ RESP: 2 }), { keyPrefix: "app" });
  createNodeRedisAdapter(createClient({ RESP: 3, keyPrefix: "their:" }));
  createNodeRedisAdapter(createClient().withTypeMapping({}));
  createNodeRedisAdapter(createCluster(nodes));
  createNodeRedisAdapter(createCluster({ ...nodes, RESP: 2 }));
  createNodeRedisAdapter(createSentinel(sentinels));
  createNodeRedisAdapter(createSentinel({ ...sentinels, RESP: 2 }));

  createNodeRedisAdapter(createClient5());
  createNodeRedisAdapter(createClient5({ RESP: 3 }));
  createNodeRedisAdapter(createCluster5(nodes));
  createNodeRedisAdapter(createCluster5({ ...nodes, RESP: 3 }));
  createNodeRedisAdapter(createSentinel5(sentinels));
  createNodeRedisAdapter(createSentinel5({ ...sentinels, RESP: 3 }));
});

it("takes a client that is connected, and one with modules, functions and scripts of its own", async () => {
  createNodeRedisAdapter(await createClient().connect());
  createNodeRedisAdapter(await createClient5().connect());
  createNodeRedisAdapter(createClient({ modules: {}, functions: {}, scripts: {} }));
});

it("takes nothing else", () => {
  // @ts-expect-error nothing
  createNodeRedisAdapter({});
  // @ts-expect-error a URL
  createNodeRedisAdapter("redis://localhost");
  // @ts-expect-error another library
  createNodeRedisAdapter(new Redis({ lazyConnect: true }));
  // @ts-expect-error a pool
  createNodeRedisAdapter(createClientPool());
  // @ts-expect-error a pool
  createNodeRedisAdapter(createClientPool5());
  // @ts-expect-error the callbacks of old
  createNodeRedisAdapter(createClient().legacy());
  // @ts-expect-error a transaction
  createNodeRedisAdapter(createClient().multi());
  // @ts-expect-error a misspelt option
  createNodeRedisAdapter(createClient(), { prefix: "app" });
});
