import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";

/** A client library, as far as tests need it. No client that is made here ever connects: tidings only makes its own from it. */
export interface ClientLibrary {
  single(port: number): RedisSource;
  cluster(ports: readonly number[]): RedisSource;
  sentinel(name: string, ports: readonly number[]): RedisSource;
}

const host = "127.0.0.1";
const lazyConnect = true;
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
};
