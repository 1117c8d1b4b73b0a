import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import { npm, root, runNode } from "../package/installed.ts";
import { startServer, type Server, type ServerOptions } from "../package/project.ts";
import { bunPath } from "../support/bun.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** An example as someone has it who cloned the repository and ran `npm ci` in it. What it started ends with it. */
export interface ExampleApp extends AsyncDisposable {
  readonly folder: string;
  /** Runs a script of its package.json to the end. @throws Error with what it printed, when it fails */
  run(script: string, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Starts the server that a script of its package.json starts. */
  start(script: string, options?: StartOptions): Promise<Server>;
  /** Starts a proxy that leads to one of its servers. */
  proxyTo(port: number): Promise<TcpProxy>;
}

/** How {@link ExampleApp.start} starts a script. */
export interface StartOptions extends Pick<ServerOptions, "env" | "port" | "endBy"> {
  /** What follows the script's own arguments. @default nothing: `PORT` is set */
  readonly args?: (port: number) => readonly string[];
}

/** The mode is the program's business, not that of the tests. */
const ENV = { NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1" };

/**
 * Copies an example to a folder of the same depth, so that `file:../..` is this repository there, too. What `npm ci` installed stays
 * until the lockfile changes; `tidings` is always the newest build.
 */
export function prepareExample(name: string): ExampleApp {
  const source = path.join(root, "examples", name);
  const folder = path.join(root, ".cache", `example-${name}`);
  const isInstalled = existsSync(path.join(folder, "node_modules/.package-lock.json"));
  const isFresh = isInstalled && lockfileIn(folder) === lockfileIn(source);
  mkdirSync(folder, { recursive: true });
  for (const item of readdirSync(folder)) {
    if (item !== "node_modules" || !isFresh) rmSync(path.join(folder, item), { recursive: true });
  }
  // What somebody has built or installed there is not the example.
  const ignored = readFileSync(path.join(source, ".gitignore"), "utf8").split(/\/?\n/);
  cpSync(source, folder, { recursive: true, filter: (file) => !ignored.includes(path.basename(file)) });
  if (!isFresh) npm(folder, ["ci", "--no-audit", "--no-fund", "--prefer-offline"]);
  const own = path.join(folder, "node_modules/tidings");
  rmSync(path.join(own, "dist"), { recursive: true, force: true });
  for (const part of ["package.json", "dist"]) cpSync(path.join(root, part), path.join(own, part), { recursive: true });

  const opened: Array<{ stop(): Promise<void> }> = [];
  return {
    folder,
    async run(script, env = {}) {
      for (const command of commandsOf(folder, script)) {
        const { code, output } = await runNode(folder, command, { ...ENV, ...env });
        if (code !== 0) throw new Error(`examples/${name}, ${script}: ${command.join(" ")} ended with ${code}\n${output}`);
      }
    },
    async start(script, { args = () => [], ...options } = {}) {
      const [command = []] = commandsOf(folder, script);
      const [first, ...rest] = command;
      const [program, fixed] = first === BUN ? [bunPath(), rest] : [process.execPath, command];
      const server = await startServer({ cwd: folder, program, args: (port) => [...fixed, ...args(port)], ...options });
      opened.push(server);
      return server;
    },
    async proxyTo(port) {
      const proxy = await startProxy(port);
      opened.push({ stop: () => proxy.close() });
      return proxy;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened.toReversed()) await each.stop();
    },
  };
}

function lockfileIn(folder: string): string {
  return readFileSync(path.join(folder, "package-lock.json"), "utf8");
}

/** What begins a command that Node does not run. */
const BUN = "bun";

/** The commands of a script, each as arguments of `node`, but for those that {@link BUN} begins: so the process that is started is the one that is ended. */
function commandsOf(folder: string, script: string): string[][] {
  const { scripts } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const text = scripts[script];
  if (text === undefined) throw new Error(`${folder} has no script "${script}"`);
  return text.split(" && ").map((command) => {
    const [program = "", ...args] = command.split(" ");
    if (program === BUN) return [BUN, ...args];
    return program === "node" ? args : [realpathSync(path.join(folder, "node_modules/.bin", program)), ...args];
  });
}
