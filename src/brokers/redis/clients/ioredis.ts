import { TidingsError } from "../../../protocol/error.ts";

import type { RedisDriver, RedisNode } from "../connections/driver.ts";
import { connectIoRedis, type IoRedisClient } from "./ioredis-connection.ts";
import { nodeOfUrl } from "./node-of-url.ts";

/** What tidings needs of an ioredis client (5 or later), a cluster's included. Its types are not imported: the package is optional. */
export interface IoRedisLike {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...override: never[]): unknown;
  call(command: string, ...args: never[]): Promise<unknown>;
}

interface Cluster {
  readonly startupNodes: ReadonlyArray<string | number | Partial<RedisNode>>;
  nodes(role?: string): readonly IoRedisClient[];
  duplicate(nodes: readonly [], override: object): Cluster;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface ClientOptions {
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

interface ClusterOptions {
  readonly redisOptions?: ClientOptions;
  readonly keyPrefix?: unknown;
  readonly natMap?: Readonly<Record<string, RedisNode>> | ((address: string) => RedisNode | null) | null;
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
    ? clusterDriver(client as unknown as Cluster, client.options)
    : clientDriver(client as unknown as IoRedisClient, client.options);
}

/** Sends a command on the user's own client. */
export function sendIoRedis(client: IoRedisLike, name: string, args: readonly string[]): Promise<unknown> {
  return (client as unknown as IoRedisClient).call(name, args);
}

function clientDriver(client: IoRedisClient, options: ClientOptions): RedisDriver {
  const { host = "localhost", port = 6379, path, db, username, tls, sentinels, name } = options;
  const server = sentinels
    ? `${name ?? ""}@${sentinels.map((sentinel) => addressOf(sentinel, 26_379)).join(",")}`
    : (path ?? `${host}:${port}`);
  const address = `${server}/${db ?? 0}`;
  return {
    identity: `${tls ? "rediss" : "redis"}://${username ? `${username}@` : ""}${address}`,
    address,
    password: options.password ?? undefined,
    keyPrefix: prefixOf(options.keyPrefix),
    db: db ?? 0,
    connect: (connection) => connectIoRedis(async () => ({ client }), connection),
  };
}

function clusterDriver(cluster: Cluster, { redisOptions, keyPrefix, natMap }: ClusterOptions): RedisDriver {
  const seeds = cluster.startupNodes.map(nodeOf);
  const address = seeds.map((seed) => addressOf(seed, 6_379)).join(",");
  const { username, tls } = redisOptions ?? {};
  return {
    identity: `${tls ? "rediss" : "redis"}-cluster://${username ? `${username}@` : ""}${address}`,
    address,
    password: redisOptions?.password ?? undefined,
    keyPrefix: prefixOf(keyPrefix ?? redisOptions?.keyPrefix),
    db: 0,
    seeds,
    connect(options) {
      const { host, port } = options.node as RedisNode;
      const outside = typeof natMap === "function" ? natMap(`${host}:${port}`) : natMap?.[`${host}:${port}`];
      const override = { db: 0, ...redisOptions, ...(outside ?? { host, port }) };
      return connectIoRedis(async () => ({ client: await clientOf(cluster), override }), options);
    },
  };
}

/** A client of any server of the cluster: where the class of such clients is to be had. */
async function clientOf(cluster: Cluster): Promise<IoRedisClient> {
  const [known] = cluster.nodes();
  if (known) return known;
  // A cluster that is lazy or closed has none. A copy of it does, as soon as it has looked up where to connect to.
  const copy = cluster.duplicate([], { lazyConnect: false, clusterRetryStrategy: () => null });
  try {
    return await new Promise<IoRedisClient>((resolve, reject) => {
      copy.on("+node", resolve);
      copy.on("error", reject);
    });
  } finally {
    copy.disconnect();
  }
}

function prefixOf(keyPrefix: unknown): string {
  if (keyPrefix === undefined || keyPrefix === null) return "";
  if (typeof keyPrefix === "string") return keyPrefix;
  throw new TidingsError("bad_option", "the `keyPrefix` of the ioredis client is not a string. Make it one.");
}

function addressOf({ host = "localhost", port }: Partial<RedisNode>, defaultPort: number): string {
  return `${host}:${port ?? defaultPort}`;
}

/** A server as ioredis takes it: a port, a URL, `host:port`, or an object. */
function nodeOf(node: string | number | Partial<RedisNode>): RedisNode {
  if (typeof node === "object") return { host: node.host ?? "127.0.0.1", port: node.port ?? 6_379 };
  if (typeof node === "number") return { host: "127.0.0.1", port: node };
  return nodeOfUrl(node.includes("://") ? node : `redis://${node}`);
}
