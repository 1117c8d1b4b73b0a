import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { Hub } from "../../src/hub/hub.ts";
import type { StreamSession } from "../../src/hub/stream-session.ts";
import { handle as handleFetch } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { exposeInternals } from "../../src/realtime/internals.ts";
import { root } from "../package/installed.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { churn, growthOf, type Census, type Churned } from "./leaks/churn.ts";
import { NUXT_FILES, startH3App } from "./leaks/h3-app.ts";
import { addRow, isShort } from "./table.ts";

/** A round is a minute of a server with a thousand tabs. */
const HOUR = isShort ? { warmUp: 3, rounds: 4, share: 0.3 } : { warmUp: 4, rounds: 60, share: 1 };
const PAGE_HOUR = isShort ? { warmUp: 2, rounds: 3, share: 0.5 } : { warmUp: 4, rounds: 60, share: 1 };
/** An object or an entry of a set, left behind by each, takes more. After few rounds the engine itself still takes some. */
const MAX_GROWTH_BYTES = isShort ? { server: 200, page: 1_000 } : { server: 64, page: 64 };
/** A channel outlives its last reader for half a minute, which only the long form waits for. */
const LINGER = isShort ? { env: "0", topics: 50 } : { env: "1", topics: 0 };

const counted = (census: Census): string =>
  Object.entries(census)
    .filter(([what, count]) => count !== 0 || what === "timers")
    .map(([what, count]) => `${what}: ${count}`)
    .join(", ");
/** Of what has no heap of its own. */
const NO_HEAP = { "Heap per operation": "–" };

function report(what: string, churned: Churned): void {
  const { operations, before, after, heaps } = churned;
  const heap = (bytes: number | undefined): string => `heap: ${((bytes ?? 0) / 1e6).toFixed(2)} MB`;
  addRow("leaks", {
    ...{ What: what, Operations: operations },
    Before: `${counted(before)}, ${heap(heaps[0])}`,
    After: `${counted(after)}, ${heap(heaps.at(-1))}`,
    "Heap per operation": `${growthOf(churned).toFixed(1)} bytes`,
  });
}

function expectNothingLeft(churned: Churned, process: "server" | "page"): void {
  const { before, after, closed } = churned;
  expect(after).toEqual(before);
  expect(growthOf(churned), `bytes of heap per operation: ${churned.heaps.join()}`).toBeLessThan(MAX_GROWTH_BYTES[process]);
  // One that serves any number of subscriptions, for as long as the signal itself is there.
  const { "listeners of a signal that stays": listeners = 0, ...rest } = closed;
  expect(listeners).toBeLessThanOrEqual(1);
  expect(Object.values(rest), JSON.stringify(rest)).toEqual(Object.values(rest).map(() => 0));
}

describe("after an hour of clients that come, change their channels, break off and are killed", () => {
  it("I9 Close: a server in memory holds what it held before", async () => {
    const churned = await churn("server-churn.mjs", { ...HOUR, env: { LINGER: LINGER.env } });
    report("a server, logs in memory", churned);
    expectNothingLeft(churned, "server");
    expect(churned.topics).toBeLessThanOrEqual(LINGER.topics);
  });

  it("I9 Close: a server on Redis holds what it held before, and so does Redis", async () => {
    await using redis = await startRedis();
    const churned = await churn("server-churn.mjs", { ...HOUR, env: { REDIS_URL: redis.url, LINGER: LINGER.env } });
    report("a server on Redis", churned);
    expectNothingLeft(churned, "server");
    expect(churned.after["Redis subscriptions beside those of topics"]).toBe(0);
    expect(churned.topics).toBeLessThanOrEqual(LINGER.topics);
  });

  it("I9 Close: a page holds what it held before", async () => {
    const churned = await churn("client-churn.mjs", PAGE_HOUR);
    report("the client in a page", churned);
    expectNothingLeft(churned, "page");
  });
});

describe("on h3 1, which tells a Response neither that its client has left nor that it is slow,", () => {
  const CLIENTS = 20;

  it("the guide for Nuxt shows the files that are tested here", () => {
    const guide = readFileSync(path.join(root, "docs/guides/nuxt.md"), "utf8");
    for (const file of Object.keys(NUXT_FILES)) {
      const source = readFileSync(path.join(root, "test/chaos/fixtures/h3", file), "utf8");
      expect(guide, file).toContain(`\`\`\`ts\n// ${file}\n${source}\`\`\`\n`);
    }
  });

  it("the endpoint of the guide is left by clients that are killed", async () => {
    await using app = await startH3App();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => openRaw(`${app.url}/api/realtime?channel=room:lobby`)),
    );
    await Promise.all(clients.map((client) => client.until("event: connected")));
    const post = (text: string) =>
      fetch(`${app.url}/api/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text }),
      });
    expect((await post("hello")).status).toBe(200);
    await Promise.all(clients.map((client) => client.until('"text":"hello"')));
    expect((await post(" ")).status, "what the schema refuses").toBe(400);
    expect((await openRaw(`${app.url}/api/realtime?channel=not%20one`)).status).toBe(400);
    const before = await app.streams();
    for (const client of clients) client.destroy();
    await until("no stream", async () => ((await app.streams()) === 0 ? true : undefined));
    addRow("leaks", {
      ...{ What: "h3 1 (Nuxt 4) as its guide says, clients killed", Operations: CLIENTS },
      ...{ Before: `streams: ${before}`, After: "streams: 0" },
      ...NO_HEAP,
    });
    expect(before).toBe(CLIENTS);
  });

  it("a Response that is returned to it all the same ends after maxDurationSecs", async () => {
    await using app = await startH3App();
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openRaw(`${app.url}/response?channel=a`)));
    await Promise.all(clients.map((client) => client.until("event: connected")));
    for (const client of clients) client.destroy();
    await Promise.all(clients.map(({ ended }) => ended));
    const before = await app.streams();
    await until("no stream", async () => ((await app.streams()) === 0 ? true : undefined));
    addRow("leaks", {
      ...{ What: "h3 1 (Nuxt 4) with a Response, clients killed, after maxDurationSecs", Operations: CLIENTS },
      ...{ Before: `streams: ${before}`, After: "streams: 0" },
      ...NO_HEAP,
    });
  });
});

/** Heartbeats come so often here that three of them are over soon. */
const QUICK_HEARTBEAT_MS = 300;

interface Site {
  readonly hub: Hub;
  readonly server: Server;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  /** Emits a megabyte. */
  emitMuch(): Promise<void>;
}

/** A server whose heart beats quickly. */
async function serve(listenerFor: (realtime: object) => RequestListener): Promise<Site> {
  const broker = createMemoryBroker();
  const hub = new Hub({ broker, clock: systemClock, logger: console, heartbeatMs: QUICK_HEARTBEAT_MS });
  const streams = new Set<StreamSession>();
  const realtime = {};
  exposeInternals(realtime, {
    openStream: (sink, { channels, keepsCursors }) =>
      hub.openStream(sink, channels, { keepsCursors, maxDurationMs: Number.POSITIVE_INFINITY, owner: streams }),
    openPage: () => expect.fail("no page is asked for"),
    isClosed: () => false,
    whenClosed: new Set<() => void>(),
    isDraining: () => false,
    refused() {},
    disconnects: () => 0,
    wasDisconnected: () => false,
    clock: systemClock,
    sharesKeys: false,
    logger: console,
  });
  const sockets = new Set<Socket>();
  const server = createServer(listenerFor(realtime)).listen(0, "127.0.0.1");
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await hub.close();
  });
  const json = JSON.stringify("x".repeat(100_000));
  return {
    hub,
    server,
    sockets,
    port: (server.address() as AddressInfo).port,
    async emitMuch() {
      for (let n = 0; n < 10; n++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await broker.append(
          "c",
          { event: "e.v", json, emitId: "" },
          { maxLength: 20, expireAfterMs: Number.POSITIVE_INFINITY },
          1_000,
        );
      }
    },
  };
}

/** Sends a request on a socket that is not read from before somebody asks it to. */
async function requestOn(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").pause();
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write("GET /?channel=c HTTP/1.1\r\nhost: localhost\r\n\r\n");
  return socket;
}

const has = (what: string, count: () => number, wanted: number): Promise<true> =>
  until(`${wanted} ${what}`, async () => (count() === wanted ? true : undefined));

describe("a reader that takes nothing for three heartbeats is left", () => {
  it("by tidings/node, together with its connection, though it keeps that open", async () => {
    const { hub, port, sockets, emitMuch } = await serve((realtime) => handleNode({ realtime }));
    const stalled = await requestOn(port);
    const idle = await requestOn(port);
    idle.resume();
    await has("streams", () => hub.streams, 2);
    // Until the system takes no more of it.
    await until("a full socket", async () => {
      await emitMuch();
      return [...sockets].some(({ writableLength }) => writableLength > 0) || undefined;
    });
    await has("streams", () => hub.streams, 1);
    await has("sockets", () => sockets.size, 1);
    expect([stalled.destroyed, idle.destroyed], "nobody but the server has closed anything").toEqual([false, false]);
    addRow("leaks", {
      ...{ What: "tidings/node, a reader that stalls, after three heartbeats", Operations: 1 },
      ...{ Before: "streams: 2, sockets: 2", After: "streams: 1, sockets: 1" },
      ...NO_HEAP,
    });
  });

  it("by tidings behind a host that says nothing of a client that was killed, on an idle channel", async () => {
    /** Waits for room in a response for ever: there is none in one that was closed. */
    const write = async (res: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> => {
      for await (const bytes of body) if (!res.write(bytes)) await new Promise((resolve) => res.once("drain", resolve));
    };
    const { hub, port } = await serve((realtime) => {
      const endpoint = handleFetch({ realtime });
      return async (req, res) => {
        const response = await endpoint(new Request(`http://localhost${req.url}`));
        res.writeHead(response.status, Object.fromEntries(response.headers));
        await write(res, response.body as ReadableStream<Uint8Array>);
      };
    });
    const clients = await Promise.all(Array.from({ length: 20 }, () => requestOn(port)));
    for (const client of clients) client.resume();
    await has("streams", () => hub.streams, 20);
    const stays = await requestOn(port);
    stays.resume();
    for (const client of clients) client.resetAndDestroy();
    await has("streams", () => hub.streams, 1);
    addRow("leaks", {
      ...{ What: "a host that says nothing, clients killed, after three heartbeats", Operations: 20 },
      ...{ Before: "streams: 21", After: "streams: 1" },
      ...NO_HEAP,
    });
  });
});
