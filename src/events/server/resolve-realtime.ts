import { Realtime, TidingsError, type HistoryOptions, type RedisInput } from "../../index.ts";

/** Where the events are kept until they are read. */
export interface StoreOptions {
  /**
   * The Redis, as `new Realtime({ redis })` takes it. @default the Redis over REST that `KV_REST_API_URL` and `KV_REST_API_TOKEN` of
   * the environment name; without those, this process's memory
   */
  readonly redis?: RedisInput | undefined;
  /** Begins the name of every key. @default "tidings:events" */
  readonly keyPrefix?: string | undefined;
  /** What is kept of each user's and each channel's events. @default 1,000 events, for 24 h after the last one */
  readonly history?: boolean | HistoryOptions | undefined;
  /** An instance of your own in place of these three, without a `schema`. */
  readonly realtime?: Realtime | undefined;
}

const DEFAULT_PREFIX = "tidings:events";

/** @throws TidingsError `bad_option` */
export function resolveRealtime(
  { redis, keyPrefix = DEFAULT_PREFIX, history, realtime }: StoreOptions,
  given: StoreOptions,
): Realtime {
  if (realtime === undefined) return new Realtime({ redis: redis || redisOfEnvironment(), keyPrefix, history });
  for (const name of ["redis", "keyPrefix", "history"] as const) {
    if (given[name] !== undefined) {
      throw new TidingsError(
        "bad_option",
        `\`createEvents\` got both \`realtime\` and \`${name}\`. Give \`${name}\` to the \`new Realtime(…)\` that you pass.`,
      );
    }
  }
  return realtime;
}

/** The Redis that Vercel and Upstash name in the environment. */
function redisOfEnvironment(): RedisInput | undefined {
  // Not every runtime has a `process`.
  const { KV_REST_API_URL: url, KV_REST_API_TOKEN: token } = typeof process === "undefined" ? {} : (process.env ?? {});
  return url && token ? { driver: "upstash", url, token } : undefined;
}
