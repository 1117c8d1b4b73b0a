import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { rawCommand, type RawReply } from "./raw-redis.ts";
import { until } from "./until.ts";

/** A redis-server that can be started again and again, and what it keeps on the disk meanwhile. */
export interface RedisProcess {
  readonly port: number;
  /** A temporary folder of its own. */
  readonly folder: string;
  readonly state: "up" | "frozen" | "down";
  /** Starts `$REDIS_SERVER`, or `redis-server` from the PATH. Resolves when it answers a `PING`. */
  start(args: readonly string[]): Promise<void>;
  /** Kills it as a crash does: no goodbye, no last save. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Stops it in its tracks: connections stay open, new ones are even accepted, and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

/**
 * For servers with replicas. By default a full sync waits five seconds for more of them, and one that has replicated no byte
 * yet is kept out of `CLUSTER SLOTS` until the first ping, after ten.
 */
export const QUICK_REPLICAS: readonly string[] = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];

/** Makes a folder for a server on `port` of 127.0.0.1. Starts nothing yet. */
export function createRedisProcess(port: number): RedisProcess {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-redis-"));
  let child: ChildProcess | undefined;
  let frozen = false;

  const runs = () => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

  async function start(args: readonly string[]): Promise<void> {
    if (runs()) throw new Error("Redis is already running");
    const isFirst = child === undefined;
    const started = spawn(process.env["REDIS_SERVER"] ?? "redis-server", args, { stdio: "ignore" });
    child = started;
    frozen = false;
    dieWithUs(started);
    let failure: Error | undefined;
    started.once("error", (error) => (failure ??= error));
    started.once("exit", (code) => (failure ??= new Error(`redis-server ended at its start (exit code ${code})`)));
    const result = await until(`an answer of the redis-server on port ${port}`, async () => {
      // Not while it still loads its data: a PING is an error then.
      return failure ?? (await rawCommand(port, "PING"));
    });
    if (result instanceof Error) throw result;
    // It tells its age in seconds: who joins it in the first may have been joined to one before.
    if (isFirst)
      await until(`a second of the redis-server on port ${port}`, async () =>
        isOlder(await rawCommand(port, "INFO", "server")),
      );
  }

  async function kill(): Promise<void> {
    const running = child;
    if (!running || !runs()) return;
    const gone = once(running, "exit");
    running.kill("SIGKILL");
    await gone;
  }

  function signal(name: "SIGSTOP" | "SIGCONT"): void {
    child?.kill(name);
    frozen = name === "SIGSTOP";
  }

  return {
    port,
    folder,
    get state() {
      if (!runs()) return "down";
      return frozen ? "frozen" : "up";
    },
    start,
    kill,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Remembers process ids, and kills what is left of them when the other end of its input is closed. */
const WATCHER = `
while read -r sign id; do
  case $sign in
    +) ids="$ids $id" ;;
    -) left=; for one in $ids; do [ "$one" = "$id" ] || left="$left $one"; done; ids=$left ;;
  esac
done
[ -z "$ids" ] || kill -9 $ids`;

let watcher: Socket | undefined;

/**
 * A server must not outlive the tests that started it, however they end. A handler of signals sees no SIGKILL, and none at
 * all while the event loop is blocked; a pipe is closed by the kernel.
 */
function dieWithUs(server: ChildProcess): void {
  const { pid } = server;
  // It did not start: its `error` event says why.
  if (pid === undefined) return;
  watcher ??= startWatcher();
  const toWatcher = watcher;
  toWatcher.write(`+ ${pid}\n`);
  server.once("exit", () => toWatcher.write(`- ${pid}\n`));
}

function startWatcher(): Socket {
  // In a process group of its own: what Ctrl+C sends to the whole group must not end it before its work.
  const child = spawn("sh", ["-c", WATCHER], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  const input = child.stdin as Socket;
  child.unref();
  input.unref();
  return input;
}

/** @returns something when the second has passed in which the server began */
function isOlder(info: RawReply): true | undefined {
  return Number(/uptime_in_seconds:(\d+)/.exec(String(info))?.[1]) > 0 || undefined;
}
