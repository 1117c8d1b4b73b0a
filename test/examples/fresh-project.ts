import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { npm, root, runNode } from "../package/installed.ts";

/** How a project comes about that nobody has worked in yet. */
export type Origin =
  /** What the framework has for that, by npm: what stands behind `npm exec --yes`; `fresh` is the name of the folder. */
  | { readonly create: readonly string[] }
  /** The same files, where that asks GitHub for them: a folder below `fixtures/init`. */
  | { readonly fixture: string };

/** A project as somebody has it who has just made it. */
export interface FreshProject {
  readonly folder: string;
  /** Runs a program of its packages to its end. @throws Error with what it printed, when it fails */
  run(program: string, ...args: readonly string[]): Promise<void>;
  /** What a program of its packages is started by, as arguments of `node`. */
  program(name: string, ...args: readonly string[]): string[];
  /** Runs `npx tidings init` there. @returns what it printed */
  init(...args: readonly string[]): Promise<string>;
  /** Installs what `init` said: tidings as it would be published, the others as they are. */
  install(printed: string): void;
  /** Changes a file. @throws Error when there is nothing to change */
  edit(file: string, change: (text: string) => string): void;
}

const fixtures = path.join(import.meta.dirname, "fixtures/init");
const ENV = { NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1", NUXT_TELEMETRY_DISABLED: "1", CI: "1" };

/** Makes a project anew. What was created, and what is installed, is kept in `.cache/` for the next time. */
export function freshProject(name: string, origin: Origin): FreshProject {
  const folder = path.join(root, ".cache", `init-${name}`);
  const pristine = "create" in origin ? created(name, origin.create) : path.join(fixtures, origin.fixture);
  mkdirSync(folder, { recursive: true });
  for (const item of readdirSync(folder)) {
    if (item !== "node_modules") rmSync(path.join(folder, item), { recursive: true });
  }
  cpSync(pristine, folder, { recursive: true });

  const program = (tool: string, ...args: readonly string[]): string[] => [binary(folder, tool), ...args];
  return {
    folder,
    program,
    async run(tool, ...args) {
      const { code, output } = await runNode(folder, program(tool, ...args), ENV);
      if (code !== 0) throw new Error(`${name}: ${tool} ${args.join(" ")} ended with ${code}\n${output}`);
    },
    async init(...args) {
      const { code, output } = await runNode(folder, [path.join(root, "dist/cli/main.js"), "init", ...args], ENV);
      if (code !== 0) throw new Error(`${name}: tidings init ended with ${code}\n${output}`);
      return output;
    },
    install(printed) {
      const [packed] = JSON.parse(npm(root, ["pack", "--json", "--ignore-scripts", "--pack-destination", folder])) as [
        { filename: string },
      ];
      const lines = [...printed.matchAll(/^ {5}\w+ (?:i|add) (-[Dd] )?(.+)$/gm)];
      for (const [, dev = "", packages = ""] of lines) {
        const wanted = packages.split(" ").map((each) => (each === "tidings" ? `./${packed.filename}` : pinned(each)));
        const options = ["--no-audit", "--no-fund", "--prefer-offline", ...(dev === "" ? [] : ["--save-dev"])];
        npm(folder, ["install", ...options, ...wanted]);
      }
    },
    edit(file, change) {
      const text = readFileSync(path.join(folder, file), "utf8");
      const changed = change(text);
      if (changed === text) throw new Error(`${name}: nothing was changed in ${file}`);
      writeFileSync(path.join(folder, file), changed);
    },
  };
}

/** The versions that the repository itself has. */
function pinned(name: string): string {
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const version = devDependencies[name];
  return version === undefined ? name : `${name}@${version}`;
}

/** Once for each command. */
function created(name: string, command: readonly string[]): string {
  const kept = path.join(root, ".cache", `init-${name}-created`);
  const mark = path.join(kept, "command");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== command.join(" ")) {
    const making = `${kept}-${process.pid}`;
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(making, { recursive: true });
    npm(making, ["exec", "--yes", "--", ...command]);
    writeFileSync(path.join(making, "command"), command.join(" "));
    renameSync(making, kept);
  }
  return path.join(kept, "fresh");
}

/** The file that a program of an installed package is: so the process that is started is the one that is ended. */
function binary(folder: string, tool: string): string {
  const link = path.join(folder, "node_modules/.bin", tool);
  return existsSync(link) ? link : tool;
}
