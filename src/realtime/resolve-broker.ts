import type { Broker } from "../brokers/broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import { redisAdapterParts, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";
import { createRedisBroker } from "../brokers/redis/engine.ts";
import { createIoRedisDriver, isIoRedis, type IoRedisLike } from "../brokers/redis/clients/ioredis.ts";
import { systemClock } from "../protocol/clock.ts";
import { TidingsError } from "../protocol/error.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { RealtimeOptions, Settings } from "./options.ts";
import { badOption } from "./options.ts";
import { punctualBroker } from "./punctual-broker.ts";
import { isNewAdvice, type HubAddress } from "./registry.ts";

/** What `redis` takes: an ioredis client, what `createIORedisAdapter` returns, or memory by name. */
export type RedisInput = IoRedisLike | RedisClientAdapter | { readonly driver: "memory" };

/** Where the logs live: an address that is the same for two instances that share them, and the way to reach it. */
export interface BrokerSource {
  readonly address: HubAddress;
  create(): Broker;
}

/** The broker port, by name. */
const BROKER_METHODS = ["append", "read", "locate", "listen", "close"] as const;

/** @throws TidingsError `bad_option` */
export function resolveBroker(
  { redis, broker, keyPrefix: givenPrefix }: RealtimeOptions,
  { keyPrefix, logger }: Settings,
): BrokerSource {
  if (broker !== undefined) {
    if (typeof broker !== "object" || broker === null || BROKER_METHODS.some((name) => typeof broker[name] !== "function")) {
      throw badOption("broker", "an object with append, read, locate, listen and close", broker);
    }
    return { address: broker, create: () => punctualBroker(broker, systemClock) };
  }
  if (redis === undefined) {
    if (inProduction() && isNewAdvice("memory")) {
      logger.warn(
        'tidings: no `redis` was given, so channels live in this process\'s memory: other servers do not see them, and they end with the process. Pass `redis: new Redis(process.env.REDIS_URL)` of ioredis, or `redis: { driver: "memory" }` if this is what you want.',
      );
    }
    return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  }
  if (isMemory(redis)) {
    refuseUnknownOptions('`redis: { driver: "memory" }`', redis, { driver: true });
    return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  }
  const parts =
    redisAdapterParts(redis) ??
    (isIoRedis(redis) ? { source: overConnections(createIoRedisDriver(redis)), keyPrefix: undefined } : undefined);
  if (!parts)
    throw badOption("redis", 'an ioredis client, the result of createIORedisAdapter(…), or { driver: "memory" }', redis);
  const { source } = parts;
  if (parts.keyPrefix !== undefined && givenPrefix !== undefined && parts.keyPrefix !== givenPrefix) {
    throw new TidingsError(
      "bad_option",
      `\`keyPrefix\` is given twice: "${givenPrefix}" to Realtime and "${parts.keyPrefix}" to the adapter. Give it once.`,
    );
  }
  const prefix = parts.keyPrefix ?? keyPrefix;
  return {
    address: `${source.identity}:${source.keyPrefix}${prefix}`,
    create: () => createRedisBroker({ source, keyPrefix: prefix, logger }),
  };
}

/** Not every runtime has a `process`. */
function inProduction(): boolean {
  return typeof process !== "undefined" && process.env?.NODE_ENV === "production";
}

function isMemory(redis: RedisInput): redis is { readonly driver: "memory" } {
  return typeof redis === "object" && redis !== null && "driver" in redis && redis.driver === "memory";
}
