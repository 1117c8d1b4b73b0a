import { TidingsError } from "../../../protocol/error.ts";

import type { RedisDriver, RedisNode } from "../connections/driver.ts";
import { nodeOfUrl } from "./node-of-url.ts";
import { connectNodeRedis, type NodeRedisClient, type NodeRedisOptions } from "./node-redis-connection.ts";
import { askForMaster, findMaster, type NodeRedisSentinel, type NodeRedisSentinelOptions } from "./node-redis-sentinel.ts";

/**
 * What tidings needs of node-redis (5 or later): what `createClient`, `createCluster` or `createSentinel` returned. Its types are not
 * imported: the package is optional.
 */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  sSubscribe(...args: never[]): Promise<unknown>;
  destroy(): unknown;
}

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

interface Cluster {
  duplicate(override: object): Cluster;
  nodeClient(node: ClusterNode): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
}

/** Whether a value is a client, a cluster or a sentinel of node-redis 5 or later. A pool is none, nor is a client in legacy mode. */
export function isNodeRedis(value: unknown): value is NodeRedisLike {
  if (typeof value !== "object" || value === null) return false;
  const { isOpen, sendCommand, sSubscribe, destroy } = value as Partial<Record<keyof NodeRedisLike, unknown>>;
  return (
    typeof isOpen === "boolean" &&
    [sendCommand, sSubscribe, destroy].every((method) => typeof method === "function") &&
    (isCluster(value) || isSentinel(value) || isClient(value))
  );
}

function isCluster(value: object): boolean {
  return "nodeClient" in value && "duplicate" in value;
}

function isSentinel(value: object): boolean {
  return "getSentinelNode" in value && "_execute" in value;
}

function isClient(value: object): boolean {
  return "duplicate" in value && "options" in value;
}

/** A driver over a client, a cluster or a sentinel of node-redis, which is only duplicated. @throws TidingsError `bad_option` */
export function createNodeRedisDriver(client: NodeRedisLike): RedisDriver {
  if (isCluster(client)) return clusterDriver(client as unknown as Cluster);
  if (isSentinel(client)) return sentinelDriver(client as unknown as NodeRedisSentinel);
  return clientDriver(client as unknown as NodeRedisClient);
}

/** Sends a command on the user's own client. @param key decides which server of a cluster is asked */
export function sendNodeRedis(client: NodeRedisLike, command: readonly string[], key: string): Promise<unknown> {
  const send = client.sendCommand.bind(client) as (...args: readonly unknown[]) => Promise<unknown>;
  if (isCluster(client)) return send(key, false, command);
  return isSentinel(client) ? send(false, command) : send(command);
}

function clientDriver(client: NodeRedisClient): RedisDriver {
  const { socket = {}, database = 0, password, keyPrefix } = client.options;
  const address = `${socket.path ?? addressOf(socket, 6_379)}/${database}`;
  return {
    identity: schemeOf(client.options, "") + address,
    address,
    password,
    keyPrefix: prefixOf(keyPrefix),
    db: database,
    connect: (options) => connectNodeRedis(async () => ({ client }), options),
  };
}

function clusterDriver(cluster: Cluster): RedisDriver {
  const { rootNodes, defaults = {}, nodeAddressMap, keyPrefix } = optionsOf(cluster) as ClusterOptions;
  const seeds = rootNodes.map(seedOf);
  const address = seeds.map((seed) => addressOf(seed, 6_379)).join(",");
  let template: NodeRedisClient | undefined;
  return {
    identity: schemeOf(defaults, "-cluster") + address,
    address,
    password: defaults.password,
    keyPrefix: prefixOf(keyPrefix),
    db: 0,
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

function sentinelDriver(sentinel: NodeRedisSentinel): RedisDriver {
  const options = sentinel.duplicate && (optionsOf(sentinel) as NodeRedisSentinelOptions);
  const { name = "", sentinelRootNodes = [], nodeClientOptions = {}, keyPrefix } = options ?? {};
  const { database = 0 } = nodeClientOptions;
  const address = options
    ? `${name}@${sentinelRootNodes.map((node) => addressOf(node, 26_379)).join(",")}/${database}`
    : // Version 5 says no more of itself.
      `sentinel-${sentinel.identity?.id ?? crypto.randomUUID()}`;
  return {
    identity: schemeOf(nodeClientOptions, "") + address,
    address,
    password: nodeClientOptions.password,
    keyPrefix: prefixOf(keyPrefix),
    db: database,
    connect: (connection) =>
      connectNodeRedis(async (signal) => {
        const client = await (options
          ? findMaster(sentinel as Required<NodeRedisSentinel>, options, signal)
          : askForMaster(sentinel, signal));
        if ((client.options.database ?? 0) === database) return { client, isMaster: true };
        throw new Error("a database other than 0 behind Sentinel takes version 6 of node-redis");
      }, connection),
  };
}

/** What a client was made with, which it does not show: its `duplicate` tells that to the constructor that it finds. */
function optionsOf(client: Cluster | NodeRedisSentinel): unknown {
  const constructor = function (options: unknown): unknown {
    return options;
  };
  const prototype: object = Object.create(client, { constructor: { value: constructor } });
  return (Object.create(prototype) as { duplicate(): unknown }).duplicate();
}

function schemeOf({ socket, username }: NodeRedisOptions, suffix: string): string {
  return `${socket?.tls ? "rediss" : "redis"}${suffix}://${username ? `${username}@` : ""}`;
}

function addressOf({ host, port }: { readonly host?: string; readonly port?: number }, defaultPort: number): string {
  return `${host ?? "localhost"}:${port ?? defaultPort}`;
}

function seedOf({ url, socket }: NodeRedisOptions): RedisNode {
  if (url === undefined) return { host: socket?.host ?? "localhost", port: socket?.port ?? 6_379 };
  return nodeOfUrl(url);
}

function prefixOf(keyPrefix: unknown): string {
  if (keyPrefix === undefined || keyPrefix === null) return "";
  if (typeof keyPrefix === "string") return keyPrefix;
  throw new TidingsError("bad_option", "the `keyPrefix` of the node-redis client is not a string. Make it one.");
}
