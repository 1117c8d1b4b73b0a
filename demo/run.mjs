// @ts-check
/**
 * `npm run demo`: builds when it has to, starts the shop, prints one address. Ctrl+C ends it.
 * Environment: `PORT` (3000 or the next free one), `HOST` (localhost), `REDIS_URL` (without it: memory, and one server process).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { buildIfStale } from "../scripts/build-if-stale.mjs";
import { postJson } from "./http.mjs";
import { createControl } from "./front/control.mjs";
import { createGate } from "./front/gate.mjs";
import { listen, Refusal } from "./front/listen.mjs";
import { createRoutes } from "./front/routes.mjs";
import { createShops } from "./front/shops.mjs";
import { createTicker } from "./front/ticker.mjs";
import { createTill } from "./front/till.mjs";

/** @import { Redis } from "ioredis" */

/** What the end may wait for, in ms: Redis, to take the demo's keys away. */
const FAREWELL_MS = 300;

const { REDIS_URL } = process.env;
/** Names this run: its numbers and its keys begin anew. */
const run = Date.now().toString(36);
const prefix = `tidings-demo:${run}:`;
const gate = createGate();
const shops = createShops(REDIS_URL ? ["A", "B"] : ["A"], { ...process.env, DEMO_PREFIX: prefix }, gate.release);
/** @type {Redis | undefined} */
let redis;
let ending = false;

/** @param {number} code */
async function end(code) {
  if (ending) process.exit(code);
  ending = true;
  await shops.killAll();
  if (redis) await Promise.race([redis.unlink(`${prefix}tidings:default`).catch(() => {}), sleep(FAREWELL_MS)]);
  process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void end(0));
process.on("exit", () => void shops.killAll());

async function start() {
  /** @type {(serve: ReturnType<typeof createRoutes>) => void} */
  let open = () => {};
  const routes = new Promise((/** @type {typeof open} */ resolve) => (open = resolve));
  // The port is taken first, so that a mistake is told before anything is built; who is early waits.
  const { url } = await listen(process.env, (req, res) => void routes.then((serve) => serve(req, res)));
  if (REDIS_URL) redis = await (await import("./front/check-redis.mjs")).connectRedis(REDIS_URL);
  if (!buildIfStale()) throw new Refusal("the build failed, see above.");
  const { buildPage } = await import("./front/build-page.mjs");
  const [page] = await Promise.all([buildPage(), shops.startAll()]);

  let turn = 0;
  const till = createTill(async (order) => {
    const up = shops.shops.filter((shop) => shop.up);
    const shop = up[turn++ % up.length];
    if (!shop) return { status: 503, body: { code: "unavailable", message: "The server is being restarted." } };
    return await postJson(shop.port, "/orders", order);
  });
  const ticker = createTicker(till);
  const control = createControl({ run, shops, gate, ticker, till, redis: redis !== undefined });
  open(createRoutes({ gate, ticker, till, control }, page));
  process.stdout.write(`demo: ${url}\n`);
}

try {
  await start();
} catch (error) {
  console.error(error instanceof Refusal ? `demo: ${error.message}` : error);
  await end(1);
}
