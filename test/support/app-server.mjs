// @ts-check
/**
 * A server of the tests, on the built package: one process that a test can start, cut and kill.
 * Environment: PORT, REDIS_URL (memory without it), MAX_LENGTH, PAGE (the script of the page).
 * Says `ready` to its parent, takes `{ emit: [...] }`, `{ cut: true }`, and ends in order at SIGTERM.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Redis } from "ioredis";
import { Realtime } from "tidings";
import { handle } from "tidings/node";

const { PORT = "0", REDIS_URL, MAX_LENGTH = "1000", PAGE } = process.env;
const redis = REDIS_URL ? new Redis(REDIS_URL) : undefined;
redis?.on("error", () => {});
const realtime = new Realtime({ history: { maxLength: Number(MAX_LENGTH) }, redis: redis ?? { driver: "memory" } });
const stream = handle({ realtime });
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
    res.end();
  } else {
    res.writeHead(404).end();
  }
});

/** @param {{ emit?: Array<[string, string, unknown]>, cut?: boolean, refuse?: boolean, id: number }} message */
async function obey(message) {
  for (const [channel, event, data] of message.emit ?? []) await realtime.channel(channel).emit(event, data);
  if (message.refuse !== undefined) refusing = message.refuse;
  if (message.cut) for (const socket of streams) socket.destroy();
  process.send?.({ id: message.id });
}

process.on("message", obey);
process.once("SIGTERM", async () => {
  server.close();
  await realtime.close();
  redis?.disconnect();
  process.exit();
});
server.listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
