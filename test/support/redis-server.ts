import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-redis-"));
  const command = [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--loglevel", "warning"],
    ...["--appendonly", persistent ? "yes" : "no", "--appendfsync", "always"],
    ...args,
  ];
  let child: ChildProcess | undefined;
  // A test runner that gives up on a file ends its process, and the server must not outlive it.
  const killNow = () => void child?.kill("SIGKILL");
  const onSignal = (signal: NodeJS.Signals) => {
    killNow();
    process.kill(process.pid, signal);
  };
  process.once("exit", killNow).once("SIGTERM", onSignal).once("SIGINT", onSignal);

  async function start(): Promise<void> {
    if (child) throw new Error("Redis is already running");
    child = spawn(process.env["REDIS_SERVER"] ?? "redis-server", command, { stdio: "ignore" });
    const failed = new Promise<never>((_, reject) => {
      child?.once("error", reject);
      child?.once("exit", (code) => reject(new Error(`redis-server ended at its start (exit code ${code})`)));
    });
    failed.catch(() => {});
    await Promise.race([answers(port), failed]);
  }

  async function kill(): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, "exit");
    running.kill("SIGKILL");
    await gone;
  }

  async function stop(): Promise<void> {
    process.removeListener("exit", killNow).removeListener("SIGTERM", onSignal).removeListener("SIGINT", onSignal);
    await kill();
    rmSync(folder, { recursive: true, force: true });
  }

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
      rmSync(path.join(folder, "appendonlydir"), { recursive: true, force: true });
      rmSync(path.join(folder, "dump.rdb"), { force: true });
    },
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when a PING is answered, so not while the server still loads its data. */
async function answers(port: number): Promise<void> {
  const until = performance.now() + 20_000;
  while (!(await pings(port))) {
    if (performance.now() > until) throw new Error(`redis-server on port ${port} did not answer within 20 s`);
    await sleep(10);
  }
}

function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("error", () => done(false));
    socket.on("close", () => done(false));
    socket.on("data", (data) => done(data.toString().startsWith("+PONG")));
  });
}
