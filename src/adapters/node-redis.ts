/** `tidings/adapters/node-redis`: Redis through a client of node-redis (the package `redis`) 5 or later. */
import { TidingsError } from "../protocol/error.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { REDIS_ADAPTER, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createNodeRedisDriver, isNodeRedis, type NodeRedisLike } from "../brokers/redis/clients/node-redis.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";

/** Options of {@link createNodeRedisAdapter}. */
export interface NodeRedisAdapterOptions {
  /** Begins the name of every key, below the client's own prefix. Without braces. @default the `keyPrefix` of `Realtime` */
  readonly keyPrefix?: string | undefined;
}

const ADAPTER_OPTIONS: Readonly<Record<keyof NodeRedisAdapterOptions, true>> = { keyPrefix: true };

/**
 * Makes a client of node-redis a place for logs: `new Realtime({ redis: createNodeRedisAdapter(client) })`. The same as passing the
 * client itself, be it of `createClient`, `createCluster` or `createSentinel`. The client is duplicated, never used, so it need not
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
  if (typeof options !== "object" || options === null) {
    throw new TidingsError("bad_option", "`createNodeRedisAdapter(client, …)` takes { keyPrefix }; it got something else.");
  }
  refuseUnknownOptions("`createNodeRedisAdapter(client, …)`", options, ADAPTER_OPTIONS);
  const { keyPrefix } = options;
  if (keyPrefix !== undefined && !isKeyPrefix(keyPrefix)) {
    throw new TidingsError("bad_option", `\`keyPrefix\` of \`createNodeRedisAdapter\` takes ${KEY_PREFIX_GRAMMAR}.`);
  }
  return { [REDIS_ADAPTER]: { source: overConnections(createNodeRedisDriver(client)), keyPrefix } };
}

export type { NodeRedisLike, RedisClientAdapter };
