import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import path from "node:path";
import { until } from "../until.ts";

/** A program of an engine, which may have children. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it printed last. */
  readonly printed: string;
  /**
   * Asks until there is an answer, and resolves with it. `undefined` and an exception both mean "not yet".
   *
   * @throws Error at once when the program has ended, else after a minute
   */
  ready<T>(ask: () => Promise<T | undefined>): Promise<T>;
  /** Ends it and all its descendants, also those that are stopped. Safe to call twice. */
  kill(): Promise<void>;
}

/** How a {@link Program} is started. */
export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** A pipe besides the usual three, where the program writes something: number 3. @default false */
  readonly extraPipe?: boolean;
}

/**
 * Starts a program. It stays in the process group of the tests: who ends the group ends it too, even when a test was killed before it
 * could clean up.
 */
export function startProgram(file: string, args: readonly string[], { env, extraPipe }: ProgramOptions = {}): Program {
  const stdio: StdioOptions = ["ignore", "pipe", "pipe", ...(extraPipe ? (["pipe"] as const) : [])];
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (printed = (printed + chunk).slice(-4_000)));
  }
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  const hasEnded = (): boolean => failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    pid: child.pid ?? 0,
    get printed() {
      return printed;
    },
    async ready<T>(ask: () => Promise<T | undefined>) {
      const look = async (): Promise<{ answer?: T } | undefined> => {
        if (hasEnded()) return {};
        const answer = await ask();
        return answer === undefined ? undefined : { answer };
      };
      // A browser that starts for the first time on a busy machine.
      const { answer } = await until(`${file} is ready`, look, { timeoutMs: 60_000 });
      if (answer === undefined) throw new Error(`${file} has ended: ${failure?.message ?? printed}`);
      return answer;
    },
    async kill() {
      if (hasEnded()) return;
      const exited = once(child, "exit");
      // Its children first: who is left without a parent is hard to find.
      for (const pid of [...descendantsOf(child.pid as number), child.pid as number]) kill(pid);
      await exited;
    },
  };
}

/** The processes that `pid` has started, and those that they have. Nothing where there is no `/proc`. */
export function descendantsOf(pid: number): number[] {
  if (!existsSync("/proc/self/stat")) return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent === undefined) continue;
    const siblings = children.get(parent) ?? [];
    siblings.push(Number(name));
    children.set(parent, siblings);
  }
  const below = (one: number): number[] => (children.get(one) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** The name that the system has for a process; at most 15 characters of it. */
export function nameOf(pid: number): string | undefined {
  return /\((.*)\)/s.exec(statOf(String(pid)))?.[1];
}

function parentOf(pid: string): number | undefined {
  // The name, in parentheses, can hold anything.
  const [, parent] = statOf(pid)
    .slice(statOf(pid).lastIndexOf(")") + 2)
    .split(" ");
  return parent === undefined ? undefined : Number(parent);
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Where a program is: what the variable names, or the first of `names` on the PATH. @throws Error when there is none */
export function programPath(variable: string, names: readonly string[]): string {
  const given = process.env[variable];
  if (given) return given;
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const found = names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(existsSync);
  if (found === undefined) throw new Error(`${names.join(" or ")} is not on the PATH; $${variable} can name one`);
  return found;
}
