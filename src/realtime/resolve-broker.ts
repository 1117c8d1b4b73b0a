import type { Broker } from "../brokers/broker.ts";
import { createMemoryBroker } from "../brokers/memory.ts";
import type { RealtimeOptions, Settings } from "./options.ts";
import { badOption } from "./options.ts";

/** What `redis` takes. */
export type RedisInput = { readonly driver: "memory" };

/** Where the logs live: an address that is the same for two instances that share them, and the way to reach it. */
export interface BrokerSource {
  readonly address: string;
  create(): Broker;
}

const brokerNumbers = new WeakMap<Broker, number>();
let brokers = 0;
let warned = false;

/** @throws TidingsError `bad_option` */
export function resolveBroker({ redis, broker }: RealtimeOptions, { keyPrefix, logger }: Settings): BrokerSource {
  if (broker !== undefined) {
    if (
      typeof broker !== "object" ||
      broker === null ||
      typeof broker.append !== "function" ||
      typeof broker.listen !== "function"
    ) {
      throw badOption("broker", "an object with append, read, locate, listen and close", broker);
    }
    if (!brokerNumbers.has(broker)) brokerNumbers.set(broker, ++brokers);
    return { address: `broker:${brokerNumbers.get(broker)}`, create: () => broker };
  }
  if (redis === undefined) {
    if (process.env.NODE_ENV === "production" && !warned) {
      warned = true;
      logger.warn(
        'tidings: no `redis` was given, so channels live in this process\'s memory: other servers do not see them, and they end with the process. Pass `redis: new Redis(process.env.REDIS_URL)` of ioredis, or `redis: { driver: "memory" }` if this is what you want.',
      );
    }
    return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  }
  if (redis.driver === "memory") return { address: `memory:${keyPrefix}`, create: () => createMemoryBroker() };
  throw badOption("redis", 'an ioredis client, the result of createIORedisAdapter(…), or { driver: "memory" }', redis);
}
