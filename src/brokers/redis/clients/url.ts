import { TidingsError } from "../../../protocol/error.ts";
import type { ConnectionOptions, RedisConnection, RedisDriver } from "../connections/driver.ts";
import { createBunDriver, isBunRedis } from "./bun/driver.ts";
import { createIoRedisDriver, isIoRedis } from "./ioredis/driver.ts";
import { createNodeRedisDriver, isNodeRedis } from "./node-redis/driver.ts";

/**
 * A driver over whichever client there is: Bun's own, `ioredis`, or `redis`, in this order. It is loaded at the first connection.
 * @param url `redis://` or `rediss://`
 * @throws TidingsError `bad_option` for anything else
 */
export function createUrlDriver(url: string): RedisDriver {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const db = parsed?.pathname.replace(/^\//, "") || "0";
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || !/^\d+$/.test(db)) {
    throw new TidingsError(
      "bad_option",
      `\`redis\` takes a URL such as "redis://localhost:6379" or "rediss://user:password@host:6379/0"; it got ${otherThan(url)}`,
    );
  }
  const { protocol, hostname, port } = parsed;
  const username = decode(parsed.username);
  const password = decode(parsed.password);
  const address = `${hostname || "localhost"}:${port || 6_379}/${db}`;
  let loading: Promise<RedisDriver> | undefined;
  return {
    identity: `${protocol}//${username && `${username}@`}${address}`,
    address,
    password,
    keyPrefix: "",
    db: Number(db),
    connect(options) {
      loading ??= loadDriver(url, Number(db)).catch((error: unknown) => {
        // Someone may install it meanwhile; and whoever waits is told each time.
        loading = undefined;
        throw error;
      });
      return connectLater(loading, options);
    },
  };
}

/** What a text is that is no URL of a Redis, without quoting it: it may hold a password. */
function otherThan(url: string): string {
  if (/^https?:/.test(url)) return "another one. For Upstash over REST pass `new Redis({ url, token })` of @upstash/redis.";
  return url.includes("://") ? "another one." : "one with no scheme: write `redis://` before it, or `rediss://` for TLS.";
}

/** @throws TidingsError `bad_option` */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TidingsError(
      "bad_option",
      "user name or password in the `redis` URL hold a `%` that stands for nothing. Write it as `%25`: `encodeURIComponent(password)` does that.",
    );
  }
}

/** A connection of a driver that is still being loaded. */
function connectLater(loading: Promise<RedisDriver>, options: ConnectionOptions): RedisConnection {
  let connection: RedisConnection | undefined;
  let isDestroyed = false;
  loading.then(
    (driver) => {
      if (!isDestroyed) connection = driver.connect(options);
    },
    (error: unknown) => {
      if (!isDestroyed) options.handlers.closed(error);
    },
  );
  return {
    command: (name, args) => connection?.command(name, args),
    subscribe: (channels, sharded) => connection?.subscribe(channels, sharded),
    unsubscribe: (channels, sharded) => connection?.unsubscribe(channels, sharded),
    async destroy() {
      isDestroyed = true;
      await connection?.destroy();
    },
  };
}

async function loadDriver(url: string, db: number): Promise<RedisDriver> {
  const bun = (globalThis as { Bun?: { RedisClient?: new (url: string, options: object) => unknown } }).Bun;
  const bunClient = bun?.RedisClient && new bun.RedisClient(url, { autoReconnect: false, enableOfflineQueue: false });
  if (isBunRedis(bunClient)) return createBunDriver(bunClient, db);
  const failures: unknown[] = [];
  const ioredis = await load("ioredis", failures);
  const Redis = (ioredis?.["Redis"] ?? ioredis?.["default"]) as (new (url: string, options: object) => unknown) | undefined;
  const client = Redis && new Redis(url, { lazyConnect: true });
  if (isIoRedis(client)) return createIoRedisDriver(client);
  const nodeRedis = await load("redis", failures);
  const createClient = nodeRedis?.["createClient"] as ((options: object) => unknown) | undefined;
  const other = createClient?.({ url });
  if (isNodeRedis(other)) return createNodeRedisDriver(other);
  throw new TidingsError(
    "bad_option",
    "a `redis` URL needs the package `ioredis` or `redis`, and neither can be loaded here. Install one of them; where a bundler leaves it out, pass a client instead of a URL.",
    { cause: new AggregateError(failures, failures.map(String).join("; ")) },
  );
}

/** Loads a package that bundlers must neither look for nor include: it is optional, and one of several. */
async function load(name: string, failures: unknown[]): Promise<Record<string, unknown> | undefined> {
  try {
    return (await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ name)) as Record<
      string,
      unknown
    >;
  } catch (error) {
    failures.push(error);
    return undefined;
  }
}
