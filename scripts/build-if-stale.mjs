// @ts-check
/** Builds when `dist` is missing or older than what it is built from. `npm test` and `npm run demo` start with it. */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { entries, programs, root } from "./entries.mjs";

/** What the build reads, besides `src`. */
const INPUTS = ["package.json", "tsconfig.json", "tsdown.config.ts", "scripts/entries.mjs", "scripts/lua-plugin.ts"];

/**
 * When something in `folder` last changed, in epoch ms. Folders count too: a deleted file leaves its mark there.
 * @param {string} folder
 * @returns {number}
 */
function newestIn(folder) {
  let newest = statSync(folder).mtimeMs;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, item.name);
    if (item.isDirectory()) newest = Math.max(newest, newestIn(file));
    // Tests are not built.
    else if (!/\.test(-d)?\.tsx?$/.test(item.name)) newest = Math.max(newest, statSync(file).mtimeMs);
  }
  return newest;
}

/**
 * Why `dist` has to be built, or `undefined` when it is up to date.
 * @param {string} [folder] the root of the package
 * @returns {string | undefined}
 */
export function staleReason(folder = root) {
  let oldest = Infinity;
  const files = [
    ...entries(folder).map((entry) => ({ ...entry, extensions: ["js", "d.ts"] })),
    ...programs(folder).map((program) => ({ ...program, extensions: ["js"] })),
  ];
  for (const { name, source, extensions } of files) {
    if (!statSync(path.join(folder, source), { throwIfNoEntry: false })) continue;
    for (const extension of extensions) {
      const built = statSync(path.join(folder, "dist", `${name}.${extension}`), { throwIfNoEntry: false });
      if (!built) return `dist/${name}.${extension} is missing`;
      oldest = Math.min(oldest, built.mtimeMs);
    }
  }
  const inputs = INPUTS.map((file) => statSync(path.join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.max(newestIn(path.join(folder, "src")), ...inputs) > oldest ? "dist is older than its sources" : undefined;
}

/**
 * Builds when it has to.
 * @returns {boolean} whether `dist` is up to date now
 */
export function buildIfStale() {
  const reason = staleReason();
  if (reason === undefined) return true;
  console.log(`build: ${reason}, building`);
  return spawnSync(process.execPath, [path.join(root, "scripts/build.mjs")], { stdio: "inherit" }).status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildIfStale() ? 0 : 1;
