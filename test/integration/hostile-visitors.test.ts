import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle as handleFetch, Realtime } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { HEARTBEAT_MS } from "../../src/protocol/limits.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw } from "../support/raw-stream.ts";
import { sessionsOf } from "../support/streams-of.ts";

const logger = { log() {}, warn: vi.fn<(...said: unknown[]) => void>(), error: vi.fn<(...said: unknown[]) => void>() };
const cleanup: Array<() => unknown> = [];

let realtime: Realtime;

beforeEach(() => {
  vi.clearAllMocks();
  realtime = new Realtime({ broker: createMemoryBroker(), logger }) as never as Realtime;
  cleanup.push(() => realtime.close());
});

afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

async function start(...given: Parameters<typeof serve>): Promise<TestServer> {
  const server = await serve(...given);
  cleanup.push(() => server[Symbol.asyncDispose]());
  return server;
}

/** A connection that sends what it is told to. */
function dial({ url }: TestServer, text: string) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  cleanup.push(() => socket.destroy());
  socket.on("error", () => {}).write(text);
  return socket;
}

/** Lets every promise that can settle do so, and what was announced arrive. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("what the head of a request says", () => {
  it("a host that no URL can have makes no error of the server, and no line in its log", async () => {
    const hosts: string[] = [];
    const identify = (request: Request): string => {
      hosts.push(new URL(request.url).host);
      return "ann";
    };
    const server = await start(handleNode({ realtime, identify }));
    for (const host of ["x:99999", "999.1.1.1", "1.2.3.4.5", "xn--a", "[::1]:99999", "[:::]", "b.example:81"]) {
      const socket = dial(server, `GET /?channel=a HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      const [head] = (await once(socket, "data")) as [Buffer];
      expect(String(head), host).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    }
    expect(hosts).toEqual([...Array<string>(6).fill("localhost"), "b.example:81"]);
    expect(logger.error).not.toHaveBeenCalled();
  });
});

describe("what middleware answers", () => {
  it("that cannot be sent is an error of the server, and ends neither it nor the connection's next request", async () => {
    const rejected = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", rejected);
    cleanup.push(() => process.off("unhandledRejection", rejected));
    // As of a polyfill, which checks nothing.
    const base = { body: null, bodyUsed: false, arrayBuffer: async () => new ArrayBuffer(0), statusText: "" };
    const answers: unknown[] = [
      { ...base, status: 403, headers: new Headers(), statusText: "\u65e5\u672c" },
      { ...base, status: 403, headers: new Headers(), statusText: "a\r\nx-forged: 1" },
      { ...base, status: 1_000, headers: new Headers() },
      { ...base, status: 403, headers: { getSetCookie: () => ["a=1\r\nx-forged: 1"], *[Symbol.iterator]() {} } },
      { ...base, status: 403, headers: {} },
    ];
    let asked = 0;
    const server = await start(handleNode({ realtime, middleware: () => answers[asked++] as Response }));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.push(() => agent.destroy());
    for (const answer of answers) {
      const { status, headers, text } = await new Promise<{ status: unknown; headers: object; text: string }>(
        (resolve, reject) => {
          get(`${server.url}/`, { agent }, (response) => {
            const { statusCode, headers: heads } = response;
            let all = "";
            response.setEncoding("utf8").on("data", (piece: string) => (all += piece));
            response.on("end", () => resolve({ status: statusCode, headers: heads, text: all }));
          }).on("error", reject);
        },
      );
      expect([status, JSON.parse(text)], JSON.stringify(answer)).toEqual([500, expect.objectContaining({ code: "internal" })]);
      expect(headers).not.toHaveProperty("x-forged");
    }
    await turn();
    expect(rejected).not.toHaveBeenCalled();
  });
});

describe("a right that is lost", () => {
  // The decision is made, and the stream is there some steps later: in which of them `disconnect` comes is a matter of chance.
  it.each(["stream", "page"])("B-29: `disconnect` in any step between a decision and its %s is obeyed", async (kind) => {
    const headers = kind === "page" ? { accept: "application/json" } : undefined;
    for (let steps = 0; steps < 20; steps++) {
      let isAllowed = true;
      let decide: () => void = () => {};
      const decided = new Promise<void>((resolve) => (decide = resolve));
      const authorize = async (): Promise<boolean> => {
        const answer = isAllowed;
        await decided;
        return answer;
      };
      const channel = `room:${kind}:${steps}`;
      const handler = handleFetch({ realtime, identify: () => "ann", authorize });
      const answer = handler(new Request(`http://x/?v=1&channel=${channel}&wait=30`, headers && { headers }));
      await turn();
      const told = decided.then(async () => {
        for (let step = 0; step < steps; step++) await Promise.resolve();
        isAllowed = false;
        await realtime.disconnect({ user: "ann", timeoutSecs: 0 });
      });
      decide();
      await told;
      await realtime.channel(channel).emit("e.v", "SECRET");
      for (let each = 0; each < 5; each++) await turn();
      expect(sessionsOf(realtime), `after ${steps} steps`).toEqual({ streams: 0, pages: 0 });
      expect(await (await answer).text(), `after ${steps} steps`).not.toContain("SECRET");
    }
  });
});

describe("limits.maxTotalBufferedBytes", () => {
  it.each([
    [130, 4],
    [70, 2],
    [1, 0],
  ])("%i MB for four readers that take nothing of some 30 each: %i are left", async (max, left) => {
    const MB = 1024 * 1024;
    const own = new Realtime({
      broker: createMemoryBroker(),
      logger,
      limits: { maxPayloadBytes: 40 * MB, maxTotalBufferedBytes: max * MB },
    }) as never as Realtime;
    cleanup.push(() => own.close());
    const waiting: Array<() => number> = [];
    const listener = handleNode({ realtime: own });
    const server = await start((req, res) => {
      waiting.push(() => res.writableLength);
      listener(req, res);
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanup.push(() => vi.useRealTimers());
    for (let each = 0; each < 4; each++) dial(server, "GET /?v=1&channel=a HTTP/1.1\r\nhost: x\r\n\r\n").pause();
    await vi.waitFor(() => expect(sessionsOf(own).streams).toBe(4));
    await own.channel("a").emit("e.v", "x".repeat(16 * MB));
    await vi.waitFor(() => expect(waiting.every((bytes) => bytes() > 8 * MB)).toBe(true));
    // Two looks at each, and fewer than end a reader that takes nothing.
    vi.advanceTimersByTime(2 * HEARTBEAT_MS);
    expect(sessionsOf(own).streams).toBe(left);
  });
});

describe.each(Object.entries(TRANSPORTS))("responses that nobody takes, %s", (kind, createListener) => {
  const MB = 1024 * 1024;
  /** More than the systems of both ends take. */
  const huge = "x".repeat(24 * MB);
  const page = { accept: "application/json" };

  beforeEach(() => {
    realtime = new Realtime({
      broker: createMemoryBroker(),
      logger,
      limits: { maxPayloadBytes: Number.POSITIVE_INFINITY },
    }) as never as Realtime;
    cleanup.push(() => realtime.close());
  });

  const ask = (accept = "*/*", newest = 1): string =>
    `GET /?channel=a&at=-${newest} HTTP/1.1\r\nhost: x\r\nx-user: ann\r\naccept: ${accept}\r\n\r\n`;

  /** Status of the next one, which is not kept. */
  async function next({ url }: TestServer): Promise<number> {
    const answer = await openRaw(`${url}/?channel=b`, { headers: { "x-user": "ann", ...page } });
    await answer.ended;
    return answer.status;
  }

  it("a page keeps its place until its reader has it, and leaves it when it has or has left", async () => {
    await realtime.channel("a").emit("e.v", huge);
    const identify = (request: Request): string => request.headers.get("x-user") ?? "nobody";
    const taken = vi.fn<() => void>();
    const listener = createListener({ realtime, identify, limits: { maxStreamsPerUser: 1 } });
    const server = await start((req, res) => {
      // Also one whose connection broke finishes.
      if (req.url?.includes("at=-1")) res.once("finish", () => void (!req.socket.destroyed && taken()));
      listener(req, res);
    });
    const sockets = [dial(server, ask(page.accept)), dial(server, ask(page.accept))];
    for (const socket of sockets) await once(socket, "readable");
    expect(await next(server), "two that wait, and one is the limit").toBe(429);
    expect(await next(server)).toBe(429);
    sockets[0]?.destroy();
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
    // The other one reads.
    sockets[1]?.resume();
    await vi.waitFor(() => expect(taken).toHaveBeenCalledTimes(1));
    const streams = [];
    for (let each = 0; each < 3; each++) {
      const stream = await openRaw(`${server.url}/?channel=b`, { headers: { "x-user": "ann" } });
      streams.push(stream.status);
    }
    expect(streams, "nobody was here any more").toEqual([200, 200, 429]);
  });

  it("a page of which nothing is taken for three heartbeats is cut", async () => {
    await realtime.channel("a").emit("e.v", huge);
    const server = await start(createListener({ realtime, identify: () => "ann", limits: { maxStreamsPerUser: 1 } }));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanup.push(() => vi.useRealTimers());
    for (const socket of [dial(server, ask(page.accept)), dial(server, ask(page.accept))]) await once(socket, "readable");
    // What the systems take at first is taken.
    for (let each = 0; each < 100; each++) await turn();
    vi.advanceTimersByTime(3 * HEARTBEAT_MS - 1);
    expect(await next(server)).toBe(429);
    vi.advanceTimersByTime(3 * HEARTBEAT_MS + 1);
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });

  it("a stream that `disconnect` has ended keeps its place while its last bytes wait", async () => {
    const server = await start(createListener({ realtime, identify: () => "ann", limits: { maxStreamsPerUser: 1 } }));
    for (let each = 0; each < 48; each++) await realtime.channel("a").emit("e.v", huge.slice(0, MB / 2));
    const sockets = [dial(server, ask("*/*", 48)), dial(server, ask("*/*", 48))];
    for (const socket of sockets) await once(socket, "readable");
    // They have come to a stop.
    for (let before = -1; before < realtime.stats().bytesSent;) {
      before = realtime.stats().bytesSent;
      for (let each = 0; each < 100; each++) await turn();
    }
    expect(await realtime.disconnect({ user: "ann", timeoutSecs: 0 })).toBe(2);
    expect(sessionsOf(realtime).streams).toBe(0);
    expect(await next(server)).toBe(429);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });

  it(`${kind}: what waits behind another response of its connection keeps its place, too`, async () => {
    await realtime.channel("a").emit("e.v", "x".repeat(MB));
    const server = await start(createListener({ realtime, identify: () => "ann", limits: { maxStreamsPerUser: 2 } }));
    const socket = dial(server, `GET /?channel=b HTTP/1.1\r\nhost: x\r\n\r\n${ask(page.accept).repeat(20)}`);
    await once(socket, "readable");
    await vi.waitFor(async () => expect(await next(server)).toBe(429));
    for (let each = 0; each < 5; each++) expect(await next(server)).toBe(429);
    socket.destroy();
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });
});
