// @ts-check
/**
 * `npm run check:size`: what the client costs a page, bundled and minified by esbuild as an application does it, then gzipped.
 * It bundles the sources, so it needs no build.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { root } from "./entries.mjs";
import { loadEsbuild } from "./esbuild/load.mjs";

/**
 * @typedef {object} Row
 * @property {string} title
 * @property {string} file where it begins, relative to the root
 * @property {readonly string[]} [uses] what an application imports of it; without, all of it
 * @property {boolean} [isAboveCore] counted without what the core has already
 * @property {number} budget bytes after gzip
 */

/** What an application uses that listens. The folded state, `useRealtimeState`, is paid for by those who use it. */
const HOOKS = ["useRealtime", "createRealtime"];

/** What is promised. Frameworks themselves are not counted, nor is what `import()` loads: that has a row of its own. */
/** @type {readonly Row[]} */
export const ROWS = [
  { title: "tidings/client/core", file: "src/client/core.ts", budget: 4096 },
  { title: "react adds", file: "src/client/react.ts", uses: ["RealtimeProvider", ...HOOKS], isAboveCore: true, budget: 1024 },
  { title: "svelte adds", file: "src/client/svelte.ts", uses: ["provideRealtime", ...HOOKS], isAboveCore: true, budget: 1024 },
  { title: "vue adds", file: "src/client/vue.ts", uses: ["provideRealtime", ...HOOKS], isAboveCore: true, budget: 1024 },
  { title: "events/client adds", file: "src/events/client.ts", isAboveCore: true, budget: 1536 },
  { title: "resources/client adds", file: "src/resources/client.ts", isAboveCore: true, budget: 3072 },
  { title: "tab sharing", file: "src/client/transports/shared-tabs.ts", budget: 1536 },
  { title: "long polling", file: "src/client/transports/long-polling.ts", budget: 1024 },
];

const CORE = "src/client/core.ts";

/**
 * @typedef {object} Bundle
 * @property {number} bytes after gzip
 * @property {string} code
 * @property {string[]} modules the files in it, relative to the root
 */

const OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
  write: false,
  metafile: true,
  logLevel: "silent",
};

/** @param {string} code */
const gzip = (code) => gzipSync(code, { level: 9 }).length;

/**
 * An entry and all that it imports, without what it loads later.
 * @param {string} entry a source file, relative to the root
 * @param {readonly string[]} [uses] the exports that are used; all, if not given
 * @returns {Promise<Bundle>}
 */
export async function bundle(entry, uses) {
  const contents = `export ${uses ? `{ ${uses.join(", ")} }` : "*"} from "./${entry}";`;
  const { outputFiles, metafile } = await loadEsbuild().build({
    ...OPTIONS,
    stdin: { contents, resolveDir: root },
    plugins: [{ name: "later", setup: leaveOutLater }],
  });
  const code = outputFiles[0]?.text ?? "";
  const [output] = Object.values(metafile.outputs);
  return { bytes: gzip(code), code, modules: Object.keys(output?.inputs ?? {}).filter((file) => file !== "<stdin>") };
}

/** @param {{ onResolve(options: { filter: RegExp }, resolve: (args: { path: string, kind: string }) => unknown): void }} esbuild */
function leaveOutLater({ onResolve }) {
  onResolve({ filter: /./ }, ({ path: name, kind }) => {
    const isLeftOut = kind === "dynamic-import" || /^(react|svelte|vue)($|\/)/.test(name);
    return isLeftOut ? { path: name, external: true } : undefined;
  });
}

/**
 * A file that the core loads when it is used, as the chunk that a bundler makes of it.
 * @param {string} file relative to the root
 * @returns {Promise<Bundle>}
 */
export async function chunk(file) {
  const { outputFiles, metafile } = await loadEsbuild().build({
    ...OPTIONS,
    entryPoints: [CORE],
    splitting: true,
    outdir: "dist",
  });
  const [name, output] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === file) ?? [];
  const code = outputFiles.find(
    ({ path: written }) => name !== undefined && path.relative(root, written) === path.normalize(name),
  )?.text;
  if (code === undefined || output === undefined) throw new Error(`${CORE} does not load ${file}`);
  return { bytes: gzip(code), code, modules: Object.keys(output.inputs) };
}

/**
 * @param {Row} row
 * @returns {Promise<number>} bytes after gzip
 */
export async function measure({ file, uses, isAboveCore }) {
  if (file.startsWith("src/client/transports/")) return (await chunk(file)).bytes;
  const { bytes } = await bundle(file, uses);
  return isAboveCore ? bytes - (await bundle(CORE)).bytes : bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const row of ROWS) {
      const bytes = await measure(row);
      const verdict = bytes <= row.budget ? "ok" : `FAILED: ${bytes - row.budget} B above`;
      console.log(`size: ${row.title.padEnd(20)} ${String(bytes).padStart(5)} B gzip of ${row.budget} B  ${verdict}`);
      if (bytes > row.budget) process.exitCode = 1;
    }
  } catch (error) {
    console.log(`size: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
