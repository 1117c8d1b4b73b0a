import type { RedisSource } from "../transport.ts";

/** What an adapter for a Redis client carries: the way to the server, and the key prefix if the adapter was given one. */
export interface RedisAdapterParts {
  readonly source: RedisSource;
  readonly keyPrefix: string | undefined;
}

/** Registered, so that an adapter of one bundle works with the `Realtime` of another. */
export const REDIS_ADAPTER: unique symbol = Symbol.for("tidings.redis-adapter") as never;

/** What `createIORedisAdapter` returns. Pass it as `redis`; there is nothing else to do with it. */
export interface RedisClientAdapter {
  readonly [REDIS_ADAPTER]: RedisAdapterParts;
}

/** The parts of a value that came from one of our adapter functions. */
export function redisAdapterParts(value: unknown): RedisAdapterParts | undefined {
  if (typeof value !== "object" || value === null || !(REDIS_ADAPTER in value)) return undefined;
  return value[REDIS_ADAPTER] as RedisAdapterParts;
}
