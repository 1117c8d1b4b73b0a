import type { RedisDriver } from "../../connections/driver.ts";
import { connectBun, type BunClient } from "./connection.ts";

/** What tidings needs of `Bun.redis` or of another `RedisClient` of Bun. Bun's types are not imported: elsewhere there are none. */
export interface BunRedisLike {
  readonly connected: boolean;
  readonly bufferedAmount: number;
  send(command: string, args: string[]): Promise<unknown>;
  duplicate(): Promise<unknown>;
  close(): void;
}

/** The part of the global `Bun` that is used. */
interface BunGlobal {
  readonly redis?: BunRedisLike;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** It lives once and keeps nothing for later: the engine knows what may be repeated, and when. */
const OWN_OPTIONS = { autoReconnect: false, enableOfflineQueue: false };

type BunClientClass = new (url: undefined, options: typeof OWN_OPTIONS) => BunClient;

/** Bun tells nobody where a client connects to, so each stands for a server of its own. */
const names = new WeakMap<BunRedisLike, string>();

/** Whether a value is a Redis client of Bun. */
export function isBunRedis(value: unknown): value is BunRedisLike {
  if (typeof value !== "object" || value === null) return false;
  const { connected, bufferedAmount, send, duplicate, close } = value as Partial<Record<keyof BunRedisLike, unknown>>;
  return (
    typeof connected === "boolean" &&
    typeof bufferedAmount === "number" &&
    [send, duplicate, close].every((method) => typeof method === "function")
  );
}

/** `Bun.redis`; `undefined` elsewhere than on Bun. @throws what Bun throws when the URL in the environment is none */
export function defaultBunRedis(): BunRedisLike | undefined {
  return bun()?.redis;
}

/**
 * A driver over a Redis client of Bun, which is only copied.
 * @param db the database that the client's URL names. @default what the environment says, for `Bun.redis`; else 0
 */
export function createBunDriver(client: BunRedisLike, db?: number): RedisDriver {
  if (isDefault(client)) {
    const server = defaultServer();
    // A new client finds the server as Bun.redis did, and unlike a copy it can be told to live once.
    const make = async () => new (client.constructor as BunClientClass)(undefined, OWN_OPTIONS);
    return driverOf("default", `${server.address}/${db ?? server.db}`, db ?? server.db, make);
  }
  const name = names.get(client) ?? crypto.randomUUID();
  names.set(client, name);
  return driverOf(name, "an address that Bun does not show", db ?? 0, () => client.duplicate() as Promise<BunClient>);
}

function driverOf(name: string, address: string, db: number, make: () => Promise<BunClient>): RedisDriver {
  return {
    identity: `bun:${name}/${db}`,
    address,
    keyPrefix: "",
    db,
    connect: (options) => connectBun(make, db, options),
  };
}

function isDefault(client: BunRedisLike): boolean {
  try {
    return client === defaultBunRedis();
  } catch {
    return false;
  }
}

/** The server of `Bun.redis`: Bun takes it from the environment. */
function defaultServer(): { readonly address: string; readonly db: number } {
  const { REDIS_URL, VALKEY_URL } = bun()?.env ?? {};
  const url = REDIS_URL ?? VALKEY_URL ?? "redis://localhost:6379";
  const { protocol, host, hostname, port, pathname } = new URL(url.includes("://") ? url : `redis://${url}`);
  if (protocol.includes("unix")) return { address: pathname, db: 0 };
  return { address: port === "" ? `${hostname}:6379` : host, db: Number(pathname.slice(1)) || 0 };
}

function bun(): BunGlobal | undefined {
  return (globalThis as { readonly Bun?: BunGlobal }).Bun;
}
