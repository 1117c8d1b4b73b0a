import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { handle as handleFetch, Realtime, type HandleOptions, type RealtimeOptions } from "../../src/index.ts";
import { internalsOf } from "../../src/realtime/internals.ts";
import type { RealtimeCore } from "../../src/realtime/core.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw } from "../support/raw-stream.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

/** Where a channel stands that has no log. */
const NO_LOG: unknown = expect.stringMatching(/^0-\d{13}$/);

/** A page as a script reads it. */
interface Page {
  readonly at: string;
  readonly frames: ReadonlyArray<{
    readonly type: string;
    readonly id?: string;
    readonly channel: string;
    readonly data?: unknown;
  }>;
}

const JSON_ONLY = { accept: "application/json" };
const logger = { log() {}, warn() {}, error() {} };
const cleanup: Array<() => unknown> = [];
let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => void (redis = await startRedis({ persistent: true })));
afterAll(() => redis.stop());
afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

/** Brokers of processes that share their logs and nothing else. In memory there is one. */
const BROKERS: Readonly<Record<string, () => () => Broker>> = {
  memory: () => {
    const broker = createMemoryBroker();
    return () => broker;
  },
  Redis: () => {
    const keyPrefix = `page${++prefixes}`;
    const source = CLIENT_LIBRARIES["ioredis 6"];
    return () => createRedisBroker({ source: source?.single(redis.port) as never, keyPrefix, logger });
  },
};

function createRealtime(broker: Broker, options: RealtimeOptions = {}): Realtime {
  const realtime = new Realtime({ broker, logger, history: { maxLength: 10_000 }, ...options }) as never as Realtime;
  cleanup.push(() => realtime.close());
  return realtime;
}

/** Channels that the process listens to. */
const topicsOf = (realtime: object): number => (internalsOf(realtime) as RealtimeCore).hub().topics;

async function ask(url: string, query: string, init: RequestInit = {}): Promise<Page> {
  const response = await fetch(`${url}/api/realtime?${query}`, { headers: JSON_ONLY, ...init });
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringMatching(/^\{"at":/)]);
  return JSON.parse(text) as Page;
}

const events = (pages: Page | readonly Page[]): unknown[] =>
  [pages].flat().flatMap(({ frames }) => frames.flatMap(({ type, data }) => (type === "event" ? [data] : [])));
const typesOf = ({ frames }: Page): string[] => frames.map(({ type }) => type);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe.each(Object.keys(TRANSPORTS) as Array<keyof typeof TRANSPORTS>)("pages over HTTP, %s", (transport) => {
  async function listen(realtime: Realtime, options: Omit<HandleOptions, "realtime"> = {}): Promise<TestServer> {
    const server = await serve(TRANSPORTS[transport]({ ...options, realtime }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  describe.each(Object.keys(BROKERS))("on %s", (name) => {
    const brokers = (): (() => Broker) => (BROKERS[name] as () => () => Broker)();

    async function site(options: RealtimeOptions = {}): Promise<{ realtime: Realtime; url: string }> {
      const realtime = createRealtime(brokers()(), options);
      return { realtime, url: (await listen(realtime)).url };
    }

    it("I1 Position, I4 Chain: a script catches up with 2,000 events, page after page, and ends where the channel does", async () => {
      const { realtime, url } = await site();
      const room = realtime.channel("room:1");
      const padding = "x".repeat(300);
      await Promise.all(numbers(2_000).map((n) => room.emit("count.up", { n, padding })));
      const end = await room.cursor();
      const pages: Page[] = [];
      for (let at = "0-0"; at !== end; at = pages.at(-1)?.at as string) {
        pages.push(await ask(url, `channel=room:1&at=${at}`));
        expect(events(pages.at(-1) as Page).length, "each page brings something").toBeGreaterThan(0);
      }
      expect(events(pages)).toEqual(numbers(2_000).map((n) => ({ n, padding })));
      expect(pages.flatMap(typesOf).filter((type) => type !== "event")).toEqual(pages.map(() => "connected"));
      expect(pages.length).toBeGreaterThan(5);
      expect(await ask(url, `channel=room:1&at=${end}`)).toMatchObject({ at: end, frames: [{ type: "connected" }] });
    });

    // The test may last less than the wait: only the event can have ended it.
    it("a long wait is ended by an event, which is in the same answer", { timeout: 25_000 }, async () => {
      const { realtime, url } = await site();
      for (const start of ["0-0", "-", "-5"]) {
        const channel = `room${start}`;
        const topics = topicsOf(realtime);
        const waiting = ask(url, `channel=${channel}&at=${start}&wait=30`);
        await vi.waitFor(() => expect(topicsOf(realtime)).toBe(topics + 1));
        // Where the second is joined the first was.
        expect(await ask(url, `channel=${channel}&at=${start}`)).toMatchObject({ at: NO_LOG });
        const id = await realtime.channel(channel).emit("chat.message", "hello");
        expect(await waiting).toMatchObject({
          at: id,
          frames: [
            { type: "connected", tail: NO_LOG },
            ...(start === "0-0" ? [{ type: "position", cursor: NO_LOG }] : []),
            { type: "event", id, data: "hello" },
          ],
        });
      }
    });

    it("the newest 20, several channels, and one that is empty: `at` goes by position", async () => {
      const { realtime, url } = await site();
      for (const n of numbers(30)) await realtime.channel("a").emit("count.up", n);
      const [a, c] = [await realtime.channel("a").cursor(), await realtime.channel("c").emit("count.up", "c")];
      const page = await ask(url, "channel=a&channel=b&channel=c&at=-20,0-0,-");
      expect(page.at.split(",")).toEqual([a, NO_LOG, c]);
      expect(events(page).filter((data) => data !== "c")).toEqual(numbers(30).slice(10));
      expect(events(page)).toContain("c");
      const b = await realtime.channel("b").emit("count.up", "b");
      const next = await ask(url, `channel=a&channel=b&channel=c&at=${page.at}&wait=10`);
      expect([next.at, events(next)]).toEqual([`${a},${b},${c}`, ["b"]]);
    });

    it("what was trimmed is a gap, and the page has what is left", async () => {
      const { realtime, url } = await site({ history: { maxLength: 3 } });
      const made: string[] = [];
      for (const n of numbers(8)) made.push(await realtime.channel("a").emit("count.up", n));
      const page = await ask(url, `channel=a&at=${made[1]}`);
      expect(page.frames.slice(1, 2)).toEqual([
        { type: "gap", channel: "a", after: made[1], cursor: made[4], reason: "trimmed" },
      ]);
      expect([page.at, events(page)]).toEqual([made[7], [5, 6, 7]]);
    });

    it("S-6: a client that leaves while it waits leaves nothing behind", async () => {
      const { realtime, url } = await site();
      const leaving = new AbortController();
      const waiting = numbers(5).map((n) => ask(url, `channel=a${n}&wait=30`, { signal: leaving.signal }).catch(String));
      await vi.waitFor(() => expect(topicsOf(realtime)).toBe(5));
      leaving.abort();
      await Promise.all(waiting);
      await vi.waitFor(() => expect(topicsOf(realtime)).toBe(0));
    });
  });

  it("I4 Chain: two servers, clients that go from one to the other and leave half of the time, events all the while", async () => {
    const brokers = (BROKERS["Redis"] as () => () => Broker)();
    const servers = await Promise.all([0, 1].map(() => listen(createRealtime(brokers()))));
    const emitter = createRealtime(brokers());
    const channels = ["a", "b"] as const;
    const query = "channel=a&channel=b";
    let isOver = false;
    const made: Record<string, string[]> = { a: [], b: [] };
    const emitting = (async () => {
      for (let n = 0; n < 200; n++) {
        const channel = channels[n % 3 === 0 ? 1 : 0];
        made[channel]?.push(await emitter.channel(channel).emit("count.up", n));
        if (n % 10 === 0) await sleep(5);
      }
      isOver = true;
    })();
    const follow = async (client: number): Promise<Record<string, string[]>> => {
      const seen: Record<string, string[]> = { a: [], b: [] };
      let at = "0-0,0-0";
      for (let turn = client; ; turn++) {
        const wasOver = isOver;
        const { url } = servers[turn % 2] as TestServer;
        const signal = turn % 2 === 0 ? AbortSignal.timeout(1 + ((turn * 7) % 20)) : null;
        const page = await ask(url, `${query}&at=${at}&wait=${(turn % 5) / 10}`, { signal }).catch((error: unknown) => {
          if (signal?.aborted) return undefined;
          throw error;
        });
        if (page === undefined) continue;
        for (const { type, channel, id } of page.frames) {
          expect(["connected", "event", "position"]).toContain(type);
          if (id !== undefined) seen[channel]?.push(id);
        }
        if (wasOver && page.at === at) return seen;
        at = page.at;
      }
    };
    const seen = await Promise.all(numbers(4).map(follow));
    await emitting;
    for (const each of seen) expect(each).toEqual(made);
  });

  it("I8 Outage: without Redis a page ends with what is known, and the next one after it has what came", async () => {
    await using own = await startRedis({ persistent: true });
    const source = CLIENT_LIBRARIES["ioredis 6"]?.single(own.port) as never;
    const realtime = createRealtime(createRedisBroker({ source, keyPrefix: "outage", logger }));
    const { url } = await listen(realtime);
    const first = await realtime.channel("a").emit("count.up", 1);
    await own.kill();
    expect(await ask(url, `channel=a&channel=b&at=${first},-7`)).toEqual({ at: `${first},-7`, frames: [] });
    await own.start();
    const waiting = ask(url, `channel=a&channel=b&at=${first},-7&wait=30`);
    const second = await realtime.channel("a").emit("count.up", 2);
    expect((await waiting).at.split(",")).toEqual([second, NO_LOG]);
  });

  describe("admission and answers", () => {
    const memorySite = async (options: Omit<HandleOptions, "realtime"> = {}) => {
      const realtime = createRealtime(createMemoryBroker());
      const { url } = await listen(realtime, options);
      return {
        realtime,
        url,
        get: (path: string, headers = {}) => openRaw(url + path, { headers: { ...JSON_ONLY, ...headers } }),
      };
    };

    it("F-69: the headers of a page; without the preference it is a stream", async () => {
      const { url, get } = await memorySite();
      const page = await get("/");
      expect(page.headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store", vary: "Accept" });
      expect(
        Object.keys(page.headers).filter((name) => name.startsWith("access-control") || name === "x-accel-buffering"),
      ).toEqual([]);
      for (const accept of ["text/event-stream", "*/*", "application/json, text/event-stream", undefined]) {
        const stream = await openRaw(`${url}/?wait=no-number`, { headers: accept === undefined ? {} : { accept } });
        expect(stream.headers["content-type"]).toBe("text/event-stream");
        await stream.until("event: connected");
        stream.destroy();
      }
    });

    it("F-36, U-22: middleware, identify and authorize decide about a page as about a stream", async () => {
      const { get } = await memorySite({
        middleware: ({ request }) =>
          request.headers.get("authorization") === "Bearer secret" ? undefined : new Response("Unauthorized", { status: 401 }),
        identify: (request) => request.headers.get("x-user") ?? undefined,
        authorize: ({ channel, user }) => channel === `user:${user}`,
      });
      const ann = { authorization: "Bearer secret", "x-user": "ann" };
      const nobody = await get("/?channel=user:ann");
      expect([nobody.status, await nobody.ended]).toEqual([401, "Unauthorized"]);
      const none = await get("/?channel=user:bob&wait=30", ann);
      expect([none.status, JSON.parse(await none.ended)]).toMatchObject([403, { code: "forbidden" }]);
      const some = await get("/?channel=user:ann&channel=user:bob&at=,-20&v=1", ann);
      expect(JSON.parse(await some.ended)).toEqual({
        at: expect.stringMatching(/^0-\d{13},-20$/),
        frames: [
          { type: "problem", code: "forbidden", channel: "user:bob", retry: false },
          { type: "connected", channel: "user:ann", cursor: NO_LOG, tail: NO_LOG, heartbeatMs: 15_000 },
        ],
      });
    });

    it("cors: a page of another origin can read its answer, and why there is none", async () => {
      const { realtime, get } = await memorySite({ cors: { origin: "https://app.example", credentials: true } });
      const allowed = {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-credentials": "true",
      };
      const page = await get("/", { origin: "https://app.example" });
      expect(page.headers).toMatchObject({ ...allowed, vary: "Accept, Origin" });
      const stranger = await get("/", { origin: "https://elsewhere.example" });
      expect(stranger.headers["access-control-allow-origin"]).toBeUndefined();
      const waiting = get("/?wait=30", { origin: "https://app.example" });
      await vi.waitFor(() => expect(topicsOf(realtime)).toBe(1));
      await realtime.close();
      const closed = [await waiting, await get("/", { origin: "https://app.example" })];
      for (const { status, headers } of closed) expect([status, headers]).toMatchObject([503, allowed]);
    });

    it("I9 Close: who waits for a page, and who comes later, is told to ask again", async () => {
      const { realtime, url, get } = await memorySite();
      const waiting = get("/?wait=30");
      await vi.waitFor(() => expect(topicsOf(realtime)).toBe(1));
      await realtime.close();
      for (const answer of [await waiting, await get("/"), await get("/?wait=30")]) {
        expect([answer.status, answer.headers["retry-after"], answer.headers["content-type"]]).toEqual([
          ...[503, "1", "application/json"],
        ]);
        expect(JSON.parse(await answer.ended)).toMatchObject({ code: "closing" });
      }
      const stream = await openRaw(url);
      expect([stream.status, await stream.ended], "an EventSource would never come back").toEqual([200, "retry: 1000\n:\n\n"]);
    });

    it("I9 Close: the same when the instance closes while middleware thinks", async () => {
      let close = async (): Promise<void> => {};
      const { realtime, get } = await memorySite({ middleware: () => close() });
      close = () => realtime.close();
      const answer = await get("/?wait=30");
      expect([answer.status, JSON.parse(await answer.ended)]).toMatchObject([503, { code: "closing" }]);
    });

    it("a page is asked for with GET; HEAD is 405", async () => {
      const { url } = await memorySite();
      const answer = await openRaw(url, { method: "HEAD", headers: JSON_ONLY });
      expect([answer.status, answer.headers.allow]).toEqual([405, "GET"]);
    });
  });
});

describe("pages of tidings/node", () => {
  it("I9 Close: a connection on which a page was refused is not kept: the next request would meet the same server", async () => {
    const realtime = createRealtime(createMemoryBroker());
    const server = await serve(TRANSPORTS.node({ realtime }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    const get = () => openRaw(`${server.url}/?wait=30`, { headers: { ...JSON_ONLY, connection: "keep-alive" } });
    const waiting = get();
    await vi.waitFor(() => expect(topicsOf(realtime)).toBe(1));
    await realtime.close();
    for (const { headers } of [await waiting, await get()]) expect(headers.connection).toBe("close");
  });

  it("S-6: pipelined requests end with their socket, also those whose answer is still queued", async () => {
    const realtime = createRealtime(createMemoryBroker());
    const server = await serve(TRANSPORTS.node({ realtime }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    for (const n of numbers(10))
      socket.write(`GET /?channel=c${n}&wait=30 HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n`);
    await vi.waitFor(() => expect(topicsOf(realtime)).toBe(10));
    socket.destroy();
    await vi.waitFor(() => expect(topicsOf(realtime)).toBe(0));
  });
});

describe("pages of tidings, called with a Request", () => {
  // Less than their wait.
  it("S-6: abort frees the page, also one that came before, and leaves no listener", { timeout: 20_000 }, async () => {
    const realtime = createRealtime(createMemoryBroker());
    const GET = handleFetch({ realtime });
    const request = (signal: AbortSignal, query = "wait=30"): Request =>
      new Request(`http://localhost/?${query}`, { headers: JSON_ONLY, signal });
    const controller = new AbortController();
    const asked = request(controller.signal);
    const added = vi.spyOn(asked.signal, "addEventListener");
    const removed = vi.spyOn(asked.signal, "removeEventListener");
    const waiting = GET(asked);
    await vi.waitFor(() => expect(topicsOf(realtime)).toBe(1));
    controller.abort();
    await waiting;
    expect(topicsOf(realtime)).toBe(0);
    await GET(request(AbortSignal.abort()));
    expect(topicsOf(realtime)).toBe(0);
    expect(added.mock.calls.map(([name, listener]) => [name, listener])).toEqual(removed.mock.calls);
    const quick = request(new AbortController().signal, "wait=0");
    const left = vi.spyOn(quick.signal, "removeEventListener");
    expect((await GET(quick)).status).toBe(200);
    expect(left).toHaveBeenCalledTimes(1);
  });
});
