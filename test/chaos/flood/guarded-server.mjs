// @ts-check
/**
 * A server with a guard, on the built package, beside a route that refuses with bare Node. Environment: REDIS_URL.
 * Says its port to its parent, and takes `{ id }`: answers with what the process has used of the processor, in ms.
 */
import { createServer } from "node:http";
import { Redis } from "ioredis";
import { Realtime } from "tidings";
import { handle } from "tidings/node";

const { REDIS_URL = "" } = process.env;
const redis = new Redis(REDIS_URL);
redis.on("error", () => {});
const realtime = new Realtime({ redis, maxDurationSecs: Infinity });
const guarded = handle({
  realtime,
  authorize: ({ channel }) => channel !== "admin",
  address: (request) => request.headers.get("x-address") ?? undefined,
  limits: { maxStreamsPerAddress: 5 },
});
const body = `${JSON.stringify({ code: "forbidden", message: "You may not read any of these channels." })}\n`;

const server = createServer((req, res) => {
  if (!req.url?.startsWith("/bare")) return guarded(req, res);
  res.writeHead(403, { "content-type": "application/json", "cache-control": "no-store" });
  res.end(body);
});

/** @param {{ id: number }} message */
process.on("message", ({ id }) => {
  const { user, system } = process.cpuUsage();
  process.send?.({ id, cpuMs: (user + system) / 1_000 });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
