// @ts-check
/**
 * What a page that is open for long does to the client, on the built package, over and over; then what it is left with, as JSON.
 * Environment: WARM_UP and ROUNDS, SHARE (of a round's operations). Needs --expose-gc.
 */
import { doAll, handles, heap, hubs, pendingTimers, sleep, until } from "./census.mjs";
import { fire, pageInUse } from "./page-stand-in.mjs";
import { once } from "node:events";
import { createServer } from "node:http";
import { handle, Realtime } from "tidings";
import { createRealtimeClient } from "tidings/client/core";
import { handle as handleNode } from "tidings/node";

const { WARM_UP = "2", ROUNDS = "6", SHARE = "1" } = process.env;
const start = { timers: pendingTimers(), handles: handles() };
const realtime = new Realtime({ redis: { driver: "memory" }, history: { maxLength: 20 } });
const endpoint = handle({ realtime, authorize: ({ channel }) => channel !== "secret" });
const server = createServer(handleNode({ realtime })).listen(0, "127.0.0.1");
await once(server, "listening");
/** Where Node's fetch breaks a response off it opens another connection, for a request that does not come. @type {Set<import("node:net").Socket>} */
const unused = new Set();
server.on("connection", (socket) => unused.add(socket.on("close", () => unused.delete(socket))));
server.on("request", ({ socket }) => unused.delete(socket));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
for (const method of /** @type {const} */ (["warn", "error", "info", "log", "debug"])) console[method] = () => {};

// Node remembers its newest 250 fetches.
performance.setResourceTimingBufferSize(0);
/** Without a network between. @type {typeof fetch} */
const direct = (input, init) => endpoint(new Request(new URL(/** @type {string} */ (input), "http://localhost/"), init));
/** Over one. @type {typeof fetch} */
const far = (input, init) => fetch(new URL(/** @type {string} */ (input), `http://127.0.0.1:${port}/`), init);
/** One that is not there. @type {typeof fetch} */
const nowhere = () => Promise.reject(new TypeError("Failed to fetch"));
/** One that holds streams back, so that the client asks for pages. @type {typeof fetch} */
const gateway = (input, init) => {
  const headers = new Headers(init?.headers);
  if (headers.get("accept")?.includes("application/json")) return direct(input, init);
  return Promise.resolve(new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } }));
};
/** Forty times as quick, where it is the client's timers that are waited for. */
const quick = {
  now: () => performance.now() * 40,
  setTimeout: (/** @type {() => void} */ callback, /** @type {number} */ ms) => setTimeout(callback, ms / 40),
  clearTimeout: (/** @type {any} */ timer) => clearTimeout(timer),
  random: Math.random,
};
const room = (/** @type {number} */ n) => `room:${n % 20}`;
// Somebody else listens all the time, so that the server's part is the same at each look; its memory is full from the beginning.
let heard = 0;
for (let n = 0; n < 20; n++) await realtime.channel(room(n)).subscribe({ onData: () => heard++ });
for (let n = 0; n < 400; n++) await realtime.channel(room(n)).emit("n.n", { n });
await until("all events", () => heard === 400);
// The first stream that somebody decided about makes the server listen to the orders of others until it is closed, for which it has a timer.
await (await direct("/?channel=room:0")).body?.cancel();
await until("a server that listens", () => pendingTimers() - start.timers === 1);
const listening = pendingTimers();

/** @param {any} client @param {string} status */
const reaches = (client, status) =>
  new Promise((resolve) => {
    const look = () => {
      if (client.getStatus() !== status) return;
      stop();
      resolve(undefined);
    };
    const stop = client.subscribeStatus(look);
    look();
  });

/** @param {any} client @param {object} options */
function hears(client, options) {
  /** @type {() => void} */
  let stop = () => {};
  const heard = new Promise((resolve) => {
    stop = client.subscribe({ ...options, onData: resolve });
  });
  return { heard, stop };
}

/**
 * What happens in a round, and how often.
 * @type {ReadonlyArray<readonly [times: number, act: (n: number) => Promise<void>]>}
 */
const ACTS = [
  // Subscribes, hears an event, unsubscribes.
  [
    60,
    async (n) => {
      const client = createRealtimeClient({ fetch: direct });
      const { heard, stop } = hears(client, { channels: [room(n)] });
      await reaches(client, "connected");
      await realtime.channel(room(n)).emit("n.n", { n });
      await heard;
      stop();
      client.destroy();
    },
  ],
  // Goes from channel to channel, with several listeners.
  [
    30,
    async (n) => {
      const client = createRealtimeClient({ fetch: direct });
      let { stop } = hears(client, { channels: [room(n)], history: true });
      for (let step = 1; step < 4; step++) {
        await reaches(client, "connected");
        const next = hears(client, { channels: [room(n + step), room(n + step + 1)], history: { limit: 2 } });
        stop();
        await next.heard;
        ({ stop } = next);
      }
      client.destroy();
    },
  ],
  // The page becomes visible, comes online, is thawed.
  [
    10,
    async (n) => {
      const client = createRealtimeClient({ fetch: direct });
      const { stop } = hears(client, { channels: [room(n)] });
      await reaches(client, "connected");
      for (const name of ["visibilitychange", "online", "resume"]) fire(name);
      await reaches(client, "connected");
      if (n % 2) stop();
      client.destroy();
    },
  ],
  // Is destroyed while it connects, while it waits to try again, when it was refused.
  [
    30,
    async (n) => {
      const client = createRealtimeClient({ fetch: n % 3 === 1 ? nowhere : direct });
      hears(client, { channels: [n % 3 === 2 ? "secret" : room(n)] });
      if (n % 3 === 1) await reaches(client, "disconnected");
      if (n % 3 === 2) await reaches(client, "error");
      client.destroy();
    },
  ],
  // Is told to move to another stream, or loses one and comes back by itself.
  [
    4,
    async (n) => {
      const own = new Realtime({ redis: { driver: "memory" }, keyPrefix: `own-${n % 4}`, maxDurationSecs: 0.1 });
      let asked = 0;
      const serve = handle({ realtime: own });
      const client = createRealtimeClient({
        fetch: (input, init) => (
          asked++,
          serve(new Request(new URL(/** @type {string} */ (input), "http://localhost/"), init))
        ),
      });
      hears(client, { channels: ["a"] });
      await until("three streams", () => asked > 2);
      client.destroy();
      await own.close();
    },
  ],
  // Gets no stream, and asks for pages.
  [
    2,
    async (n) => {
      const client = createRealtimeClient({ fetch: gateway, clock: quick });
      const { heard, stop } = hears(client, { channels: [room(n)], history: true });
      await heard;
      await sleep(5);
      stop();
      client.destroy();
    },
  ],
  // Shares a connection with another tab, which goes on when the first is closed.
  [
    12,
    async (n) => {
      const api = { shareTabs: `user-${n % 12}` };
      const [first, second] = [createRealtimeClient({ api, fetch: direct }), createRealtimeClient({ api, fetch: direct })];
      const one = hears(first, { channels: [room(n)] });
      const other = hears(second, { channels: [room(n), room(n + 1)] });
      await Promise.all([reaches(first, "connected"), reaches(second, "connected")]);
      await realtime.channel(room(n)).emit("n.n", { n });
      await Promise.all([one.heard, other.heard]);
      first.destroy();
      await reaches(second, "connected");
      second.destroy();
    },
  ],
  // The same as the first, over a network.
  [
    12,
    async (n) => {
      const client = createRealtimeClient({ fetch: far });
      const { heard, stop } = hears(client, { channels: [room(n)], history: { limit: 1 } });
      await heard;
      stop();
      client.destroy();
    },
  ],
];

async function census() {
  const sockets = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  const all = hubs();
  return {
    ...pageInUse(),
    timers: pendingTimers() - listening,
    "streams on the server": all.reduce((sum, { streams }) => sum + streams, 0),
    sockets,
  };
}

async function calm() {
  await until("everything to be let go of", async () => {
    for (const socket of unused) socket.destroy();
    const counts = await census();
    return Object.values(counts).every((count) => count === 0) || counts;
  });
}

const round = () => doAll(ACTS.map(([times, act]) => [Math.ceil(times * Number(SHARE)), act]));
for (let n = 0; n < Number(WARM_UP); n++) await round();
await calm();
const before = await census();
const heaps = [await heap()];
let operations = 0;
for (let n = 0; n < Number(ROUNDS); n++) {
  operations += await round();
  await calm();
  heaps.push(await heap());
}
const after = await census();
await realtime.close();
await new Promise((resolve) => server.close(resolve));
await until("all handles to close", () => handles() <= start.handles);
const closed = { hubs: hubs().length, timers: pendingTimers() - start.timers };
process.send?.({ operations, before, after, heaps, topics: 0, closed });
process.disconnect?.();
