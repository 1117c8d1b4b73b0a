// @ts-check
/**
 * A server on h3 1 with the routes of a folder, as Nuxt 4 has it; and one route, `/response`, that does what a guide must not say.
 * Says `{ port }` to its parent, and answers any message with the number of its streams.
 */
import { hubs } from "./census.mjs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { handle, Realtime } from "tidings";

const [, , folder = ""] = process.argv;
/** @param {string} file */
const load = (file) => import(pathToFileURL(path.join(folder, file)).href);
const h3 = await import(pathToFileURL(createRequire(path.join(folder, "x.js")).resolve("h3")).href.replace(/\.cjs$/, ".mjs"));

const router = h3.createRouter();
router.get("/api/realtime", (await load("server/api/realtime.get.mjs")).default);
router.post("/api/messages", (await load("server/api/messages.post.mjs")).default);
const brief = handle({ realtime: new Realtime({ redis: { driver: "memory" }, keyPrefix: "brief", maxDurationSecs: 2 }) });
router.get(
  "/response",
  h3.eventHandler((/** @type {unknown} */ event) => brief(h3.toWebRequest(event))),
);
const app = h3.createApp().use(router);
const server = createServer(h3.toNodeListener(app)).listen(0, "127.0.0.1", () => {
  process.send?.({ port: /** @type {import("node:net").AddressInfo} */ (server.address()).port });
});
process.on("message", () => process.send?.(hubs().reduce((sum, { streams }) => sum + streams, 0)));
process.on("disconnect", () => process.exit());
