// @ts-check
/** Bundles the page, and measures how much of it is tidings. Nothing is written to the disk. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** @typedef {{ readonly type: string, readonly body: string | Uint8Array }} Asset */

const PAGE = fileURLToPath(new URL("../page", import.meta.url));
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css" };
/** What the page takes of tidings, alone. */
const TIDINGS_ALONE = 'export { createRealtimeClient } from "tidings/client/core";';

/** @returns {Promise<{ assets: Map<string, Asset>, tidingsBytes: number }>} files by path, and the gzipped size of tidings */
export async function buildPage() {
  const [page, alone] = await Promise.all([bundle("index.html"), bundle("virtual:tidings-alone")]);
  const assets = new Map(page.map(({ name, body }) => [`/${name}`, { type: typeOf(name), body }]));
  const code = alone.find(({ name }) => name.endsWith(".js"))?.body ?? "";
  return { assets, tidingsBytes: gzipSync(code, { level: 9 }).length };
}

/**
 * @param {string} input
 * @returns {Promise<Array<{ name: string, body: string | Uint8Array }>>}
 */
async function bundle(input) {
  const result = await build({
    root: PAGE,
    configFile: false,
    logLevel: "warn",
    // What is measured is what an application ships, whatever the environment of this process says.
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [
      {
        name: "tidings-alone",
        resolveId: (id) => (id === input && id.startsWith("virtual:") ? `${PAGE}/alone.js` : undefined),
        load: (id) => (id === `${PAGE}/alone.js` ? TIDINGS_ALONE : undefined),
      },
    ],
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input, preserveEntrySignatures: "strict" },
    },
  });
  if (!("output" in result)) throw new Error("the bundler gave no output");
  return result.output.map((file) => ({ name: file.fileName, body: file.type === "chunk" ? file.code : file.source }));
}

/** @param {string} name */
function typeOf(name) {
  const extension = /** @type {keyof typeof TYPES} */ (name.split(".").at(-1));
  return `${TYPES[extension] ?? "application/octet-stream"}; charset=utf-8`;
}
