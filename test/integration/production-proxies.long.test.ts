import { describe, expect, it, vi } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import { handle, Realtime, type HandleOptions } from "../../src/index.ts";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { complaints, COOKIE } from "../support/doctor.ts";
import { GUIDE_PROXIES, startGuideProxy } from "../support/guide-proxies.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import type { RawBody } from "../support/raw-stream.ts";
import { startRedis } from "../support/redis-server.ts";
import { connectHttp2, secureFetch } from "../support/secure-requests.ts";
import { SELF_SIGNED } from "../support/self-signed.ts";

// The files of docs/guides/production.md, before real servers, with the heartbeat that everybody has.

const SOON = { timeout: 60_000, interval: 100 };
const isShort = process.env.CHAOS_SHORT === "1";
/** Comments on a stream, one in each 15 s, after which it was idle for longer than the timeouts in the files. */
const HEARTBEATS = isShort ? 2 : 5;
/** With few heartbeats, timeouts that end below them. */
const TIMEOUTS: ReadonlyArray<readonly [string, string]> = isShort ? [["60s", "17s"]] : [];

/** What a browser says of itself, as far as a proxy decides by it. */
const BROWSER = { "accept-encoding": "gzip, deflate, br, zstd" };

const portOf = ({ url }: { readonly url: string }): number => Number(new URL(url).port);
const heartbeatsIn = (text: string): number => text.match(/^:/gm)?.length ?? 0;

/** Two servers of one application in this process, each of which can say that it is not ready. */
async function servePair(options: Omit<HandleOptions, "realtime"> = {}) {
  const realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `proxies-${Math.random()}` });
  const stream = fetchListener(handle({ realtime, ...options }));
  const start = async () => {
    const state = { isReady: true, requests: 0, refusedChecks: 0 };
    const server = await serve((req, res) => {
      if (req.url === "/readyz") {
        if (!state.isReady) state.refusedChecks++;
        res.writeHead(state.isReady ? 200 : 503).end();
      } else {
        state.requests++;
        stream(req, res);
      }
    });
    return { state, server };
  };
  const [one, two] = await Promise.all([start(), start()]);
  return {
    ports: [portOf(one.server), portOf(two.server)] as const,
    one: one.state,
    two: two.state,
    emit: (n: number) => realtime.emit("step", { n }),
    async [Symbol.asyncDispose]() {
      await Promise.all([one, two].map(({ server }) => server[Symbol.asyncDispose]()));
      await realtime.close();
    },
  };
}

/** A browser's client, and what it was given. @param answered is told the status of each answer */
function listen(url: string, answered: (status: number) => void = () => {}) {
  const seen: unknown[] = [];
  const fetching: typeof fetch = async (...request) => {
    const response = await secureFetch(...request);
    answered(response.status);
    return response;
  };
  const client = createRealtimeClient({ api: { url }, fetch: fetching });
  client.subscribe({ onData: ({ data }) => void seen.push(data), onGap: (gap) => void seen.push(gap) });
  return { client, seen };
}

describe.concurrent.each(GUIDE_PROXIES)("docs/guides/proxies: %s", (name) => {
  it(
    "an event arrives before anything follows it, by HTTP/2, also with other streams on the connection",
    { timeout: 60_000 },
    async () => {
      await using pair = await servePair();
      await using proxy = await startGuideProxy(name, pair.ports);
      await using connection = await connectHttp2(proxy.url);
      expect(connection.protocol).toBe("h2");
      const streams = await Promise.all(Array.from({ length: 10 }, () => connection.open("/api/realtime", BROWSER)));
      await Promise.all(streams.map((stream) => stream.until('"channel":"default"')));
      const before = streams.map(({ text }) => heartbeatsIn(text));
      for (let n = 0; n < 20; n++) {
        await pair.emit(n);
        // What is held back until there is more would never come: the next is emitted when this one is there.
        await Promise.all(streams.map((stream) => stream.until(`"n":${n}}`)));
      }
      const during = streams.map(({ text }, at) => heartbeatsIn(text) - (before[at] as number));
      expect(Math.max(...during), "none of them was waited for").toBeLessThanOrEqual(1);
      // A page on the connection that the streams are on.
      const page = await connection.open("/api/realtime?at=-1", { ...BROWSER, accept: "application/json" });
      await page.ended;
      expect(page.status).toBe(200);
    },
  );

  it("nothing of a stream is compressed, for it says no-transform", async () => {
    await using pair = await servePair();
    await using proxy = await startGuideProxy(name, pair.ports);
    const leaving = new AbortController();
    const response = await secureFetch(proxy.url, { headers: BROWSER, signal: leaving.signal });
    expect([response.status, response.headers.get("content-encoding")]).toEqual([200, null]);
    expect(response.headers.get("cache-control")).toContain("no-transform");
    leaving.abort();
  });

  it("the server is told who asks, whatever the visitor claims", async () => {
    const told: unknown[] = [];
    await using server = await serve(({ headers }, res) => {
      told.push([headers["x-forwarded-for"], headers["x-forwarded-proto"]]);
      res.end();
    });
    await using proxy = await startGuideProxy(name, [portOf(server), portOf(server)]);
    told.length = 0;
    const headers = { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http", "user-agent": "a visitor" };
    await (await secureFetch(proxy.url, { headers })).text();
    expect(told).toContainEqual(["127.0.0.1", "https"]);
    expect(JSON.stringify(told)).not.toContain("192.0.2.1");
  });

  it(`a stream that is idle for ${HEARTBEATS} heartbeats lives, beyond each timeout of the file`, async () => {
    await using pair = await servePair();
    await using proxy = await startGuideProxy(name, pair.ports, name === "caddy" ? [] : TIMEOUTS);
    await using connection = await connectHttp2(proxy.url);
    const stream = await connection.open("/api/realtime");
    await stream.until('"channel":"default"');
    const first = heartbeatsIn(stream.text);
    await stream.until((text) => heartbeatsIn(text) >= first + HEARTBEATS);
    await pair.emit(1);
    await stream.until('"n":1}');
  });

  it("the doctor finds nothing wrong", async () => {
    const middleware: HandleOptions["middleware"] = ({ request }) =>
      request.headers.get("cookie") === COOKIE.cookie ? undefined : new Response("Who are you?", { status: 401 });
    await using pair = await servePair({ middleware });
    await using proxy = await startGuideProxy(name, pair.ports);
    expect(await complaints(proxy.url, { ca: [SELF_SIGNED.cert] })).toEqual([]);
  });

  it.skipIf(name === "nginx")("a server that is not ready gets no new streams, and keeps those that it has", async () => {
    await using pair = await servePair();
    await using proxy = await startGuideProxy(name, pair.ports);
    await using connection = await connectHttp2(proxy.url);
    const streams: RawBody[] = [];
    await vi.waitFor(async () => {
      const stream = await connection.open("/api/realtime");
      streams.push(stream);
      await stream.until('"channel":"default"');
      expect([pair.one.requests, pair.two.requests]).not.toContain(0);
    }, SOON);
    pair.one.isReady = false;
    // How often it has to say so is the balancer's to decide.
    await vi.waitFor(async () => {
      const before = pair.one.requests;
      for (let n = 0; n < 20; n++) await connection.open("/api/realtime?at=-1", { accept: "application/json" });
      expect(pair.one.requests).toBe(before);
      expect(pair.one.refusedChecks).toBeGreaterThan(0);
    }, SOON);
    await pair.emit(1);
    await Promise.all(streams.map((stream) => stream.until('"n":1}')));
  });

  it("what changes something and is refused with 503 is sent once, and the refusal passed on; streams are let in after that", async () => {
    const posts: string[] = [];
    await using realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `proxies-${Math.random()}` });
    const stream = fetchListener(handle({ realtime }));
    const start = () =>
      serve((req, res) => {
        if (req.method !== "POST") return stream(req, res);
        posts.push(String(req.headers["x-post"]));
        res.writeHead(503, { "x-from": "the application" }).end("not stored");
      });
    await using one = await start();
    await using two = await start();
    await using proxy = await startGuideProxy(name, [portOf(one), portOf(two)]);
    const wanted = Array.from({ length: 6 }, (_, n) => `post ${n}`);
    for (const post of wanted) {
      const response = await secureFetch(proxy.url, { method: "POST", headers: { "x-post": post }, body: "an order" });
      expect([response.status, response.headers.get("x-from"), await response.text()]).toEqual([
        503,
        "the application",
        "not stored",
      ]);
    }
    expect(posts).toEqual(wanted);
    const page = await secureFetch(`${proxy.url}?at=-1`, { headers: { accept: "application/json" } });
    expect(page.status).toBe(200);
  });

  it("nobody is without a stream while one of two servers drains", async () => {
    await using redis = await startRedis();
    // So that a client has two seconds to change streams, which is enough on a busy machine.
    const options = { redisUrl: redis.url, graceSecs: 10 };
    await using first = await startAppServer(options);
    await using second = await startAppServer(options);
    // A balancer takes in nobody who was not ready at first, until some checks later: half of the readers are to be at each.
    for (const { url } of [first, second]) {
      await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), SOON);
    }
    await using proxy = await startGuideProxy(name, [first.port, second.port]);
    const answers: number[] = [];
    const clients = Array.from({ length: 20 }, () => listen(proxy.url, (status) => void answers.push(status)));
    using _audience = { [Symbol.dispose]: () => clients.forEach(({ client }) => client.destroy()) };
    await vi.waitFor(
      () => expect(new Set(clients.map(({ client }) => client.getStatus()))).toEqual(new Set(["connected"])),
      SOON,
    );
    const told: unknown[] = [];
    for (const { client } of clients) client.subscribeStatus(() => told.push(client.getStatus()));
    const before = told.length;
    const stopped = first.stop();
    await vi.waitFor(async () => expect((await fetch(`${first.url}/readyz`)).status).toBe(503), SOON);
    // At once, before a balancer has looked again.
    const page = { headers: { accept: "application/json" } };
    const pages = await Promise.all(Array.from({ length: 20 }, () => secureFetch(`${proxy.url}?at=-1`, page)));
    expect(new Set(pages.map(({ status }) => status)), "refused by the one, answered by the other").toEqual(new Set([200]));
    await stopped;
    // Who was at the first server has another stream by now, or it would not have ended.
    expect(told.slice(before)).toEqual([]);
    expect(new Set(answers), "what the server that drains refuses, the proxy asks the other one for").toEqual(new Set([200]));
    expect(answers.length, "some were at the first server").toBeGreaterThan(clients.length);
    await second.emit(["default", "step", 1]);
    await vi.waitFor(() => expect(clients.map(({ seen }) => seen)).toEqual(clients.map(() => [1])), SOON);
  });

  it.each([
    ["is killed", undefined],
    ["drains", 5],
  ])("a server that %s is replaced by the other, and again when it is back: nothing is lost", async (_how, graceSecs) => {
    await using redis = await startRedis();
    const options = { redisUrl: redis.url, ...(graceSecs !== undefined && { graceSecs }) };
    await using first = await startAppServer(options);
    await using second = await startAppServer(options);
    await using proxy = await startGuideProxy(name, [first.port, second.port]);
    // Some are on the one server, and some on the other.
    const clients = Array.from({ length: 6 }, () => listen(proxy.url));
    using _audience = { [Symbol.dispose]: () => clients.forEach(({ client }) => client.destroy()) };
    const connected = () =>
      vi.waitFor(() => expect(clients.map(({ client }) => client.getStatus())).toEqual(clients.map(() => "connected")), SOON);
    let emitted = 0;
    const emit = async (server: AppServer) => {
      const batch = Array.from({ length: 10 }, () => ["default", "step", ++emitted] as const);
      await server.emit(...batch);
      const all = Array.from({ length: emitted }, (_, n) => n + 1);
      await vi.waitFor(() => expect(clients.map(({ seen }) => seen)).toEqual(clients.map(() => all)), SOON);
    };

    await connected();
    await emit(first);
    const end = async (server: AppServer, other: AppServer) => {
      const ended = graceSecs === undefined ? server.kill() : server.stop();
      // Who drains still has readers, and they have to be given this.
      await emit(other);
      await ended;
      await connected();
    };
    await end(first, second);
    await using third = await startAppServer({ ...options, port: first.port });
    await end(second, third);
    await emit(third);
    // Before the last server goes: nobody is to complain of that.
    for (const { client } of clients) client.destroy();
  });
});
