// @ts-check
/**
 * `npm run build`: builds beside `dist` and then swaps, so that a process which is reading `dist` never finds it half
 * written, and a failed build leaves the last good one in place.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { entries, missingEntries, root } from "./entries.mjs";

const started = performance.now();
const work = path.join(root, ".cache", `build-${process.pid}`);
const fresh = path.join(work, "new");
mkdirSync(work, { recursive: true });

try {
  const tsdown = path.join(root, "node_modules/tsdown/dist/run.mjs");
  const build = spawnSync(process.execPath, [tsdown, "--out-dir", fresh], { cwd: root, encoding: "utf8" });
  // A warning is a failure too (`failOnWarn`), so a build that succeeds has nothing to say.
  if (build.status !== 0) {
    console.error(`${build.stdout}${build.stderr}`);
    console.error("build: failed; dist is as it was.");
    process.exitCode = 1;
  } else {
    const dist = path.join(root, "dist");
    if (existsSync(dist)) renameSync(dist, path.join(work, "old"));
    renameSync(fresh, dist);
    const missing = missingEntries();
    for (const entry of missing) console.warn(`build: ${entry.source} does not exist, so "${entry.subpath}" was left out.`);
    const secs = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`build: ok, ${entries().length - missing.length} entries in dist (${secs} s)`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
