// @ts-check
/**
 * A server with streams, on the built package, that tells what it costs; it can publish as well.
 * Environment: REDIS_URL, LISTEN (a port or the path of a socket), ENTRY (`tidings` or `tidings/node`), MAX_LENGTH. Needs --expose-gc.
 * Takes `{ flood }` and `{ figures }`, each with an `id`, and answers `{ id, … }`.
 */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { handle as handleFetch, Realtime } from "tidings";
import { handle as handleNode } from "tidings/node";

const { REDIS_URL = "", LISTEN = "0", ENTRY, MAX_LENGTH = "1000" } = process.env;
const redis = new Redis(REDIS_URL);
const realtime = new Realtime({ redis, history: { maxLength: Number(MAX_LENGTH) }, maxDurationSecs: Infinity });

/** A host of `handle` that does what it should: it reads no faster than the client, and says when it has left. */
function hosted() {
  const stream = handleFetch({ realtime });
  return async (
    /** @type {import("node:http").IncomingMessage} */ req,
    /** @type {import("node:http").ServerResponse} */ res,
  ) => {
    const leaving = new AbortController();
    res.on("close", () => leaving.abort());
    const headers = Object.entries(req.headers).map(([name, value]) => [name, String(value)]);
    const response = await stream(
      new Request(`http://localhost${req.url}`, { headers: Object.fromEntries(headers), signal: leaving.signal }),
    );
    res.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const bytes of response.body ?? []) {
      if (res.write(bytes)) continue;
      await new Promise((resolve) => {
        const goOn = () => resolve(res.off("drain", goOn).off("close", goOn));
        res.on("drain", goOn).on("close", goOn);
      });
      if (res.destroyed) break;
    }
    res.end();
  };
}

const server = createServer(ENTRY === "tidings" ? hosted() : handleNode({ realtime }));
/** @type {Set<import("node:net").Socket>} */
const sockets = new Set();
let mostWaiting = 0;
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
setInterval(() => {
  for (const { writableLength } of sockets) mostWaiting = Math.max(mostWaiting, writableLength);
}, 20).unref();

const TICK_MS = 20;

/** Emits numbered events, so many a second, and waits for all of them. @param {Record<string, any>} flood */
async function publish({ channel, from, to, bytes, perSecond }) {
  const text = "x".repeat(bytes);
  const started = performance.now();
  const emits = [];
  for (let n = from; n <= to;) {
    const due = from + ((performance.now() - started) / 1_000) * perSecond;
    for (; n <= Math.min(due, to); n++) emits.push(realtime.channel(channel).emit("flood.event", { n, text }));
    await sleep(TICK_MS);
  }
  await Promise.all(emits);
}

async function figures() {
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc?.();
    await sleep(10);
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const most = mostWaiting;
  mostWaiting = 0;
  return { rss, heapUsed, arrayBuffers, mostWaiting: most, sockets: sockets.size };
}

process.on("message", async (/** @type {any} */ { id, flood }) => {
  const answer = flood ? await publish(flood) : await figures();
  process.send?.({ id, ...answer });
});
process.on("disconnect", () => process.exit());
server.listen(Number.isNaN(Number(LISTEN)) ? LISTEN : Number(LISTEN), () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : 0 });
});
