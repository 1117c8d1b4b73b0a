/** `tidings/adapters/bun`: Redis through Bun's own client, without a package. */
import { TidingsError } from "../protocol/error.ts";
import { createClientAdapter, type ClientAdapterOptions, type RedisClientAdapter } from "../brokers/redis/clients/adapter.ts";
import { createBunDriver, defaultBunRedis, isBunRedis, type BunRedisLike } from "../brokers/redis/clients/bun/driver.ts";
import { overConnections } from "../brokers/redis/connections/source.ts";

/** Options of {@link createBunRedisAdapter}. */
export interface BunRedisAdapterOptions extends ClientAdapterOptions {
  /** The database that the client's URL names, for Bun does not show it. @default that of `REDIS_URL` for `Bun.redis`, else 0 */
  readonly db?: number | undefined;
}

/**
 * Makes a Redis client of Bun a place for logs: `new Realtime({ redis: createBunRedisAdapter() })`. The same as passing the client
 * itself. The client is copied, never used for channels, so it need not be connected, and may be closed later.
 * @param client `Bun.redis`, or a `RedisClient`. @default `Bun.redis`
 * @throws TidingsError `bad_option` for anything else, without a client elsewhere than on Bun, and for options that are none
 */
export function createBunRedisAdapter(client?: BunRedisLike, options: BunRedisAdapterOptions = {}): RedisClientAdapter {
  const used = client === undefined ? findDefault() : client;
  if (!isBunRedis(used)) {
    throw new TidingsError(
      "bad_option",
      "createBunRedisAdapter takes a Redis client of Bun; it got something else. Pass `Bun.redis` or `new RedisClient(url)` from `bun`.",
    );
  }
  return createClientAdapter({
    ...{ name: "createBunRedisAdapter", options, known: { keyPrefix: true, db: true } },
    createSource: () => overConnections(createBunDriver(used, checkDb(options.db))),
    command: (name, args) => used.send(name, [...args]),
  });
}

/** Another name of {@link createBunRedisAdapter}. */
export const createBunAdapter: typeof createBunRedisAdapter = createBunRedisAdapter;

function checkDb(db: number | undefined): number | undefined {
  if (db === undefined || (Number.isSafeInteger(db) && db >= 0)) return db;
  throw new TidingsError("bad_option", "`db` of `createBunRedisAdapter` takes the number of a database: 0, 1, 2 …");
}

function findDefault(): BunRedisLike {
  let client: BunRedisLike | undefined;
  try {
    client = defaultBunRedis();
  } catch (cause) {
    throw new TidingsError(
      "bad_option",
      "Bun.redis cannot be used: REDIS_URL (or VALKEY_URL) in the environment is not a Redis URL. Mend it.",
      { cause },
    );
  }
  if (client) return client;
  throw new TidingsError(
    "bad_option",
    "createBunRedisAdapter() without a client uses Bun.redis, which only Bun 1.3 or later has. Run the server with Bun, or use createIORedisAdapter or createNodeRedisAdapter.",
  );
}

export type { BunRedisLike, RedisClientAdapter };
