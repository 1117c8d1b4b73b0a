import type { Broker } from "../brokers/broker.ts";
import { isFourMethodAdapter, type RedisAdapter } from "../brokers/four-method/adapter.ts";
import { createFourMethodBroker } from "../brokers/four-method/four-method-broker.ts";
import { fourMethodIdentity } from "../brokers/four-method/identity.ts";
import { checkInterop, createInteropBroker } from "../brokers/interop/interop-broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import { redisAdapterParts, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createBunDriver, isBunRedis, type BunRedisLike } from "../brokers/redis/clients/bun/driver.ts";
import { createIoRedisDriver, isIoRedis, type IoRedisLike } from "../brokers/redis/clients/ioredis/driver.ts";
import { createNodeRedisDriver, isNodeRedis, type NodeRedisLike } from "../brokers/redis/clients/node-redis/driver.ts";
import { createUrlDriver } from "../brokers/redis/clients/url.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";
import { createRedisBroker } from "../brokers/redis/engine.ts";
import {
  createUpstashSource,
  createUpstashSourceFor,
  isUpstashRedis,
  type UpstashRedisLike,
} from "../brokers/redis/rest/upstash.ts";
import type { RedisSource } from "../brokers/redis/transport.ts";
import { systemClock } from "../protocol/clock.ts";
import { TidingsError } from "../protocol/error.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { RealtimeOptions, Settings } from "./options.ts";
import { inProduction } from "./in-production.ts";
import { badOption } from "./options.ts";
import { punctualBroker } from "./punctual-broker.ts";
import { isNewAdvice, type HubAddress } from "./registry.ts";

/** A Redis by its URL, or memory by name. */
export type DriverInput =
  | { readonly driver: "memory" }
  | {
      readonly driver: "redis";
      /** `redis://` or `rediss://`. */
      readonly url: string;
      /** Begins the name of every key. @default the `keyPrefix` of `Realtime` */
      readonly keyPrefix?: string | undefined;
    }
  | {
      /** A Redis over REST, by its address: needs no package. */
      readonly driver: "upstash";
      /** `https://`. */
      readonly url: string;
      /** Has to be one that may write. */
      readonly token: string;
    };

/**
 * What `redis` takes: a client of ioredis, node-redis, Bun or `@upstash/redis`, what an adapter function made of one, an object with
 * the four documented methods, a URL, or a driver by name.
 */
export type RedisInput =
  | IoRedisLike
  | NodeRedisLike
  | BunRedisLike
  | UpstashRedisLike
  | RedisClientAdapter
  | RedisAdapter
  | DriverInput
  | string;

/** Where the logs live: an address that is the same for two instances that share them, and the way to reach it. */
export interface BrokerSource {
  readonly address: HubAddress;
  create(): Broker;
}

/** The broker port, by name. */
const BROKER_METHODS = ["append", "read", "locate", "listen", "close"] as const;

/** @throws TidingsError `bad_option` */
export function resolveBroker(
  { redis: given, broker, keyPrefix: givenPrefix }: RealtimeOptions,
  { keyPrefix, interop, logger }: Settings,
): BrokerSource {
  // A variable that is empty, as files of them have it, is one that is not set.
  const redis = given === "" ? undefined : given;
  const parts = redis === undefined ? undefined : redisParts(redis);
  if (interop !== undefined && !parts) {
    throw new TidingsError(
      "bad_option",
      `\`interop: "${interop}"\` shares the logs of another library in Redis, so \`redis\` has to be the Redis that it uses: a client of ioredis, redis (node-redis), Bun or @upstash/redis, an adapter for one, or a redis:// URL.`,
    );
  }
  if (broker !== undefined) {
    if (typeof broker !== "object" || broker === null || BROKER_METHODS.some((name) => typeof broker[name] !== "function")) {
      throw badOption("broker", "an object with append, read, locate, listen and close", broker);
    }
    return { address: broker, create: () => punctualBroker(broker, systemClock) };
  }
  if (redis === undefined) {
    if (inProduction() && isNewAdvice("memory")) {
      logger.warn(
        'tidings: no `redis` was given, so channels live in this process\'s memory: other servers do not see them, and they end with the process. Pass `redis: process.env.REDIS_URL` or a Redis client, or `redis: { driver: "memory" }` if this is what you want.',
      );
    }
    return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  }
  if (isDriver(redis, "memory")) {
    refuseUnknownOptions('`redis: { driver: "memory" }`', redis, { driver: true });
    return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  }
  if (parts) {
    const { source } = parts;
    if (parts.keyPrefix !== undefined && givenPrefix !== undefined && parts.keyPrefix !== givenPrefix) {
      throw new TidingsError(
        "bad_option",
        `\`keyPrefix\` is given twice: "${givenPrefix}" to Realtime and "${parts.keyPrefix}" to \`redis\`. Give it once.`,
      );
    }
    const prefix = parts.keyPrefix ?? keyPrefix;
    if (interop !== undefined) {
      const options = { interop, source, keyPrefix: prefix, logger };
      checkInterop(options);
      return {
        address: `interop ${interop}:${addressOf(source, prefix)}`,
        create: () => createInteropBroker(options),
      };
    }
    return {
      address: addressOf(source, prefix),
      create: () => createRedisBroker({ source, keyPrefix: prefix, logger }),
    };
  }
  if (isFourMethodAdapter(redis)) {
    return {
      address: `${fourMethodIdentity(redis)}:${keyPrefix}`,
      create: () => createFourMethodBroker({ adapter: redis, keyPrefix, logger }),
    };
  }
  throw badOption(
    "redis",
    "a client of ioredis, redis (node-redis), Bun or @upstash/redis, an adapter for one, an object with xadd, xrange, xread and getLatestCursor, a redis:// URL, or { driver }",
    redis,
  );
}

/** Only compared, never shown: it holds the password. */
function addressOf({ identity, keyPrefix, password = "" }: RedisSource, prefix: string): string {
  return `${identity}:${keyPrefix}${prefix} ${password}`;
}

/** The way to Redis that was passed in, if it is one. @throws TidingsError `bad_option` */
function redisParts(redis: unknown): { readonly source: RedisSource; readonly keyPrefix?: string | undefined } | undefined {
  const parts = redisAdapterParts(redis);
  if (parts) return parts;
  if (typeof redis === "string") return { source: overConnections(createUrlDriver(redis)) };
  if (isDriver(redis, "redis")) return driverParts(redis);
  if (isDriver(redis, "upstash")) return upstashParts(redis);
  if (isIoRedis(redis)) return { source: overConnections(createIoRedisDriver(redis)) };
  if (isNodeRedis(redis)) return { source: overConnections(createNodeRedisDriver(redis)) };
  if (isBunRedis(redis)) return { source: overConnections(createBunDriver(redis)) };
  if (isUpstashRedis(redis)) return { source: createUpstashSource(redis) };
  return undefined;
}

function driverParts(redis: { readonly url?: unknown; readonly keyPrefix?: unknown }) {
  refuseUnknownOptions('`redis: { driver: "redis" }`', redis, { driver: true, url: true, keyPrefix: true });
  const { url, keyPrefix } = redis;
  if (typeof url !== "string") throw badOption("redis.url", "a redis:// URL", url);
  if (keyPrefix !== undefined && !isKeyPrefix(keyPrefix)) throw badOption("redis.keyPrefix", KEY_PREFIX_GRAMMAR, keyPrefix);
  return { source: overConnections(createUrlDriver(url)), keyPrefix };
}

function upstashParts(redis: { readonly url?: unknown; readonly token?: unknown }) {
  refuseUnknownOptions('`redis: { driver: "upstash" }`', redis, { driver: true, url: true, token: true });
  const { url, token } = redis;
  if (typeof url !== "string") throw badOption("redis.url", "the https:// URL of a Redis over REST", url);
  // What it was is nobody's business.
  if (typeof token !== "string") throw badOption("redis.token", "a string", typeof token);
  return { source: createUpstashSourceFor(url, token) };
}

function isDriver<D extends DriverInput["driver"]>(redis: unknown, driver: D): redis is Extract<DriverInput, { driver: D }> {
  return typeof redis === "object" && redis !== null && "driver" in redis && redis.driver === driver;
}
