import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { HEARTBEAT_MS } from "../../src/protocol/limits.ts";
import { readBody } from "../support/raw-stream.ts";
import { SECURE_SERVERS, type SecureServer } from "../support/secure-servers.ts";
import { sessionsOf } from "../support/streams-of.ts";

// What a stream's end is on connections that are not plain HTTP/1.1.

const MB = 1024 * 1024;
/** More than the systems of both ends take. */
const huge = "x".repeat(24 * MB);
const page = { accept: "application/json" };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const cleanup: Array<() => unknown> = [];
afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

describe.each(Object.entries(SECURE_SERVERS))("tidings/node behind %s", (_kind, startServer) => {
  let realtime: Realtime;
  beforeEach(() => {
    realtime = new Realtime({
      broker: createMemoryBroker(),
      logger: { log() {}, warn() {}, error() {} },
      limits: { maxPayloadBytes: Number.POSITIVE_INFINITY },
    }) as never as Realtime;
    cleanup.push(() => realtime.close());
  });

  async function start(limits?: { readonly maxStreamsPerUser: number }): Promise<SecureServer> {
    const server = await startServer(handle({ realtime, identify: () => "ann", ...(limits && { limits }) }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  /** Status of one more, which is not kept. */
  async function next(server: SecureServer): Promise<number> {
    const { status, body } = await server.connect().ask("/?channel=b", page);
    await readBody(body).ended;
    return status;
  }

  it("drains: what is emitted meanwhile arrives, also with the end, and no connection is left, so that the process can end", async () => {
    const server = await start();
    const connection = server.connect();
    const { body } = await connection.ask("/?v=1&channel=a");
    const stream = readBody(body);
    await stream.until("event: connected");
    const drained = realtime.drain({ graceSecs: 1 });
    await stream.until("event: reconnect");
    await realtime.channel("a").emit("e.v", "meanwhile");
    await stream.until("meanwhile");
    // More than one look at the socket takes.
    await realtime.channel("a").emit("e.v", `${"x".repeat(MB)} the end`);
    await drained;
    expect(await stream.ended).toContain("x the end");
    // The client has not ended it.
    await server.close();
  });

  it("refuses while it drains, and ends the connection after that, but no other stream of it", async () => {
    const server = await start();
    const staying = server.connect();
    const open = await staying.ask("/?v=1&channel=a");
    const stream = readBody(open.body);
    await stream.until("event: connected");
    const drained = realtime.drain({ graceSecs: 60 });
    // By HTTP/2 on the same connection.
    const refused = await staying.ask("/?v=1&channel=a");
    const stranger = await server.connect().ask("/?v=1&channel=a");
    for (const { status, body } of [refused, stranger]) {
      expect(status).toBe(503);
      expect(await readBody(body).ended).toContain("closing");
    }
    await realtime.channel("a").emit("e.v", "still here");
    await stream.until("still here");
    open.leave();
    await drained;
    await server.close();
  });

  it("a page keeps its place until its reader has it", async () => {
    await realtime.channel("a").emit("e.v", huge);
    const server = await start({ maxStreamsPerUser: 1 });
    const first = await server.connect().ask("/?channel=a&at=-1", page);
    const second = await server.connect().ask("/?channel=a&at=-1", page);
    expect(await next(server)).toBe(429);
    first.leave();
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
    const read = await readBody(second.body).ended;
    expect(read.length).toBeGreaterThan(huge.length);
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });

  it("a page of which nothing is taken for three heartbeats is cut", async () => {
    await realtime.channel("a").emit("e.v", huge);
    const server = await start({ maxStreamsPerUser: 1 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanup.push(() => vi.useRealTimers());
    for (const _each of [1, 2]) await server.connect().ask("/?channel=a&at=-1", page);
    // What the systems take at first is taken.
    for (let each = 0; each < 100; each++) await turn();
    vi.advanceTimersByTime(3 * HEARTBEAT_MS - 1);
    expect(await next(server)).toBe(429);
    vi.advanceTimersByTime(3 * HEARTBEAT_MS + 1);
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });

  it("I9 Close: what nobody takes is cut five seconds after close(), which does not wait for it", async () => {
    await realtime.channel("a").emit("e.v", huge);
    const server = await start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanup.push(() => vi.useRealTimers());
    const before = vi.getTimerCount();
    const [answer, stream] = [
      await server.connect().ask("/?channel=a&at=-1", page),
      await server.connect().ask("/?v=1&channel=a&at=-1"),
    ];
    for (let each = 0; each < 100; each++) await turn();
    await realtime.close();
    vi.advanceTimersByTime(5_000);
    // What its system took already still arrives.
    const texts = await Promise.all([answer, stream].map(({ body }) => readBody(body).ended));
    expect(texts.map((text) => text.length < huge.length)).toEqual([true, true]);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(before));
  });

  it("a stream that has ended keeps its place while its last bytes wait, and brings them", async () => {
    const server = await start({ maxStreamsPerUser: 1 });
    for (let each = 0; each < 48; each++) await realtime.channel("a").emit("e.v", `${each}:${huge.slice(0, MB / 2)}`);
    const streams = [await server.connect().ask("/?channel=a&at=-48"), await server.connect().ask("/?channel=a&at=-48")];
    // They have come to a stop.
    for (let before = -1; before < realtime.stats().bytesSent;) {
      before = realtime.stats().bytesSent;
      for (let each = 0; each < 100; each++) await turn();
    }
    expect(await realtime.disconnect({ user: "ann", timeoutSecs: 0 })).toBe(2);
    expect(sessionsOf(realtime).streams).toBe(0);
    expect(await next(server)).toBe(429);
    streams[0]?.leave();
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
    const text = await readBody((streams[1] as (typeof streams)[0]).body).ended;
    expect(text.endsWith("\n\n"), "whole frames").toBe(true);
    await vi.waitFor(async () => expect(await next(server)).toBe(200));
  });
});
