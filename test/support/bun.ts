import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { npm } from "../package/installed.ts";

const root = path.resolve(import.meta.dirname, "../..");
const modules = path.join(root, "node_modules");
const fixtures = path.join(root, "test/integration/fixtures/bun");

/** Bun comes at its first use: it would be most of what the repository installs. */
const installed = path.join(root, ".cache/bun");

let found: string | undefined;

/** The program, as the package of the platform holds it. */
export function bunPath(): string {
  found ??= runnable() ?? (install(), runnable());
  if (found === undefined) throw new Error(`the package \`bun\` has no program that runs here: remove ${installed}`);
  return found;
}

function runnable(): string | undefined {
  const scope = path.join(installed, "node_modules/@oven");
  const platforms = existsSync(scope) ? readdirSync(scope) : [];
  return platforms
    .flatMap((name) => ["bun", "bun.exe"].map((program) => path.join(scope, name, "bin", program)))
    .find((file) => existsSync(file) && spawnSync(file, ["--version"]).status === 0);
}

/** Several processes may do so at once: who comes last throws its own away. */
function install(): void {
  const folder = `${installed}-${process.pid}`;
  cpSync(path.join(fixtures, "program"), folder, { recursive: true });
  try {
    npm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
    renameSync(folder, installed);
  } catch (error) {
    if (runnable() === undefined) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How one test ended that Vitest ran on Bun. */
export interface BunTest {
  /** Names of the groups around it, and its own. */
  readonly name: readonly string[];
  readonly status: string;
  readonly failures: readonly string[];
}

/** What Vitest on Bun says of each file, by its path in the repository. */
export type BunReport = ReadonlyMap<string, readonly BunTest[]>;

/** How {@link testOnBun} runs. */
export interface BunRunOptions {
  /** Where `Bun.redis` leads. */
  readonly redisUrl?: string;
}

/**
 * Runs tests on Bun: the processes that execute them are Bun's too.
 * @param filters what Vitest takes to choose files
 */
export async function testOnBun(filters: readonly string[], { redisUrl }: BunRunOptions = {}): Promise<BunReport> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-bun-"));
  try {
    const output = path.join(folder, "report.json");
    const child = startBun(
      [
        ...["--bun", path.join(modules, "vitest/vitest.mjs"), "run", "--config", path.join(fixtures, "vitest.config.ts")],
        ...["--reporter=json", `--outputFile=${output}`],
        // They share what Bun.redis leads to.
        ...(redisUrl === undefined ? [] : ["--no-file-parallelism"]),
        ...filters,
      ],
      redisUrl === undefined ? {} : { REDIS_URL: redisUrl },
    );
    const printed = collect(child);
    await once(child, "close");
    if (!existsSync(output)) throw new Error(`Vitest did not run on Bun: ${printed.text}`);
    return readReport(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that runs on Bun. */
export interface BunApp extends AsyncDisposable {
  /** Where it listens: the first URL that it prints. */
  readonly url: string;
  /** What it has printed. */
  readonly printed: string;
  /** SIGTERM, as of a platform. Resolves with the exit code when it has ended by itself; `null` when the signal ended it. */
  end(): Promise<number | null>;
  stop(): Promise<void>;
}

/** Starts a server of the fixtures, on the sources of this package. It has to print its URL. @param file its path */
export async function startBunApp(file: string, env: Readonly<Record<string, string>>): Promise<BunApp> {
  const child = startBun(["--preload", path.join(fixtures, "sources.ts"), file], env);
  const printed = collect(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  };
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const [first] = /http:\/\/[^\s/]+/.exec(printed.text) ?? [];
      if (first !== undefined) resolve(first);
    };
    child.stdout?.on("data", look);
    child.once("close", () => reject(new Error(`${file} ended on Bun: ${printed.text}`)));
  });
  return {
    url,
    get printed() {
      return printed.text;
    },
    async end() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
      return child.exitCode;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function startBun(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  // Vitest's own would tell the one on Bun that it is a worker.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|REDIS_URL$|VALKEY_URL$|NODE_OPTIONS$)/.test(name),
  );
  return spawn(bunPath(), args, {
    cwd: root,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function collect(child: ChildProcess): { readonly text: string } {
  const printed = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (printed.text += chunk));
  }
  return printed;
}

interface RawReport {
  readonly testResults: ReadonlyArray<{
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: ReadonlyArray<{
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }>;
  }>;
}

function readReport(file: string): BunReport {
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as RawReport;
  return new Map(
    testResults.map(({ name, status, message, assertionResults }) => {
      const tests: BunTest[] = assertionResults.map((result) => ({
        name: [...result.ancestorTitles.filter((title) => title !== ""), result.title],
        status: result.status,
        failures: result.failureMessages ?? [],
      }));
      // A file that fails before its first test.
      if (status === "failed" && message !== "") tests.push({ name: ["the file itself"], status, failures: [message] });
      return [path.relative(root, name).replaceAll(path.sep, "/"), tests];
    }),
  );
}

/** Fails unless all tests of a file passed that have this name, or whatever name. */
export function expectPassed(report: BunReport, file: string, name?: readonly string[]): void {
  const tests = (report.get(file) ?? []).filter((test) => name === undefined || test.name.join() === name.join());
  const failed = tests.filter(({ status }) => status === "failed");
  if (failed.length > 0) {
    throw new Error(
      failed.map((test) => [`${file} on Bun: ${test.name.join(" > ")}`, ...test.failures].join("\n")).join("\n\n"),
    );
  }
  if (!tests.some(({ status }) => status === "passed")) throw new Error(`nothing of ${file} was run on Bun`);
}
