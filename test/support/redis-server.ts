import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { createRedisProcess } from "./redis-process.ts";

/** How {@link startRedis} starts its server. */
export interface RedisServerOptions {
  /** Whether every write reaches the disk, so that a killed server comes back with its data. @default false */
  readonly persistent?: boolean;
  /** @default a free one */
  readonly port?: number;
  /** More arguments for the command line. */
  readonly args?: readonly string[];
}

/** A real Redis of the test's own, on a free port and in a temporary folder. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Kills it as a crash does: no goodbye, no last save. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `kill`. Resolves when it answers. */
  start(): Promise<void>;
  /** Forgets what is on the disk, between `kill` and `start`. */
  wipe(): void;
  /** Stops the process in its tracks: connections stay open and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts `$REDIS_SERVER`, or `redis-server` from the PATH, and resolves when it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { persistent = false, port = await freePort(), args = [] } = options;
  const server = createRedisProcess(port);
  const { folder, kill, freeze, thaw, stop } = server;
  const command = [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--loglevel", "warning"],
    ...["--appendonly", persistent ? "yes" : "no", "--appendfsync", "always"],
    ...args,
  ];
  const start = () => server.start(command);
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    wipe() {
      // The first as Redis 7 names it, the second as those before it did.
      for (const name of ["appendonlydir", "appendonly.aof", "dump.rdb"]) {
        rmSync(path.join(folder, name), { recursive: true, force: true });
      }
    },
    freeze,
    thaw,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** So many different ports of 127.0.0.1 that nothing listens on. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at once: one that is let go may be given out again.
  const holders = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(holders.map((holder) => once(holder, "listening")));
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  await Promise.all(holders.map((holder) => once(holder.close(), "close")));
  return ports;
}
