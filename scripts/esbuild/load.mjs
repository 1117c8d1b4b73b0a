// @ts-check
/**
 * esbuild comes at its first use, into `.cache/`, and again when its lockfile is another: with it the repository would install
 * more than it may. It is what the budgets of the client are given in.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { root } from "../entries.mjs";

const folder = path.join(root, ".cache/esbuild");

/**
 * @typedef {object} Output
 * @property {string | undefined} [entryPoint]
 * @property {Record<string, unknown>} inputs by path, from where esbuild runs
 */
/**
 * @typedef {object} Built
 * @property {Array<{ path: string, text: string }>} outputFiles
 * @property {{ outputs: Record<string, Output> }} metafile
 */

/** @returns {{ build(options: Record<string, unknown>): Promise<Built> }} */
export function loadEsbuild() {
  if (!isThere()) install();
  return createRequire(path.join(folder, "package.json"))("esbuild");
}

function isThere() {
  const file = path.join(folder, "package-lock.json");
  const wanted = path.join(import.meta.dirname, "package-lock.json");
  return existsSync(file) && readFileSync(file, "utf8") === readFileSync(wanted, "utf8");
}

/** Several processes may do so at once: who comes last throws its own away. */
function install() {
  const fresh = `${folder}-${process.pid}`;
  // Without what the npm that runs this has set for itself.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || name === "npm_config_cache"),
  );
  try {
    mkdirSync(fresh, { recursive: true });
    for (const file of ["package.json", "package-lock.json"])
      cpSync(path.join(import.meta.dirname, file), path.join(fresh, file));
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], {
      ...{ cwd: fresh, env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } catch (cause) {
    if (!isThere())
      throw new Error("esbuild is missing: `npm ci` in scripts/esbuild must work once, after that no network is needed.", {
        cause,
      });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
