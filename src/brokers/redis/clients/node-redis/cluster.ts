import type { RedisDriver, RedisNode } from "../../connections/driver.ts";
import { addressOf, nodeOfUrl } from "../server-address.ts";
import { connectNodeRedis } from "./connection.ts";
import { describeOptions, shownOptions, type NodeRedisClient, type NodeRedisOptions } from "./options.ts";

/** One of a cluster's nodes, as node-redis describes it. */
interface ClusterNode extends RedisNode {
  readonly address: string;
  readonly readonly: boolean;
  client: NodeRedisClient | undefined;
}

interface ClusterOptions {
  readonly rootNodes: readonly NodeRedisOptions[];
  readonly defaults?: NodeRedisOptions;
  readonly nodeAddressMap?: Readonly<Record<string, RedisNode>> | ((address: string) => RedisNode | undefined);
  readonly keyPrefix?: unknown;
}

/** What `createCluster` returned. */
export interface Cluster {
  duplicate(override: object): Cluster;
  nodeClient(node: ClusterNode): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
}

/** @throws TidingsError `bad_option` */
export function createClusterDriver(cluster: Cluster): RedisDriver {
  const { rootNodes, defaults = {}, nodeAddressMap, keyPrefix } = shownOptions(cluster) as ClusterOptions;
  const seeds = rootNodes.map(seedOf);
  const server = seeds.map((seed) => addressOf(seed)).join(",");
  let template: NodeRedisClient | undefined;
  return {
    ...describeOptions(defaults, { server, isCluster: true, keyPrefix }),
    seeds,
    connect: (options) =>
      connectNodeRedis(async () => {
        const { host, port } = options.node as RedisNode;
        const name = `${host}:${port}`;
        const outside = typeof nodeAddressMap === "function" ? nodeAddressMap(name) : nodeAddressMap?.[name];
        return { client: (template ??= clientOf(cluster, defaults)), address: outside ?? { host, port } };
      }, options),
  };
}

/** A client made as the cluster makes those of its nodes. Nothing is connected: there is no such port. */
function clientOf(cluster: Cluster, defaults: NodeRedisOptions): NodeRedisClient {
  const copy = cluster.duplicate({
    nodeAddressMap: undefined,
    clientSideCache: undefined,
    defaults: { ...defaults, socket: { ...defaults.socket, reconnectStrategy: false } },
  });
  copy.on("error", () => {});
  const node: ClusterNode = { address: "", host: "127.0.0.1", port: -1, readonly: false, client: undefined };
  copy.nodeClient(node).catch(() => {});
  const { client } = node;
  if (!client) throw new Error("this version of node-redis does not show the clients of a cluster's nodes");
  client.destroy();
  return client;
}

function seedOf({ url, socket }: NodeRedisOptions): RedisNode {
  if (url === undefined) return { host: socket?.host ?? "localhost", port: socket?.port ?? 6_379 };
  return nodeOfUrl(url);
}
