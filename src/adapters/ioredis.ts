/** `tidings/adapters/ioredis`: Redis through a client of ioredis 6 or later. */
import { TidingsError } from "../protocol/error.ts";
import { REDIS_ADAPTER, type RedisClientAdapter } from "../brokers/redis/adapter.ts";
import { createIoRedisDriver, isIoRedis, type IoRedisLike } from "../brokers/redis/ioredis.ts";

/** Options of {@link createIORedisAdapter}. */
export interface IoRedisAdapterOptions {
  /** Begins the name of every key, below the client's own prefix. Without braces. @default the `keyPrefix` of `Realtime` */
  readonly keyPrefix?: string | undefined;
}

/**
 * Makes an ioredis client a place for logs: `new Realtime({ redis: createIORedisAdapter(client) })`. The same as passing the client
 * itself. The client is duplicated, never used, so it may be lazy, offline or closed later.
 * @throws TidingsError `bad_option` for anything else than an ioredis client, and for a `Cluster`
 */
export function createIORedisAdapter(client: IoRedisLike, { keyPrefix }: IoRedisAdapterOptions = {}): RedisClientAdapter {
  if (!isIoRedis(client)) {
    throw new TidingsError(
      "bad_option",
      "createIORedisAdapter takes a client of ioredis 6 or later; it got something else. Pass `new Redis(url)` from `ioredis`.",
    );
  }
  return { [REDIS_ADAPTER]: { driver: createIoRedisDriver(client), keyPrefix } };
}

export type { IoRedisLike, RedisClientAdapter };
