// @ts-check
/**
 * `npm run check:size`: what the client costs a page, bundled and minified as an application's bundler does it, then gzipped.
 * It bundles the sources, so it needs no build.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { root } from "./entries.mjs";

/** Bytes after gzip: the core alone, and what the entry of a framework adds to it (the framework itself not counted). */
const BUDGET = { core: 4096, framework: 1024 };

/**
 * @typedef {object} Bundle
 * @property {number} bytes after gzip
 * @property {string} code
 * @property {string[]} modules the files in it, relative to the root
 */

/**
 * @param {string} entry a source file, relative to the root
 * @returns {Promise<Bundle>}
 */
export async function bundle(entry) {
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      target: "es2022",
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: path.join(root, entry),
        preserveEntrySignatures: "strict",
        external: [/^(react|svelte|vue)($|\/)/],
        output: { format: "es" },
      },
    },
  });
  const outputs = /** @type {import("vite").Rolldown.RolldownOutput[]} */ (Array.isArray(built) ? built : [built]);
  const chunks = outputs.flatMap(({ output }) => output).filter((file) => file.type === "chunk");
  const code = chunks.map((chunk) => chunk.code).join("\n");
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules)).map((file) => path.relative(root, file));
  return { bytes: gzipSync(code, { level: 9 }).length, code, modules };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const core = await bundle("src/client/core.ts");
  /** @type {[what: string, bytes: number, budget: number][]} */
  const rows = [["tidings/client/core", core.bytes, BUDGET.core]];
  for (const framework of ["react", "svelte", "vue"]) {
    const { bytes } = await bundle(`src/client/${framework}.ts`);
    rows.push([`${framework} adds`, bytes - core.bytes, BUDGET.framework]);
  }
  for (const [what, bytes, budget] of rows) {
    const verdict = bytes <= budget ? "ok" : `FAILED: ${bytes - budget} B above`;
    console.log(`size: ${what.padEnd(20)} ${String(bytes).padStart(5)} B gzip of ${budget} B  ${verdict}`);
    if (bytes > budget) process.exitCode = 1;
  }
}
