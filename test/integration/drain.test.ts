import { afterEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { createRealtimeClient } from "../../src/client/core.ts";
import { Realtime } from "../../src/index.ts";
import { startAppServer } from "../support/app-server.ts";
import { readByEventSource } from "../support/eventsource-reader.ts";
import { serve, TRANSPORTS } from "../support/http-server.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis } from "../support/redis-server.ts";
import { sessionsOf } from "../support/streams-of.ts";

const cleanup: Array<() => unknown> = [];

afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

const silent = { log() {}, warn() {}, error() {} };

describe.each(Object.entries(TRANSPORTS))("drain, %s", (_kind, createListener) => {
  /** Servers that share a broker, as those of one Redis do. */
  async function sites(count: number) {
    const broker = createMemoryBroker();
    return await Promise.all(
      Array.from({ length: count }, async () => {
        const realtime = new Realtime({ broker, logger: silent }) as Realtime;
        const server = await serve(createListener({ realtime }));
        cleanup.push(() => realtime.close());
        cleanup.push(() => server[Symbol.asyncDispose]());
        return { realtime, url: server.url };
      }),
    );
  }

  it("clients move to the other server while their streams live, and miss nothing", async () => {
    const [old, next] = (await sites(2)) as [Awaited<ReturnType<typeof sites>>[0], Awaited<ReturnType<typeof sites>>[0]];
    const clients = Array.from({ length: 20 }, () => {
      let asked = 0;
      const client = createRealtimeClient({
        api: { url: "/" },
        fetch: (input, init) => fetch(new URL(input as string, asked++ === 0 ? old.url : next.url), init),
      });
      cleanup.push(() => client.destroy());
      const seen: unknown[] = [];
      client.subscribe({ channels: ["a", "b"], onData: ({ data }) => seen.push(data), onGap: () => seen.push("gap") });
      return { client, seen, asked: () => asked };
    });
    await vi.waitFor(() => expect(clients.every(({ client }) => client.getStatus() === "connected")).toBe(true));
    const drained = old.realtime.drain({ graceSecs: 2 });
    expect(old.realtime.drain({ graceSecs: 60 })).toBe(drained);
    let isOver = false;
    void drained.then(() => (isOver = true));
    let emitted = 0;
    while (!isOver) {
      await next.realtime.channel(emitted % 2 === 0 ? "a" : "b").emit("e.v", emitted++);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const all = Array.from({ length: emitted }, (_, n) => n);
    for (const { seen, asked } of clients) {
      await vi.waitFor(() => expect(seen).toHaveLength(emitted));
      // Between two channels there is no order.
      expect([0, 1].flatMap((half) => seen.filter((n) => (n as number) % 2 === half))).toEqual(
        [0, 1].flatMap((half) => all.filter((n) => n % 2 === half)),
      );
      expect(asked(), "each asked the other server once").toBe(2);
    }
    await expect(old.realtime.emit("e.v", 1)).rejects.toMatchObject({ code: "closed" });
  });

  it("turns away who comes while it drains: a stream and a page are refused, that of an `EventSource` ends at once, a waiting page is answered", async () => {
    const [site] = await sites(1);
    const { realtime, url } = site as NonNullable<typeof site>;
    const stream = await openRaw(`${url}/?v=1&channel=a`);
    await stream.until("connected");
    const accept = { accept: "application/json" };
    const waiting = openRaw(`${url}/?channel=a&wait=30`, { headers: accept });
    const deciding = openRaw(`${url}/?v=1&channel=b`);
    await (await deciding).until("connected");
    await vi.waitFor(() => expect(sessionsOf(realtime)).toEqual({ streams: 2, pages: 1 }));
    const drained = realtime.drain({ graceSecs: 30 });
    expect(JSON.parse(await (await waiting).ended)).toMatchObject({ at: expect.stringMatching(/^0-\d{13}$/) as string });
    const late = await openRaw(`${url}/?v=1&channel=a`);
    expect(JSON.parse(await late.ended)).toMatchObject({ code: "closing" });
    expect([late.status, late.headers["retry-after"]]).toEqual([503, undefined]);
    const eventSource = await openRaw(`${url}/?channel=a`);
    expect([eventSource.status, await eventSource.ended]).toEqual([200, "retry: 1000\n:\n\n"]);
    const page = await openRaw(`${url}/?channel=a`, { headers: accept });
    expect([page.status, page.headers["retry-after"]]).toEqual([503, "1"]);
    // What is open goes on, and what is emitted arrives.
    await realtime.channel("a").emit("e.v", "still here");
    await stream.until("still here");
    await stream.until(/event: reconnect\ndata: \{"delayMs":\d+\}/);
    stream.destroy();
    (await deciding).destroy();
    await drained;
  });

  it("a plain EventSource, which does not know the word, is ended in its turn and goes on elsewhere", async () => {
    const [old] = await sites(1);
    const { realtime, url } = old as NonNullable<typeof old>;
    using reader = readByEventSource(`${url}/?channel=a`);
    await vi.waitFor(() => expect(reader.frames).toContain("connected"));
    await realtime.channel("a").emit("e.v", 1);
    await realtime.drain({ graceSecs: 0.2 });
    expect(reader.data).toEqual([1]);
  });

  it("with a grace of 0 it ends streams at once and tells nobody, as close() does", async () => {
    const [site] = await sites(1);
    const { realtime, url } = site as NonNullable<typeof site>;
    const stream = await openRaw(`${url}/?v=1&channel=a`);
    await stream.until("connected");
    await realtime.drain({ graceSecs: 0 });
    expect(await stream.ended).not.toContain("reconnect");
  });

  it("I9 Close: close() ends a drain at once; drain() of a closed instance resolves", async () => {
    const [site] = await sites(1);
    const { realtime, url } = site as NonNullable<typeof site>;
    const stream = await openRaw(`${url}/?v=1&channel=a`);
    await stream.until("connected");
    const drained = realtime.drain({ graceSecs: 3_600 });
    await realtime.close();
    await drained;
    await stream.ended;
    await realtime.drain();
  });
});

it("a process that drains at SIGTERM ends when its last client has left", async () => {
  await using redis = await startRedis();
  await using server = await startAppServer({ redisUrl: `redis://127.0.0.1:${redis.port}`, graceSecs: 60 });
  const stream = await openRaw(`${server.url}/api/realtime?v=1&channel=a`);
  await stream.until("connected");
  const stopped = server.stop();
  await stream.until("event: reconnect");
  stream.destroy();
  await stopped;
});
