// @ts-check
/**
 * `node bench/run.mjs emit`: bundles `bench/emit.ts` with the sources that it measures, unminified as they are shipped, and
 * runs it in a process of its own; `list` likewise, which measures the built package. What stands before the name goes to Node:
 * `node bench/run.mjs --cpu-prof emit`.
 */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, runnerImport } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
// Below the root, so that packages are found.
const outDir = path.join(root, ".cache", `bench-${process.pid}`);

const argv = process.argv.slice(2);
const at = argv.findIndex((argument) => !argument.startsWith("-"));
const name = argv[at];
if (name === undefined) {
  console.error("bench: say which: node bench/run.mjs emit, or list");
  process.exit(1);
}

/** @typedef {typeof import("../scripts/lua-plugin.ts")} LuaPluginModule */
/** @type {{ module: LuaPluginModule }} */
const { module } = await runnerImport(path.join(root, "scripts/lua-plugin.ts"), { configFile: false });
mkdirSync(outDir, { recursive: true });
process.on("exit", () => rmSync(outDir, { recursive: true, force: true }));
await build({
  root,
  configFile: false,
  logLevel: "warn",
  plugins: [module.luaPlugin()],
  build: {
    ssr: path.join(root, "bench", `${name}.ts`),
    target: "es2022",
    minify: false,
    outDir,
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
  },
});
const child = spawn(process.execPath, [...argv.slice(0, at), path.join(outDir, `${name}.mjs`), ...argv.slice(at + 1)], {
  cwd: root,
  stdio: "inherit",
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
