// @ts-check
/**
 * The entries of the package, read from `exports` in package.json, so that build and exports cannot drift: the file
 * `./dist/client/core.js` is built from `src/client/core.ts`.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");

/**
 * @typedef {object} Entry
 * @property {string} subpath what users import, without the package's name: `"./client/core"`
 * @property {string} name the built file below `dist`, without extension: `"client/core"`
 * @property {string} source the source file, relative to the root: `"src/client/core.ts"`
 */

/**
 * Each code entry of `exports`. An entry that is not built from `src` (`./package.json`) is left out.
 * @param {string} [folder] the folder of the package.json
 * @returns {Entry[]}
 */
export function entries(folder = root) {
  /** @type {{ exports: Record<string, { default?: string }> }} */
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    const name = /^\.\/dist\/(.+)\.js$/.exec(target.default ?? "")?.[1];
    return name === undefined ? [] : [{ subpath, name, source: `src/${name}.ts` }];
  });
}

/**
 * @typedef {object} Program
 * @property {string} name the built file below `dist`, without extension: `"cli/main"`
 * @property {string} source the source file, relative to the root: `"src/cli/main.ts"`
 */

/**
 * Each command line program of `bin`.
 * @param {string} [folder] the folder of the package.json
 * @returns {Program[]}
 */
export function programs(folder = root) {
  /** @type {{ bin?: Record<string, string> }} */
  const { bin = {} } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return Object.values(bin).flatMap((file) => {
    const name = /^(?:\.\/)?dist\/(.+)\.js$/.exec(file)?.[1];
    return name === undefined ? [] : [{ name, source: `src/${name}.ts` }];
  });
}

/**
 * The entries whose source is missing. None, in a repository that can be published.
 * @returns {Entry[]}
 */
export function missingEntries() {
  return entries().filter((entry) => !existsSync(path.join(root, entry.source)));
}
