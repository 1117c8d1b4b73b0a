import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** An empty project with the packed tarball as its only dependency, and none of its peers. */
export interface InstalledPackage extends Disposable {
  /** The project. */
  readonly folder: string;
  /** The package as it lies in the project's `node_modules`. */
  readonly package: string;
}

/** What a process printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Packs the repository as npm would publish it, and installs the tarball alone into an empty folder. */
export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-installed-"));
  const packed = npm(root, ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
  const [tarball] = JSON.parse(packed) as [{ filename: string }];
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  npm(folder, ["install", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball.filename}`]);
  return {
    folder,
    package: path.join(folder, "node_modules/tidings"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs npm, without what the npm that runs the tests has set for itself. */
export function npm(cwd: string, args: readonly string[]): string {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || name === "npm_config_cache"),
  );
  return execFileSync("npm", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs a program of Node to its end. */
export function runNode(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd, env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, output: `${stdout}${stderr}` });
      },
    );
  });
}

/** Lends a package of the repository's own to a project: a peer, or types. Copied, so that its imports resolve there. */
export function lend(project: string, name: string): void {
  const target = path.join(project, "node_modules", name);
  mkdirSync(path.dirname(target), { recursive: true });
  cpSync(path.join(root, "node_modules", name), target, { recursive: true });
}
