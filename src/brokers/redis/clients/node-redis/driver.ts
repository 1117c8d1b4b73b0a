import type { RedisDriver } from "../../connections/driver.ts";
import { addressOf } from "../server-address.ts";
import { createClusterDriver, type Cluster } from "./cluster.ts";
import { connectNodeRedis } from "./connection.ts";
import { describeOptions, type NodeRedisClient } from "./options.ts";
import { createSentinelDriver, type NodeRedisSentinel } from "./sentinel.ts";

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
  if (isCluster(client)) return createClusterDriver(client as unknown as Cluster);
  if (isSentinel(client)) return createSentinelDriver(client as unknown as NodeRedisSentinel);
  return createClientDriver(client as unknown as NodeRedisClient);
}

/** Sends a command on the user's own client. @param key decides which server of a cluster is asked */
export function sendNodeRedis(client: NodeRedisLike, command: readonly string[], key: string): Promise<unknown> {
  const send = client.sendCommand.bind(client) as (...args: readonly unknown[]) => Promise<unknown>;
  if (isCluster(client)) return send(key, false, command);
  return isSentinel(client) ? send(false, command) : send(command);
}

function createClientDriver(client: NodeRedisClient): RedisDriver {
  const { socket = {}, database } = client.options;
  return {
    ...describeOptions(client.options, { server: socket.path ?? addressOf(socket), db: database }),
    connect: (options) => connectNodeRedis(async () => ({ client }), options),
  };
}
