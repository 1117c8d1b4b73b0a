/** `tidings/adapters/node-redis`: Redis through a client of node-redis (the package `redis`) 5 or later. */
import { TidingsError } from "../protocol/error.ts";
import { createClientAdapter, type ClientAdapterOptions, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import {
  createNodeRedisDriver,
  isNodeRedis,
  sendNodeRedis,
  type NodeRedisLike,
} from "../brokers/redis/clients/node-redis/driver.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";

/** Options of {@link createNodeRedisAdapter}. */
export interface NodeRedisAdapterOptions extends ClientAdapterOptions {}

/**
 * Makes a client of node-redis a place for logs: `new Realtime({ redis: createNodeRedisAdapter(client) })`. The same as passing the
 * client itself, be it of `createClient`, `createCluster` or `createSentinel`. The client is duplicated, never used for channels, so it need not
 * be connected, and may be closed later; but a sentinel of version 5 has to stay connected, for it cannot be duplicated.
 * @throws TidingsError `bad_option` for anything else than such a client, and for options that are none
 */
export function createNodeRedisAdapter(client: NodeRedisLike, options: NodeRedisAdapterOptions = {}): RedisClientAdapter {
  if (!isNodeRedis(client)) {
    throw new TidingsError(
      "bad_option",
      "createNodeRedisAdapter takes a client of node-redis 5 or later; it got something else. Pass `createClient({ url })`, `createCluster(…)` or `createSentinel(…)` from `redis`; a pool cannot be used.",
    );
  }
  return createClientAdapter({
    ...{ name: "createNodeRedisAdapter", options, known: { keyPrefix: true } },
    createSource: () => overConnections(createNodeRedisDriver(client)),
    command: (name, args, key) => sendNodeRedis(client, [name, ...args], key),
  });
}

export type { NodeRedisLike, RedisClientAdapter };
