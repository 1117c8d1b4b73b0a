import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { npm, root } from "./installed.ts";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** A project of its own outside the repository, with the packed tarball installed. */
export interface Project extends Disposable {
  readonly folder: string;
}

/** Where the sources of an example stand. */
export function exampleFolder(example: string): string {
  return path.join(root, "examples", example);
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
}

/**
 * An empty folder in which `npm i` ran with these packages: `tidings` is the packed tarball, the others are of the versions
 * that the example's lockfile holds, and so are its development tools.
 */
export function createProject(example: string, packages: readonly string[]): Project {
  const folder = mkdtempSync(path.join(tmpdir(), `tidings-${example}-`));
  try {
    const { devDependencies = {} } = manifestIn(exampleFolder(example));
    const manifest = { name: `from-the-readme-${example}`, private: true, type: "module", devDependencies };
    writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
    cpSync(path.join(exampleFolder(example), "package-lock.json"), path.join(folder, "package-lock.json"));
    installPackages(folder, example, packages);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs `npm i` with these packages: `tidings` is the packed tarball, the others are those of the example, or of the repository. */
export function installPackages(folder: string, example: string, packages: readonly string[]): void {
  const versions = { ...manifestIn(root).devDependencies, ...manifestIn(exampleFolder(example)).dependencies };
  const wanted = packages.map((name) => (name === "tidings" ? pack(folder) : `${name}@${versions[name]}`));
  npm(folder, ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...wanted]);
}

function pack(folder: string): string {
  const [packed] = JSON.parse(npm(root, ["pack", "--json", "--ignore-scripts", "--pack-destination", folder])) as [
    { filename: string },
  ];
  return `./${packed.filename}`;
}

/** A server process that a test started. */
export interface Server {
  readonly url: string;
  readonly port: number;
  /** What it printed so far. */
  output(): string;
  /** SIGTERM, as of a platform. Resolves with the exit code when it has ended by itself; `null` when the signal ended it. */
  end(): Promise<number | null>;
  /** Ends it, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** How {@link startServer} starts a program. */
export interface ServerOptions {
  readonly cwd: string;
  /** What runs it. @default Node */
  readonly program?: string;
  /** Arguments of the program; the port is known by then. */
  readonly args: (port: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
  /**
   * How it is ended. SIGTERM for a program that has workers to end; not for `next start`, which then waits for its open streams.
   * @default "SIGKILL"
   */
  readonly endBy?: "SIGTERM" | "SIGKILL";
}

/** Starts a server with `PORT` set, and resolves when it accepts connections. */
export async function startServer({
  cwd,
  program = process.execPath,
  args,
  env = {},
  port = 0,
  endBy = "SIGKILL",
}: ServerOptions): Promise<Server> {
  const chosen = port === 0 ? await freePort() : port;
  // The tests' own mode is none of the program's business.
  const { NODE_ENV: _mode, VITEST: _runner, REDIS_URL: _redis, ...inherited } = process.env;
  const child = spawn(program, [...args(chosen)], {
    cwd,
    env: { ...inherited, PORT: String(chosen), NEXT_TELEMETRY_DISABLED: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const kill = (): void => void child.kill(endBy);
  process.once("exit", kill);

  const url = `http://127.0.0.1:${chosen}`;
  while (!(await answers(url))) {
    if (hasEnded(child)) throw new Error(`the server ended before it listened:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    port: chosen,
    output: () => output,
    async end() {
      if (!hasEnded(child)) {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        await ended;
      }
      process.off("exit", kill);
      return child.exitCode;
    },
    async stop() {
      process.off("exit", kill);
      if (hasEnded(child)) return;
      const ended = once(child, "exit");
      child.kill(endBy);
      await ended;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function answers(url: string): Promise<boolean> {
  try {
    // A path that no project has: a real page would be rendered, and might emit.
    await (await fetch(`${url}/does-it-answer`)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
