import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Fate } from "../tally.ts";

/** What the process is given; see `peer-process.mjs`. */
export interface PeerOptions {
  readonly SERVER: string;
  readonly PAGE: string;
  readonly PACKAGES: string;
  readonly KEEP: string;
  readonly STREAM_SECS: string;
  readonly REDIS_URL: string;
  readonly REST_URL: string;
  readonly REST_TOKEN: string;
}

/** A server of a contender, in a process of its own. */
export interface PeerProcess {
  readonly port: number;
  readonly hasEnded: boolean;
  /** Emits the event of this number. Resolves with what became of it. */
  emit(n: number): Promise<Fate>;
  /** kill -9. */
  kill(): Promise<void>;
}

const script = fileURLToPath(new URL("peer-process.mjs", import.meta.url));

/** Starts a server; `port` 0 takes a free one. */
export async function startPeer(options: PeerOptions, port = 0): Promise<PeerProcess> {
  const child = fork(script, {
    env: { ...process.env, ...options, PORT: String(port) },
    stdio: ["ignore", "ignore", process.env.CHAOS_VERBOSE ? "inherit" : "ignore", "ipc"],
  });
  const [ready] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`${options.SERVER} ended at its start (exit code ${code})`))),
  ])) as [{ port: number }];
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    port: ready.port,
    get hasEnded() {
      return hasEnded();
    },
    emit: (n) => ask(child, n),
    async kill() {
      if (hasEnded()) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function ask(child: ChildProcess, n: number): Promise<Fate> {
  return new Promise((resolve, reject) => {
    const settle = (answer: { n: number; fate: Fate }): void => {
      if (answer.n !== n) return;
      child.off("message", settle).off("exit", gone);
      resolve(answer.fate);
    };
    const gone = (): void => reject(new Error("the process that publishes has ended by itself"));
    child.on("message", settle).once("exit", gone);
    child.send({ emit: n });
  });
}
