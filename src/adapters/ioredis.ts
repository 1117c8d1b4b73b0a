/** `tidings/adapters/ioredis`: Redis through a client of ioredis 5 or later. */
import { TidingsError } from "../protocol/error.ts";
import { createClientAdapter, type ClientAdapterOptions, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createIoRedisDriver, isIoRedis, sendIoRedis, type IoRedisLike } from "../brokers/redis/clients/ioredis/driver.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";

/** Options of {@link createIORedisAdapter}. */
export interface IoRedisAdapterOptions extends ClientAdapterOptions {}

/**
 * Makes a client of ioredis a place for logs: `new Realtime({ redis: createIORedisAdapter(client) })`. The same as passing the client
 * itself, be it a `Redis`, one behind Sentinel, or a `Cluster`. The client is duplicated, never used for channels, so it may be lazy,
 * offline or closed later.
 * @throws TidingsError `bad_option` for anything else than such a client, and for options that are none
 */
export function createIORedisAdapter(client: IoRedisLike, options: IoRedisAdapterOptions = {}): RedisClientAdapter {
  if (!isIoRedis(client)) {
    throw new TidingsError(
      "bad_option",
      "createIORedisAdapter takes a client of ioredis 5 or later; it got something else. Pass `new Redis(url)` or `new Cluster(nodes)` from `ioredis`.",
    );
  }
  return createClientAdapter({
    ...{ name: "createIORedisAdapter", options, known: { keyPrefix: true } },
    createSource: () => overConnections(createIoRedisDriver(client)),
    command: (name, args) => sendIoRedis(client, name, args),
  });
}

export type { IoRedisLike, RedisClientAdapter };
