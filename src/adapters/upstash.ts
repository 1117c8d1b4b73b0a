/** `tidings/adapters/upstash`: Redis through the REST service of Upstash, with a client of `@upstash/redis` 1.34 or later. */
import { TidingsError } from "../protocol/error.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { REDIS_ADAPTER, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createUpstashSource, isUpstashRedis, type UpstashRedisLike } from "../brokers/redis/rest/upstash.ts";

/** Options of {@link createUpstashAdapter}. */
export interface UpstashAdapterOptions {
  /** Begins the name of every key. Without braces. @default the `keyPrefix` of `Realtime` */
  readonly keyPrefix?: string | undefined;
}

const ADAPTER_OPTIONS: Readonly<Record<keyof UpstashAdapterOptions, true>> = { keyPrefix: true };

/**
 * Makes an `@upstash/redis` client a place for logs: `new Realtime({ redis: createUpstashAdapter(Redis.fromEnv()) })`. The same as
 * passing the client itself. Of the client only its URL and token are used. Not yet run against the service itself.
 * @throws TidingsError `bad_option` for anything else than such a client, for one with a `Requester` of its own, and for options that
 * are none
 */
export function createUpstashAdapter(client: UpstashRedisLike, options: UpstashAdapterOptions = {}): RedisClientAdapter {
  if (!isUpstashRedis(client)) {
    throw new TidingsError(
      "bad_option",
      "createUpstashAdapter takes a client of @upstash/redis 1.34 or later; it got something else. Pass `Redis.fromEnv()` from `@upstash/redis`.",
    );
  }
  if (typeof options !== "object" || options === null) {
    throw new TidingsError("bad_option", "`createUpstashAdapter(client, …)` takes { keyPrefix }; it got something else.");
  }
  refuseUnknownOptions("`createUpstashAdapter(client, …)`", options, ADAPTER_OPTIONS);
  const { keyPrefix } = options;
  if (keyPrefix !== undefined && !isKeyPrefix(keyPrefix)) {
    throw new TidingsError("bad_option", `\`keyPrefix\` of \`createUpstashAdapter\` takes ${KEY_PREFIX_GRAMMAR}.`);
  }
  return { [REDIS_ADAPTER]: { source: createUpstashSource(client), keyPrefix } };
}

export type { RedisClientAdapter, UpstashRedisLike };
