// @ts-check
/**
 * What a busy server goes through, on the built package, over and over; then what it is left with, as JSON.
 * Environment: REDIS_URL (memory without it), WARM_UP and ROUNDS, SHARE (of a round's operations), LINGER (`1`: waits until topics that
 * nobody reads are gone, half a minute). Needs --expose-gc.
 */
import { doAll, handles, heap, hubs, listenersOf, pendingTimers, sleep, until } from "./census.mjs";
import { getEventListeners, once } from "node:events";
import { createServer, request } from "node:http";
import { Redis } from "ioredis";

const { REDIS_URL, WARM_UP = "2", ROUNDS = "6", SHARE = "1", LINGER } = process.env;
const processListeners = listenersOf(process);
const { handle: handleFetch, Realtime } = await import("tidings");
const { handle: handleNode } = await import("tidings/node");

const logger = { log() {}, warn() {}, error() {} };
const start = { timers: pendingTimers(), handles: handles() };
const client = REDIS_URL ? new Redis(REDIS_URL) : undefined;
await client?.ping();
const clientListeners = client && listenersOf(client);
/** Looks at Redis, and is not counted. */
const observer = REDIS_URL ? new Redis(REDIS_URL) : undefined;
/** Its logs are full after the first rounds. */
const history = { maxLength: 20 };
const make = (keyPrefix = "tidings") => new Realtime({ redis: client ?? { driver: "memory" }, keyPrefix, logger, history });
const realtime = make();
const authorize = (/** @type {{ channel: string }} */ { channel }) => channel !== "secret";
const stream = handleFetch({ realtime, authorize });
const nodeStream = handleNode({ realtime, authorize });
/** As long-lived as a host's own signal. */
const host = new AbortController();

/** @param {import("node:http").IncomingMessage} req @param {import("node:http").ServerResponse} res */
async function hosted(req, res) {
  const leaving = new AbortController();
  res.on("close", () => leaving.abort());
  const headers = { accept: req.headers.accept ?? "*/*" };
  const response = await stream(
    new Request(`http://localhost${req.url}`, { method: req.method, headers, signal: leaving.signal }),
  );
  res.writeHead(response.status, Object.fromEntries(response.headers));
  const reader = response.body?.getReader();
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done) break;
    if (res.write(piece.value)) continue;
    await new Promise((resolve) => {
      const goOn = () => resolve(res.off("drain", goOn).off("close", goOn));
      res.on("drain", goOn).on("close", goOn);
    });
  }
  res.end();
}
const server = createServer((req, res) => void (req.url?.startsWith("/fetch") ? hosted(req, res) : nodeStream(req, res)));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

/** @param {string} path @param {Record<string, string>} [headers] @param {string} [method] */
function ask(path, headers = {}, method = "GET") {
  const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false }).on("error", () => {});
  sent.end();
  return sent;
}

/** @param {string} path @param {Record<string, string>} [headers] */
async function open(path, headers) {
  const sent = ask(path, headers);
  const [response] = /** @type {[import("node:http").IncomingMessage]} */ (await once(sent, "response"));
  response.on("error", () => {});
  return response;
}

/** @param {import("node:http").IncomingMessage} response @param {string} text */
async function seen(response, text) {
  let all = "";
  await new Promise((resolve) => {
    response.on("data", (bytes) => (all += bytes).includes(text) && resolve(undefined));
    response.on("close", resolve);
  });
}

/** @param {import("node:http").IncomingMessage} response */
async function drop(response) {
  const closed = once(response.socket, "close");
  response.destroy();
  await closed;
}

const room = (/** @type {number} */ n) => `room:${n % 20}`;
const entry = (/** @type {number} */ n) => (n % 2 ? "/node" : "/fetch");
const json = { accept: "application/json" };
await realtime.channel("large").emit("n.n", { n: 0 });
// What is kept of each channel is full from the beginning: of its log, and of what this process has heard.
for (const name of Array.from({ length: 24 }, (_, n) => [room(n), `page:${n}`]).flat()) {
  let heard = 0;
  const stop = await realtime.channel(name).subscribe({ onData: () => heard++ });
  for (let n = 0; n < history.maxLength; n++) await realtime.channel(name).emit("n.n", { n });
  await until("all events", () => heard === history.maxLength);
  stop();
}
for (let n = 0; n < 15; n++) await realtime.channel("large").emit("n.n", { text: "x".repeat(60_000) });

/**
 * What happens in a round, and how often: about a minute of a server with a thousand tabs, whose streams live for five minutes.
 * @type {ReadonlyArray<readonly [times: number, act: (n: number) => Promise<void>]>}
 */
const ACTS = [
  // Connects, hears an event, and leaves.
  [
    80,
    async (n) => {
      const response = await open(`${entry(n)}?channel=${room(n)}`);
      const heard = seen(response, '"event"');
      await seen(response, "connected");
      await realtime.channel(room(n)).emit("n.n", { n });
      await heard;
      await drop(response);
    },
  ],
  // Changes its channels: the next stream is there before the last one goes.
  [
    40,
    async (n) => {
      const last = await open(`${entry(n)}?v=1&channel=${room(n)}`);
      const next = await open(`${entry(n)}?v=1&channel=${room(n)}&channel=${room(n + 1)}&at=-,-5`);
      await seen(next, "connected");
      await Promise.all([drop(last), drop(next)]);
    },
  ],
  // Is killed, so that its connection is reset.
  [
    20,
    async (n) => {
      const response = await open(`${entry(n)}?channel=${room(n)}&at=-`);
      await seen(response, "connected");
      response.socket.resetAndDestroy();
      await once(response.socket, "close");
    },
  ],
  // Leaves before there is an answer.
  [
    20,
    async (n) => {
      const sent = ask(`${entry(n)}?channel=${room(n)}`);
      await once(sent, "socket");
      if (n % 4 > 1) await once(/** @type {import("node:net").Socket} */ (sent.socket), "connect");
      sent.destroy();
      await new Promise((resolve) => sent.once("close", resolve));
    },
  ],
  // Stops reading half-way through a megabyte, and leaves when the server can write no more.
  [
    4,
    async (n) => {
      const response = await open(`${entry(n)}?channel=large&at=-`);
      await once(response.pause(), "readable");
      await sleep(20);
      await drop(response);
    },
  ],
  // Is refused.
  [
    12,
    async (n) => {
      const path = ["?channel=not%20one", "?channel=secret", "?channel=room&at=x", "?chanel=room"][n % 4];
      const response = await open(`${entry(n)}${path}`);
      await once(response.resume(), "end");
    },
  ],
  // Asks for pages: at once, with a wait that an event ends, and with one that it does not await.
  [
    24,
    async (n) => {
      await once((await open(`${entry(n)}?channel=${room(n)}&at=-`, json)).resume(), "end");
      const page = open(`${entry(n)}?channel=page:${n}&wait=20`, json);
      await until("a page that waits", async () => {
        await realtime.channel(`page:${n}`).emit("n.n", { n });
        return Promise.race([page.then(() => true), sleep(5).then(() => false)]);
      });
      await once((await page).resume(), "end");
      const sent = ask(`${entry(n)}?channel=${room(n)}&wait=20`, json);
      await sleep(5);
      sent.destroy();
    },
  ],
  // A host that lets go by its signal, by its reader, or by its reader with a signal that outlives the request.
  [
    40,
    async (n) => {
      const own = new AbortController();
      const { signal } = n % 3 === 2 ? host : own;
      const asked = { url: `http://localhost/?channel=${room(n)}`, method: "GET", headers: new Headers(), signal };
      const response = await stream(/** @type {Request} */ (/** @type {unknown} */ (asked)));
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      await reader.read();
      if (n % 3 === 0) own.abort();
      else await reader.cancel();
    },
  ],
  // A subscriber on the server.
  [
    40,
    async (n) => {
      const own = new AbortController();
      const { signal } = n % 2 ? host : own;
      let hear = () => {};
      const heard = new Promise((resolve) => (hear = () => resolve(undefined)));
      const channel = realtime.channel(room(n));
      const past = n % 3 === 0 ? { limit: 2 } : false;
      const stop = await channel.subscribe({ onData: hear, onGap() {}, history: past, signal });
      await channel.emit("n.n", { n });
      await heard;
      if (signal === host.signal) stop();
      else own.abort();
    },
  ],
  // Reads of the log.
  [
    20,
    async (n) => {
      const channel = realtime.channel(room(n));
      await Promise.all([channel.history({ limit: 5 }), channel.cursor(), channel.emit("n.n", { n }, { id: `once-${n}` })]);
    },
  ],
  // An instance of its own, with streams and subscribers that it is closed with.
  [
    8,
    async (n) => {
      const own = make(`own-${n % 3}`);
      const response = await handleFetch({ realtime: own })(new Request("http://localhost/?channel=a&channel=b"));
      const read = response.text();
      await own.channel("a").subscribe({ onData() {}, signal: host.signal });
      await own.channel("a").emit("n.n", { n });
      if (n % 2) await own.close();
      else await own[Symbol.asyncDispose]();
      await read;
    },
  ],
  // One that makes its own connections.
  [
    REDIS_URL ? 2 : 0,
    async (n) => {
      const own = new Realtime({ redis: { driver: "redis", url: REDIS_URL ?? "" }, keyPrefix: `url-${n}`, logger, history });
      const stop = await own.channel("a").subscribe({ onData() {} });
      await own.channel("a").emit("n.n", { n });
      stop();
      await own.close();
    },
  ],
];

/** What is there while nobody reads: the instance, its hub and the server. */
async function census() {
  const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  const all = hubs();
  const topics = all.reduce((sum, { topics }) => sum + topics, 0);
  const list = /** @type {string} */ ((await observer?.client("LIST")) ?? "");
  return {
    streams: all.reduce((sum, { streams }) => sum + streams, 0),
    sockets: connections,
    hubs: all.length,
    // Each topic that outlives its last reader has one.
    timers: pendingTimers() - topics,
    "listeners of a signal that stays": getEventListeners(host.signal, "abort").length,
    "listeners of the process": listenersOf(process) - processListeners,
    "listeners of the Redis client": client && clientListeners !== undefined ? listenersOf(client) - clientListeners : 0,
    "Redis connections": Math.max(0, list.trim().split("\n").length - 1),
    "Redis subscriptions beside those of topics": ((await observer?.pubsub("CHANNELS")) ?? []).length - (observer ? topics : 0),
    handles: handles(),
  };
}

/** Everybody has left, and the server has heard of it. */
async function calm() {
  await until("all streams to end", async () => {
    const { streams, sockets } = await census();
    return (streams === 0 && sockets === 0) || { streams, sockets };
  });
}

const round = () => doAll(ACTS.map(([times, act]) => [Math.ceil(times * Number(SHARE)), act]));
// Whatever is made once is made now.
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
// That through which servers speak to each other stays: it is no channel of anybody.
if (LINGER === "1") await until("topics that nobody reads to go", () => hubs().every(({ channels }) => channels === 0), 60_000);
const topics = hubs().reduce((sum, { channels }) => sum + channels, 0);
await realtime.close();
client?.disconnect();
observer?.disconnect();
await new Promise((resolve) => server.close(resolve));
await until("all handles to close", () => handles() <= start.handles);
const closed = {
  hubs: hubs().length,
  timers: pendingTimers() - start.timers,
  "listeners of a signal that stays": getEventListeners(host.signal, "abort").length,
  "listeners of the process": listenersOf(process) - processListeners,
};
process.send?.({ operations, before, after, heaps, topics, closed });
process.disconnect?.();
