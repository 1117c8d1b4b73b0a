/** `tidings/adapters/ioredis`: Redis through a client of ioredis 5 or later. */
import { TidingsError } from "../protocol/error.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { REDIS_ADAPTER, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createIoRedisDriver, isIoRedis, type IoRedisLike } from "../brokers/redis/clients/ioredis.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";

/** Options of {@link createIORedisAdapter}. */
export interface IoRedisAdapterOptions {
  /** Begins the name of every key, below the client's own prefix. Without braces. @default the `keyPrefix` of `Realtime` */
  readonly keyPrefix?: string | undefined;
}

const ADAPTER_OPTIONS: Readonly<Record<keyof IoRedisAdapterOptions, true>> = { keyPrefix: true };

/**
 * Makes an ioredis client a place for logs: `new Realtime({ redis: createIORedisAdapter(client) })`. The same as passing the client
 * itself. The client is duplicated, never used, so it may be lazy, offline or closed later.
 * @throws TidingsError `bad_option` for anything else than an ioredis client, and for options that are none
 */
export function createIORedisAdapter(client: IoRedisLike, options: IoRedisAdapterOptions = {}): RedisClientAdapter {
  if (!isIoRedis(client)) {
    throw new TidingsError(
      "bad_option",
      "createIORedisAdapter takes a client of ioredis 5 or later; it got something else. Pass `new Redis(url)` from `ioredis`.",
    );
  }
  if (typeof options !== "object" || options === null) {
    throw new TidingsError("bad_option", "`createIORedisAdapter(client, …)` takes { keyPrefix }; it got something else.");
  }
  refuseUnknownOptions("`createIORedisAdapter(client, …)`", options, ADAPTER_OPTIONS);
  const { keyPrefix } = options;
  if (keyPrefix !== undefined && !isKeyPrefix(keyPrefix)) {
    throw new TidingsError("bad_option", `\`keyPrefix\` of \`createIORedisAdapter\` takes ${KEY_PREFIX_GRAMMAR}.`);
  }
  return { [REDIS_ADAPTER]: { source: overConnections(createIoRedisDriver(client)), keyPrefix } };
}

export type { IoRedisLike, RedisClientAdapter };
