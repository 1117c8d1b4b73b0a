import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ListenerHandlers } from "../../src/brokers/broker.ts";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle, Realtime, type HandleOptions, type RealtimeOptions } from "../../src/index.ts";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { readStream } from "../support/stream-reader.ts";

const cleanup: Array<() => unknown> = [];

afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

const silent = { log() {}, warn() {}, error() {} };

/** Opens a stream of a user, and waits until all its channels are joined. */
async function open({ url }: { readonly url: string }, user: string, ...channels: string[]): Promise<RawStream> {
  const query = channels.map((channel) => `channel=${channel}`).join("&");
  const stream = await openRaw(`${url}/api/realtime?v=1&${query}`, { headers: { "x-user": user } });
  await stream.until((text) => text.split("event: connected").length > channels.length);
  cleanup.push(() => stream.destroy());
  return stream;
}

describe("disconnect, by two servers of one Redis", () => {
  let redis: RedisServer;
  let a: AppServer;
  let b: AppServer;

  beforeEach(async () => {
    redis = await startRedis();
    cleanup.push(() => redis[Symbol.asyncDispose]());
    const options = { redisUrl: `redis://127.0.0.1:${redis.port}`, guarded: true };
    [a, b] = await Promise.all([startAppServer(options), startAppServer(options)]);
    for (const server of [a, b]) cleanup.push(() => server.kill());
  });

  it("B-29: a user loses all streams, on every server, and is decided anew at the door", async () => {
    const [atA, atB, alsoAtB, bob] = [
      await open(a, "ann", "room:1", "room:2"),
      await open(b, "ann", "room:1"),
      await open(b, "ann", "room:3"),
      await open(b, "bob", "room:1"),
    ];
    for (const server of [a, b]) for (const channel of ["room:1", "room:2"]) await server.revoke("ann", channel);
    expect(await a.disconnect({ user: "ann" })).toBe(3);
    await Promise.all([atA.ended, atB.ended, alsoAtB.ended]);
    for (const server of [a, b]) {
      const refused = await openRaw(`${server.url}/api/realtime?channel=room:1`, { headers: { "x-user": "ann" } });
      expect(refused.status).toBe(403);
    }
    await open(b, "ann", "room:3");
    await a.emit(["room:1", "chat.message", "still here"]);
    await bob.until("still here");
  });

  it("a channel; and a channel of one user, whose other streams go on", async () => {
    const [one, other, annHere, annThere] = [
      await open(a, "bob", "room:1"),
      await open(b, "eve", "room:1", "room:2"),
      await open(a, "ann", "room:2"),
      await open(b, "ann", "room:3"),
    ];
    expect(await b.disconnect({ channel: "room:1" })).toBe(2);
    await Promise.all([one.ended, other.ended]);
    expect(await b.disconnect({ user: "ann", channel: "room:2" })).toBe(1);
    await annHere.ended;
    await a.emit(["room:3", "chat.message", "still here"]);
    await annThere.until("still here");
    expect(await a.disconnect({ user: "nobody" })).toBe(0);
  });

  it("reaches them from a process that has no endpoint, and which listens no longer than that", async () => {
    const stream = await open(b, "ann", "room:1");
    const worker = new Realtime({ redis: `redis://127.0.0.1:${redis.port}`, logger: silent });
    cleanup.push(() => worker.close());
    const listening = async (): Promise<unknown> =>
      ((await rawCommand(redis.port, "PUBSUB", "NUMSUB", "{tidings:!control}:live:0")) as unknown[])[1];
    const called = worker.disconnect({ user: "ann" });
    await vi.waitFor(async () => expect(await listening()).toBe(2));
    expect(await called).toBe(1);
    await stream.ended;
    await vi.waitFor(async () => expect(await listening()).toBe(1));
  });

  it("a page that waits is answered, and the next one is decided", async () => {
    const headers = { "x-user": "ann", accept: "application/json" };
    await open(b, "bob", "room:9");
    const page = openRaw(`${b.url}/api/realtime?v=1&channel=room:1&wait=30`, { headers });
    let ended = 0;
    await vi.waitFor(
      async () => {
        ended += await a.disconnect({ user: "ann", timeoutSecs: 0.2 });
        expect(ended).toBe(1);
      },
      { timeout: 10_000 },
    );
    expect(JSON.parse(await (await page).ended)).toMatchObject({ frames: expect.any(Array) });
  });
});

describe("disconnect, in one process", () => {
  function create(options: RealtimeOptions = {}): Realtime {
    const realtime = new Realtime({ broker: createMemoryBroker(), logger: silent, ...options }) as Realtime;
    cleanup.push(() => realtime.close());
    return realtime;
  }
  const endpointOf = (realtime: object, options: Omit<HandleOptions, "realtime"> = {}) =>
    handle({ realtime, identify: (request) => request.headers.get("x-user") ?? undefined, ...options });

  it("reaches the other instances on the same broker", async () => {
    const broker = createMemoryBroker();
    const [one, other] = [create({ broker }), create({ broker })];
    const stream = await readStream(endpointOf(other), "channel=a", { "x-user": "ann" });
    await stream.until((frames) => frames.length > 0);
    expect(await one.disconnect({ user: "ann", timeoutSecs: 0.2 })).toBe(1);
    await expect(stream.until(() => false)).rejects.toThrow("the stream ended");
  });

  it("a request that was being decided when it was called is decided again", async () => {
    const realtime = create();
    let isAllowed = true;
    const decisions: Array<() => void> = [];
    const authorize = vi.fn<() => Promise<boolean>>(async () => {
      const answer = isAllowed;
      await new Promise<void>((resolve) => decisions.push(resolve));
      return answer;
    });
    const server = await serve(fetchListener(endpointOf(realtime, { authorize })));
    cleanup.push(() => server[Symbol.asyncDispose]());
    const answer = openRaw(`${server.url}/?channel=a`, { headers: { "x-user": "ann" } });
    await vi.waitFor(() => expect(decisions).toHaveLength(1));
    isAllowed = false;
    await realtime.disconnect({ user: "ann", timeoutSecs: 0 });
    // Of another user, which asks for nothing to be done again.
    await realtime.disconnect({ user: "bob", timeoutSecs: 0 });
    decisions[0]?.();
    await vi.waitFor(() => expect(decisions).toHaveLength(2));
    decisions[1]?.();
    expect((await answer).status).toBe(403);
    expect(authorize).toHaveBeenCalledTimes(2);
  });

  it("a server whose first stream is younger than the order obeys it, however late it began to listen", async () => {
    const broker = createMemoryBroker();
    const [one, other] = [create({ broker }), create({ broker })];
    await one.disconnect({ user: "ann", timeoutSecs: 0 });
    const stream = await readStream(endpointOf(other), "channel=a", { "x-user": "ann" });
    await expect(stream.until(() => false)).rejects.toThrow("the stream ended");
    const next = await readStream(endpointOf(other), "channel=a", { "x-user": "ann" });
    await next.until((frames) => frames.length > 0);
    await next.close();
  });

  describe("a server that was cut off from its broker", () => {
    /** One with a stream, and a way to cut it off from what it shares with others. */
    async function cutOff() {
      const broker = createMemoryBroker();
      const told: ListenerHandlers[] = [];
      const realtime = create({
        broker: { ...methodsOf(broker), listen: (handlers) => (told.push(handlers), broker.listen(handlers)) },
      });
      const stream = await readStream(endpointOf(realtime), "channel=a", { "x-user": "ann" });
      await stream.until((frames) => frames.length > 0);
      const other = create({ broker });
      // Once, so that its log is there.
      await other.disconnect({ user: "bob", timeoutSecs: 0 });
      const order = (user: string, id: string | number, expireAfterMs = 3_600_000): Promise<unknown> => {
        const fields = { id: `order ${id}`, from: "another server", user };
        const draft = { event: "control.disconnect", json: JSON.stringify(fields), emitId: `${id}` };
        return broker.append("!control", draft, { maxLength: 1_000, expireAfterMs }, 1_000);
      };
      await order("nobody", "heard");
      await new Promise((resolve) => setImmediate(resolve));
      const all = ["!control", "a"];
      return {
        stream,
        order,
        lose: () => told.forEach(({ lost }) => lost(all)),
        restore: () => told.forEach(({ restored }) => restored(all)),
      };
    }

    it("obeys when it is back, also where the log had expired and was born again in the meantime", async () => {
      for (const isExpired of [false, true]) {
        const { stream, order, lose, restore } = await cutOff();
        if (isExpired) {
          await order("nobody", "the last of its life", 1);
          await new Promise((resolve) => setImmediate(resolve));
        }
        lose();
        if (isExpired) await new Promise((resolve) => setTimeout(resolve, 5));
        await order("ann", 1);
        await order("cleo", 2);
        restore();
        await expect(
          stream.until(() => false),
          String(isExpired),
        ).rejects.toThrow("the stream ended");
      }
    });

    it("ends all that is open when there were more orders than the log keeps: one of them may have meant it", async () => {
      const { stream, order, lose, restore } = await cutOff();
      lose();
      await order("ann", 0);
      for (let each = 1; each <= 1_000; each++) await order("nobody", each);
      restore();
      await expect(stream.until(() => false)).rejects.toThrow("the stream ended");
    });

    it("obeys what is ordered while it looks for what it missed, in a log that is gone", async () => {
      const { stream, order, lose, restore } = await cutOff();
      await order("nobody", "the last of its life", 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      lose();
      restore();
      await order("nobody", "of the next one");
      await order("ann", "a");
      await expect(stream.until(() => false)).rejects.toThrow("the stream ended");
    });
  });

  it("ends what is here though the broker is away, and says that the others were not told", async () => {
    const memory = createMemoryBroker();
    const cause = new Error("no broker");
    const realtime = create({ broker: { ...methodsOf(memory), append: () => Promise.reject(cause) } });
    const stream = await readStream(endpointOf(realtime), "channel=a", { "x-user": "ann" });
    await stream.until((frames) => frames.length > 0);
    await expect(realtime.disconnect({ user: "ann" })).rejects.toMatchObject({
      code: "broker_unavailable",
      retryable: true,
      message: expect.stringContaining("ended 1 here"),
    });
    await expect(stream.until(() => false)).rejects.toThrow("the stream ended");
  });

  it("I9 Close: waits for no answer any more", async () => {
    const realtime = create();
    const called = realtime.disconnect({ user: "ann", timeoutSecs: 3_600 });
    await new Promise((resolve) => setImmediate(resolve));
    await realtime.close();
    expect(await called).toBe(0);
    await expect(realtime.disconnect({ user: "ann" })).rejects.toMatchObject({ code: "closed" });
  });

  it("does not go with interop, where there is no log for it", async () => {
    const realtime = new Realtime({ redis: "redis://127.0.0.1:1", interop: "forrealtime", logger: silent });
    cleanup.push(() => realtime.close());
    await expect(realtime.disconnect({ user: "ann" })).rejects.toMatchObject({ code: "bad_option" });
  });

  it("I11 Prefix: no request, emit or subscribe can name the log through which servers speak", async () => {
    const realtime = create();
    const response = await endpointOf(realtime)(new Request("http://localhost/?channel=!control"));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad_channel" });
    expect(() => realtime.channel("!control")).toThrow(expect.objectContaining({ code: "bad_channel" }));
  });
});

function methodsOf(broker: ReturnType<typeof createMemoryBroker>): ReturnType<typeof createMemoryBroker> {
  return {
    append: (...args) => broker.append(...args),
    read: (...args) => broker.read(...args),
    locate: (...args) => broker.locate(...args),
    listen: (...args) => broker.listen(...args),
    close: () => broker.close(),
  };
}
