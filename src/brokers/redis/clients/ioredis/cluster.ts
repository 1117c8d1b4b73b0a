import type { RedisDriver, RedisNode } from "../../connections/driver.ts";
import { addressOf, describeServer, nodeOfUrl } from "../server-address.ts";
import { connectIoRedis, type IoRedisClient } from "./connection.ts";
import type { ClientOptions } from "./driver.ts";

/** An ioredis `Cluster`. */
export interface Cluster {
  readonly startupNodes: ReadonlyArray<string | number | Partial<RedisNode>>;
  nodes(role?: string): readonly IoRedisClient[];
  duplicate(nodes: readonly [], override: object): Cluster;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface ClusterOptions {
  readonly redisOptions?: ClientOptions;
  readonly keyPrefix?: unknown;
  readonly natMap?: Readonly<Record<string, RedisNode>> | ((address: string) => RedisNode | null) | null;
}

/** @throws TidingsError `bad_option` */
export function createClusterDriver(cluster: Cluster, { redisOptions, keyPrefix, natMap }: ClusterOptions): RedisDriver {
  const seeds = cluster.startupNodes.map(nodeOf);
  const server = seeds.map((seed) => addressOf(seed)).join(",");
  return {
    ...describeServer({ ...redisOptions, server, db: 0, isCluster: true, keyPrefix: keyPrefix ?? redisOptions?.keyPrefix }),
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

/** A server as ioredis takes it: a port, a URL, `host:port`, or an object. */
function nodeOf(node: string | number | Partial<RedisNode>): RedisNode {
  if (typeof node === "object") return { host: node.host ?? "127.0.0.1", port: node.port ?? 6_379 };
  if (typeof node === "number") return { host: "127.0.0.1", port: node };
  return nodeOfUrl(node.includes("://") ? node : `redis://${node}`);
}
