// @ts-check
/**
 * Which tools a test file needs. Nobody declares it: a test that starts Redis or a browser imports the module of
 * `test/support` that does so, directly or through another one.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { root } from "./entries.mjs";

/** @import { ToolName } from "./find-tools.mjs" */

const WEBKIT = /(^|\/)test\/support\/browsers\/webkit\.ts$/;

/** @type {Record<ToolName, RegExp>} */
const MARKS = {
  redis: /(^|\/)test\/support\/redis-server\.ts$/,
  chromium: /(^|\/)test\/support\/browser\.ts$|^playwright-core$/,
  firefox: /(^|\/)test\/support\/browsers\/firefox\.ts$/,
  webkit: WEBKIT,
  // It has no mode without a window.
  xvfb: WEBKIT,
  nginx: /(^|\/)test\/support\/(nginx|proxies)\.ts$/,
  haproxy: /(^|\/)test\/support\/proxies\.ts$/,
  caddy: /(^|\/)test\/support\/guide-proxies\.ts$/,
  prometheus: /(^|\/)test\/support\/prometheus\.ts$/,
  mariadb: /(^|\/)test\/support\/mariadb\.ts$/,
};

const IMPORT = /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g;

/**
 * Every test file, relative to `folder`, with what it needs.
 * @param {string} [folder]
 * @returns {Map<string, Set<ToolName>>}
 */
export function testNeeds(folder = root) {
  /** @type {Map<string, Set<ToolName>>} */
  const needs = new Map();
  for (const part of ["src", "test"]) {
    const inside = path.join(folder, part);
    if (!existsSync(inside)) continue;
    for (const item of readdirSync(inside, { recursive: true, withFileTypes: true })) {
      const file = path.join(item.parentPath, item.name);
      if (!item.isFile() || !/\.test\.(ts|tsx|mjs)$/.test(item.name) || file.includes("node_modules")) continue;
      needs.set(path.relative(folder, file), needsOf(file));
    }
  }
  return needs;
}

/**
 * @param {string} file
 * @param {Set<string>} [seen]
 * @returns {Set<ToolName>}
 */
function needsOf(file, seen = new Set()) {
  /** @type {Set<ToolName>} */
  const needs = new Set();
  // What looks like an import of a folder stands in a text that a test writes.
  if (seen.has(file) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return needs;
  seen.add(file);
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const target = specifier.startsWith(".") ? path.resolve(path.dirname(file), specifier) : specifier;
    for (const [name, mark] of Object.entries(MARKS)) {
      if (mark.test(target)) needs.add(/** @type {ToolName} */ (name));
    }
    // Only helpers of the tests can lead to a tool; the library's own sources cannot.
    if (path.isAbsolute(target) && target.includes(`${path.sep}test${path.sep}`)) {
      for (const name of needsOf(target, seen)) needs.add(name);
    }
  }
  return needs;
}
