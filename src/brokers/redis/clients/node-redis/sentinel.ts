import type { RedisDriver, RedisNode } from "../../connections/driver.ts";
import { addressOf } from "../server-address.ts";
import { connectNodeRedis } from "./connection.ts";
import { askForMaster, checkRole, findMaster } from "./master.ts";
import { describeOptions, shownOptions, type NodeRedisClient, type NodeRedisOptions } from "./options.ts";

/** What `createSentinel` was given. */
export interface NodeRedisSentinelOptions {
  readonly name: string;
  readonly sentinelRootNodes: readonly RedisNode[];
  readonly nodeClientOptions?: NodeRedisOptions;
  readonly sentinelClientOptions?: NodeRedisOptions;
  readonly keyPrefix?: unknown;
}

/** What `createSentinel` returned. */
export interface NodeRedisSentinel {
  readonly isOpen: boolean;
  /** Tells one sentinel of this process from another. In later releases of version 5. */
  readonly identity?: { readonly id: string };
  /** From version 6. */
  duplicate?(override?: object): NodeRedisSentinel;
  connect(): Promise<unknown>;
  _execute<T>(isReadonly: boolean, use: (client: NodeRedisClient) => Promise<T>): Promise<T>;
  destroy(): Promise<void>;
  on(event: string, listener: (error: unknown) => void): unknown;
}

/** @throws TidingsError `bad_option` */
export function createSentinelDriver(sentinel: NodeRedisSentinel): RedisDriver {
  const options = sentinel.duplicate && (shownOptions(sentinel) as NodeRedisSentinelOptions);
  const { name = "", sentinelRootNodes = [], nodeClientOptions = {}, keyPrefix } = options ?? {};
  const { database = 0 } = nodeClientOptions;
  const server = options
    ? `${name}@${sentinelRootNodes.map((node) => addressOf(node, 26_379)).join(",")}`
    : // Version 5 says no more of itself.
      `sentinel-${sentinel.identity?.id ?? crypto.randomUUID()}`;
  return {
    ...describeOptions(nodeClientOptions, { server, db: database, keyPrefix }),
    connect: (connection) =>
      connectNodeRedis(async (signal) => {
        const client = await (options
          ? findMaster(sentinel as Required<NodeRedisSentinel>, options, signal)
          : askForMaster(sentinel, signal));
        if ((client.options.database ?? 0) === database) return { client, check: checkRole };
        throw new Error("a database other than 0 behind Sentinel takes version 6 of node-redis");
      }, connection),
  };
}
