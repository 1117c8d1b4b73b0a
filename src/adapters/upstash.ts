/** `tidings/adapters/upstash`: Redis through the REST service of Upstash, with a client of `@upstash/redis` 1.34 or later. */
import { TidingsError } from "../protocol/error.ts";
import { createClientAdapter, type ClientAdapterOptions, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createUpstashSource, isUpstashRedis, sendUpstash, type UpstashRedisLike } from "../brokers/redis/rest/upstash.ts";

/** Options of {@link createUpstashAdapter}. */
export interface UpstashAdapterOptions extends ClientAdapterOptions {}

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
  return createClientAdapter({
    ...{ name: "createUpstashAdapter", options, known: { keyPrefix: true } },
    createSource: () => createUpstashSource(client),
    command: (name, args) => sendUpstash(client, [name, ...args]),
  });
}

export type { RedisClientAdapter, UpstashRedisLike };
