import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { createClient, createCluster, createSentinel } from "redis";
import { createClient as createClient5, createCluster as createCluster5, createSentinel as createSentinel5 } from "redis5";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import { createNodeRedisDriver } from "../../src/brokers/redis/clients/node-redis/driver.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";

/** A client library, as far as tests need it. But for one, no client that is made here ever connects: tidings only makes its own from it. */
export interface ClientLibrary {
  single(port: number): RedisSource;
  cluster(ports: readonly number[]): RedisSource;
  sentinel(name: string, ports: readonly number[]): RedisSource | Promise<RedisSource>;
}

const host = "127.0.0.1";
const lazyConnect = true;
const urlOf = (port: number) => `redis://${host}:${port}`;
const at = (port: number) => ({ host, port });

export const CLIENT_LIBRARIES: Readonly<Record<string, ClientLibrary>> = {
  "ioredis 6": {
    single: (port) => overConnections(createIoRedisDriver(new Redis({ host, port, lazyConnect }))),
    cluster: (ports) => overConnections(createIoRedisDriver(new Cluster(ports.map(at), { lazyConnect }))),
    sentinel: (name, ports) => overConnections(createIoRedisDriver(new Redis({ sentinels: ports.map(at), name, lazyConnect }))),
  },
  "ioredis 5": {
    single: (port) => overConnections(createIoRedisDriver(new Redis5({ host, port, lazyConnect }))),
    cluster: (ports) => overConnections(createIoRedisDriver(new Cluster5(ports.map(at), { lazyConnect }))),
    sentinel: (name, ports) =>
      overConnections(createIoRedisDriver(new Redis5({ sentinels: ports.map(at), name, lazyConnect }))),
  },

  "node-redis 6": {
    single: (port) => overConnections(createNodeRedisDriver(createClient({ url: urlOf(port) }))),
    cluster: (ports) =>
      overConnections(createNodeRedisDriver(createCluster({ rootNodes: ports.map((port) => ({ url: urlOf(port) })) }))),
    sentinel: (name, ports) =>
      overConnections(createNodeRedisDriver(createSentinel({ name, sentinelRootNodes: ports.map(at) }))),
  },
  "node-redis 5": {
    single: (port) => overConnections(createNodeRedisDriver(createClient5({ url: urlOf(port) }))),
    cluster: (ports) =>
      overConnections(createNodeRedisDriver(createCluster5({ rootNodes: ports.map((port) => ({ url: urlOf(port) })) }))),
    // It cannot be duplicated, so it has to be connected.
    async sentinel(name, ports) {
      const sentinel = createSentinel5({ name, sentinelRootNodes: ports.map(at) });
      sentinel.on("error", () => {});
      await sentinel.connect();
      connected.push(sentinel);
      return overConnections(createNodeRedisDriver(sentinel));
    },
  },
};

const connected: Array<{ destroy(): unknown }> = [];

/** Ends the clients that had to be connected. */
export function closeClients(): void {
  for (const client of connected.splice(0)) client.destroy();
}
