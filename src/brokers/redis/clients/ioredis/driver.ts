import type { RedisDriver } from "../../connections/driver.ts";
import { addressOf, describeServer } from "../server-address.ts";
import { createClusterDriver, type Cluster } from "./cluster.ts";
import { connectIoRedis, type IoRedisClient } from "./connection.ts";

/** What tidings needs of an ioredis client (5 or later), a cluster's included. Its types are not imported: the package is optional. */
export interface IoRedisLike {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...override: never[]): unknown;
  call(command: string, ...args: never[]): Promise<unknown>;
}

/** What a client of one server was made with. What was in its URL is in here too. */
export interface ClientOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string | null;
  readonly db?: number | null;
  readonly username?: string | null;
  readonly password?: string | null;
  readonly tls?: object | null;
  readonly keyPrefix?: unknown;
  readonly sentinels?: ReadonlyArray<{ readonly host?: string; readonly port?: number }> | null;
  readonly name?: string | null;
}

/** Whether a value is an ioredis client, a cluster's included. */
export function isIoRedis(value: unknown): value is IoRedisLike {
  if (typeof value !== "object" || value === null) return false;
  const { status, isCluster, options, duplicate, call } = value as Partial<Record<keyof IoRedisLike, unknown>>;
  return (
    typeof status === "string" &&
    typeof isCluster === "boolean" &&
    typeof options === "object" &&
    typeof duplicate === "function" &&
    typeof call === "function"
  );
}

/** A driver over an ioredis client or cluster, which is only duplicated. @throws TidingsError `bad_option` */
export function createIoRedisDriver(client: IoRedisLike): RedisDriver {
  return client.isCluster
    ? createClusterDriver(client as unknown as Cluster, client.options)
    : createClientDriver(client as unknown as IoRedisClient, client.options);
}

/** Sends a command on the user's own client. */
export function sendIoRedis(client: IoRedisLike, name: string, args: readonly string[]): Promise<unknown> {
  return (client as unknown as IoRedisClient).call(name, args);
}

function createClientDriver(client: IoRedisClient, options: ClientOptions): RedisDriver {
  const { path, db, sentinels, name } = options;
  const server = sentinels
    ? `${name ?? ""}@${sentinels.map((sentinel) => addressOf(sentinel, 26_379)).join(",")}`
    : (path ?? addressOf(options));
  return {
    ...describeServer({ ...options, server, db: db ?? 0 }),
    connect: (connection) => connectIoRedis(async () => ({ client }), connection),
  };
}
