// @ts-check
/**
 * Uses the built package in every way, closes it, and prints what is left: timers (also such as do not keep a process alive),
 * sockets and other handles, hubs. Environment: REDIS_URL (memory without it).
 */
import { once } from "node:events";
import { createServer, get } from "node:http";
import { Redis } from "ioredis";

const timers = new Set();
const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
globalThis.setTimeout = /** @type {typeof setTimeout} */ (
  /** @type {unknown} */ (
    (/** @type {() => void} */ callback, /** @type {number} */ ms) => {
      const timer = realSet(() => {
        timers.delete(timer);
        callback();
      }, ms);
      timers.add(timer);
      return timer;
    }
  )
);
globalThis.clearTimeout = (timer) => {
  timers.delete(timer);
  realClear(timer);
};

const { handle, Realtime } = await import("tidings");
const { handle: handleNode } = await import("tidings/node");
const before = process.getActiveResourcesInfo();

const { REDIS_URL } = process.env;
const client = REDIS_URL ? new Redis(REDIS_URL) : undefined;
const make = () => new Realtime({ redis: client ?? { driver: "memory" } });
const realtime = make();
const other = make();
const server = createServer(handleNode({ realtime })).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

const abort = new AbortController();
for (let round = 0; round < 20; round++) {
  // A handle per request, as some frameworks call it (F-13).
  const response = await handle({ realtime })(
    new Request(`http://localhost/?channel=a&channel=b${round}`, { signal: abort.signal }),
  );
  await response.body?.getReader().read();
  // Not with fetch, which has timers of its own.
  const [stream] = await once(get({ host: "127.0.0.1", port, path: "/?channel=a", agent: false }), "response");
  await once(stream, "data");
}
await realtime.channel("a").subscribe({ onData: () => {}, history: true });
// close() from inside a handler must not wait for that handler.
const closed = new Promise((resolve) => {
  void other.subscribe({ onData: () => other.close().then(resolve) });
});
while (
  (await realtime.emit("n.n", 1)) &&
  !(await Promise.race([closed.then(() => true), new Promise((resolve) => realSet(resolve, 20, false))]))
);
await realtime.close();
client?.disconnect();
server.closeAllConnections();
await new Promise((resolve) => server.close(resolve));
abort.abort();

// Sockets close in turns of their own.
const left = () =>
  process.getActiveResourcesInfo().filter((name) => !["Immediate", "Timeout", "PipeWrap", "TTYWrap"].includes(name));
const allowed = before.filter((name) => !["Immediate", "Timeout", "PipeWrap", "TTYWrap"].includes(name));
for (let turn = 0; turn < 200 && left().length > allowed.length; turn++) await new Promise((resolve) => realSet(resolve, 5));
const registry = /** @type {Record<symbol, Record<number, { hubs: Map<string, unknown> }>>} */ (
  /** @type {unknown} */ (globalThis)
)[Symbol.for("tidings")];
const hubs = Object.values(registry ?? {}).reduce((sum, { hubs }) => sum + hubs.size, 0);
console.log(JSON.stringify({ timers: timers.size, handles: left(), hubs }));
