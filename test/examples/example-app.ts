import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import { npm, root, runNode } from "../package/installed.ts";
import { startServer, type Server, type ServerOptions } from "../package/project.ts";

/** An example as someone has it who cloned the repository and ran `npm ci` in it. */
export interface ExampleApp {
  readonly folder: string;
  /** Runs a script of its package.json to the end. @throws Error with what it printed, when it fails */
  run(script: string, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Starts the server that a script of its package.json starts. */
  start(script: string, options?: StartOptions): Promise<Server>;
}

/** How {@link ExampleApp.start} starts a script. */
export interface StartOptions extends Pick<ServerOptions, "env" | "port" | "endBy"> {
  /** What follows the script's own arguments. @default nothing: `PORT` is set */
  readonly args?: (port: number) => readonly string[];
}

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

/**
 * Copies an example to a folder of the same depth, so that `file:../..` is this repository there, too. What `npm ci` installed stays
 * until the lockfile changes; `tidings` is always the newest build.
 */
export function prepareExample(name: string): ExampleApp {
  const source = path.join(root, "examples", name);
  const folder = path.join(root, ".cache", `example-${name}`);
  const lockfile = (of: string): string => readFileSync(path.join(of, "package-lock.json"), "utf8");
  const installed = path.join(folder, "node_modules/.package-lock.json");
  const fresh = existsSync(installed) && lockfile(folder) === lockfile(source);

  mkdirSync(folder, { recursive: true });
  for (const item of readdirSync(folder)) {
    if (item !== "node_modules" || !fresh) rmSync(path.join(folder, item), { recursive: true });
  }
  // What its developer has built or installed there is not the example.
  const ignored = readFileSync(path.join(source, ".gitignore"), "utf8").split(/\/?\n/);
  cpSync(source, folder, { recursive: true, filter: (file) => !ignored.includes(path.basename(file)) });
  if (!fresh) npm(folder, ["ci", "--no-audit", "--no-fund", "--prefer-offline"]);
  const own = path.join(folder, "node_modules/tidings");
  rmSync(path.join(own, "dist"), { recursive: true, force: true });
  for (const part of ["package.json", "dist"]) cpSync(path.join(root, part), path.join(own, part), { recursive: true });

  const { scripts } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
  /** The commands of a script, each as arguments of `node`. */
  const commandsOf = (script: string): string[][] => {
    const text = scripts[script];
    if (text === undefined) throw new Error(`examples/${name} has no script "${script}"`);
    return text.split(" && ").map((command) => {
      const [program = "", ...args] = command.split(" ");
      return program === "node" ? args : [realpathSync(path.join(folder, "node_modules/.bin", program)), ...args];
    });
  };
  return {
    folder,
    async run(script, env = {}) {
      for (const command of commandsOf(script)) {
        const { code, output } = await runNode(folder, command, { NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1", ...env });
        if (code !== 0) throw new Error(`examples/${name}, ${script}: ${command.join(" ")} ended with ${code}\n${output}`);
      }
    },
    start(script, { args = () => [], ...options } = {}) {
      const [command = [], ...more] = commandsOf(script);
      if (more.length > 0) throw new Error(`examples/${name}, ${script}: several commands are no server`);
      return startServer({ cwd: folder, args: (port) => [...command, ...args(port)], ...options });
    },
  };
}
