// @ts-check
/**
 * A server of the tests, on the built package: one process that a test can start, cut and kill.
 * Environment: PORT, REDIS_URL (memory without it; a Cluster where it is several, joined by commas), MAX_LENGTH, PAGE (the script of the page), GUARDED (users by the header
 * `x-user`, which may read what was not taken from them), GRACE_SECS (drains at SIGTERM).
 * Says `ready` to its parent, takes `{ emit: [...] }`, `{ cut: true }`, `{ revoke: [user, channel] }`, `{ disconnect }`, and ends in
 * order at SIGTERM.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Cluster, Redis } from "ioredis";
import { Realtime } from "tidings";
import { handle } from "tidings/node";

const { PORT = "0", REDIS_URL, MAX_LENGTH = "1000", PAGE, GUARDED, GRACE_SECS } = process.env;
const redis = !REDIS_URL ? undefined : REDIS_URL.includes(",") ? new Cluster(REDIS_URL.split(",")) : new Redis(REDIS_URL);
redis?.on("error", () => {});
const realtime = new Realtime({ history: { maxLength: Number(MAX_LENGTH) }, redis: redis ?? { driver: "memory" } });
/** @type {Set<string>} */
const revoked = new Set();
const stream = handle({
  realtime,
  ...(GUARDED && {
    identify: (request) => request.headers.get("x-user") ?? undefined,
    authorize: ({ user, channel }) => !revoked.has(`${user} ${channel}`),
  }),
});
/** @type {Set<import("node:net").Socket>} */
const streams = new Set();
let refusing = false;

const server = createServer(async (req, res) => {
  const url = req.url ?? "/";
  if (url.startsWith("/api/realtime")) {
    if (refusing) return void req.socket.destroy();
    // One connection can bring several requests, one after the other.
    if (!streams.has(req.socket)) req.socket.once("close", () => streams.delete(req.socket));
    streams.add(req.socket);
    stream(req, res);
  } else if (url === "/page.js") {
    res.setHeader("content-type", "text/javascript").end(PAGE ? readFileSync(PAGE) : "");
  } else if (url === "/") {
    res
      .setHeader("content-type", "text/html")
      .end(
        '<!doctype html><title>test</title><link rel="icon" href="data:,"><ol id="list"></ol><script type="module" src="/page.js"></script>',
      );
  } else if (url === "/readyz") {
    // What a balancer asks.
    res.writeHead(realtime.health().ready ? 200 : 503).end();
  } else {
    res.writeHead(404).end();
  }
});

/**
 * @typedef {object} Message
 * @property {number} id
 * @property {Array<[string, string, unknown]>} [emit]
 * @property {boolean} [cut]
 * @property {boolean} [refuse]
 * @property {[user: string, channel: string]} [revoke]
 * @property {import("tidings").DisconnectOptions} [disconnect]
 */

/** @param {Message} message */
async function answer(message) {
  try {
    process.send?.({ id: message.id, value: await obey(message) });
  } catch (error) {
    process.send?.({ id: message.id, error: String(error) });
  }
}

/** @param {Message} message */
async function obey(message) {
  for (const [channel, event, data] of message.emit ?? []) await realtime.channel(channel).emit(event, data);
  if (message.refuse !== undefined) refusing = message.refuse;
  if (message.cut) for (const socket of streams) socket.destroy();
  if (message.revoke) revoked.add(message.revoke.join(" "));
  return message.disconnect ? await realtime.disconnect(message.disconnect) : undefined;
}

process.on("message", answer);
process.once("SIGTERM", async () => {
  // Who drains goes on listening: it has to turn away who does not know yet.
  if (GRACE_SECS) await realtime.drain({ graceSecs: Number(GRACE_SECS) });
  server.close();
  await realtime.close();
  redis?.disconnect();
  process.exit();
});
server.listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
