// @ts-check
/**
 * A server of one of the libraries that stand side by side. Environment: SERVER (a module that exports `start`), PAGE (the script of
 * its page), PACKAGES (where those are installed that the repository lacks), PORT, KEEP, STREAM_SECS, REDIS_URL, REST_URL, REST_TOKEN.
 * Says its port to its parent; takes `{ emit: n }`, answers `{ n, fate }`.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @typedef {object} Place what a server is given
 * @property {import("node:http").Server} http
 * @property {string} redisUrl
 * @property {{ url: string, token: string }} rest the same Redis, over REST
 * @property {number} keep how many events it is to keep at least
 * @property {number} streamSecs how long a stream is to last
 * @property {(name: string) => any} packages those that the repository lacks
 *
 * @typedef {object} Peer
 * @property {import("node:http").RequestListener} [listener] of `/api/realtime`
 * @property {(text: string) => Promise<"stored" | "refused" | "unknown">} emit
 *
 * @callback Start
 * @param {Place} place
 * @returns {Peer | Promise<Peer>}
 */

const {
  SERVER = "",
  PAGE = "",
  PACKAGES = "",
  PORT = "0",
  KEEP,
  STREAM_SECS,
  REDIS_URL = "",
  REST_URL = "",
  REST_TOKEN = "",
} = process.env;
const HTML = `<!doctype html><title>peer</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>`;

/** @type {Peer} */
let peer;
const http = createServer((req, res) => {
  if (req.url === "/") res.setHeader("content-type", "text/html").end(HTML);
  else if (req.url === "/page.js") res.setHeader("content-type", "text/javascript").end(readFileSync(PAGE));
  else if (peer.listener) peer.listener(req, res);
  else res.writeHead(404).end();
});

/** @type {{ start: Start }} */
const { start } = await import(pathToFileURL(SERVER).href);
peer = await start({
  http,
  redisUrl: REDIS_URL,
  rest: { url: REST_URL, token: REST_TOKEN },
  keep: Number(KEEP),
  streamSecs: Number(STREAM_SECS),
  packages: createRequire(path.join(PACKAGES, "package.json")),
});

process.on("message", async (/** @type {{ emit: number }} */ { emit: n }) => {
  // To refuse an event is no promise that it is not stored: for all but those who say so, nobody knows.
  const fate = await peer.emit(`#${n}.`).catch(() => "unknown");
  process.send?.({ n, fate });
});
process.on("disconnect", () => process.exit());
http.listen(Number(PORT), "127.0.0.1", () => {
  const address = http.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
