import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle, Realtime, type HandleOptions } from "../../src/index.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { readStream, type StreamReader } from "../support/stream-reader.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const HOUR_MS = 3_600_000;
const CONTROL = "tidings:!control";
const silent = { log() {}, warn() {}, error() {} };
const cleanup: Array<() => unknown> = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

type Endpoint = (request: Request) => Promise<Response>;

const guarded = (realtime: object, options: Omit<HandleOptions, "realtime"> = {}): Endpoint =>
  handle({ realtime, identify: (request) => request.headers.get("x-user") ?? undefined, ...options });

/** A stream of a user, which need not be joined yet. */
async function ask(endpoint: Endpoint, user: string, channel = "a"): Promise<StreamReader> {
  const stream = await readStream(endpoint, `channel=${channel}`, { "x-user": user });
  cleanup.push(() => stream.close());
  return stream;
}

async function open(endpoint: Endpoint, user: string, channel?: string): Promise<StreamReader> {
  const stream = await ask(endpoint, user, channel);
  await stream.until((frames) => frames.some(({ event }) => event === "connected"));
  return stream;
}

const expectEnded = (stream: StreamReader): Promise<void> =>
  expect(stream.until(() => false)).rejects.toThrow("the stream ended");

describe("disconnect, by two hubs on one Redis, of which one can be cut off", () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let one: Realtime;
  let other: Realtime;

  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
    one = new Realtime({ redis: redis.url, logger: silent }) as Realtime;
    other = new Realtime({
      redis: `redis://127.0.0.1:${proxy.port}`,
      maxDurationSecs: Infinity,
      logger: silent,
    });
    cleanup.push(
      () => redis[Symbol.asyncDispose](),
      () => proxy.close(),
      () => one.close(),
      () => other.close(),
    );
  });

  const order = (user: string): Promise<number> => one.disconnect({ user, timeoutSecs: 0 });
  /** Resolves when so many processes listen to orders. */
  const heardBy = (count: number): Promise<void> =>
    vi.waitFor(async () =>
      expect(await rawCommand(redis.port, "PUBSUB", "NUMSUB", `{${CONTROL}}:live:0`)).toEqual([expect.any(String), count]),
    );
  /** An event that arrives. */
  async function expectOpen(stream: StreamReader): Promise<void> {
    const value = Math.random();
    await one.channel("a").emit("e.v", value);
    await stream.until(() => stream.values.includes(value));
  }
  async function cutOff(): Promise<void> {
    proxy.refusing = true;
    proxy.cutAll();
    await heardBy(0);
  }
  const restore = (): void => void (proxy.refusing = false);
  /** What the passing of an hour does to the log. */
  const expire = (): Promise<unknown> => rawCommand(redis.port, "DEL", CONTROL);

  it("a request that was being decided when another server ordered it is decided again", async () => {
    const decisions: Array<(answer: boolean) => void> = [];
    let isSlow = false;
    const endpoint = guarded(other, {
      authorize: () => !isSlow || new Promise<boolean>((resolve) => decisions.push(resolve)),
    });
    const heard = await open(endpoint, "ann");
    await heardBy(1);
    isSlow = true;
    const answer = endpoint(new Request("http://localhost/?channel=a", { headers: { "x-user": "ann" } }));
    await vi.waitFor(() => expect(decisions).toHaveLength(1));
    await order("ann");
    await expectEnded(heard);
    decisions[0]?.(true);
    await vi.waitFor(() => expect(decisions).toHaveLength(2));
    decisions[1]?.(false);
    expect((await answer).status).toBe(403);
  });

  it("a server that begins to listen obeys what was ordered before, whatever its clock says", async () => {
    await order("ann");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 24 * HOUR_MS });
    const endpoint = guarded(other);
    const [ann, bob] = await Promise.all([ask(endpoint, "ann"), ask(endpoint, "bob")]);
    await expectEnded(ann);
    const next = await open(endpoint, "ann");
    await expectOpen(next);
    await expectOpen(bob);
  });

  it("so does one that had listened for answers alone", async () => {
    await order("ann");
    const called = other.disconnect({ user: "nobody", timeoutSecs: 3_600 });
    await heardBy(1);
    const ann = await ask(guarded(other), "ann");
    await expectEnded(ann);
    await other.close();
    expect(await called).toBe(0);
  });

  it("a server that was cut off obeys what was ordered meanwhile, in a log that had expired too", async () => {
    for (const isExpired of [false, true]) {
      const endpoint = guarded(other);
      const [ann, bob] = [await open(endpoint, "ann"), await open(endpoint, "bob")];
      await heardBy(1);
      await order("nobody");
      await cutOff();
      if (isExpired) await expire();
      await order("ann");
      restore();
      await expectEnded(ann);
      await expectOpen(bob);
    }
  });

  it("a short outage ends nobody, though it is not the first and the log has expired meanwhile, and the next order is heard", async () => {
    const endpoint = guarded(other);
    const [ann, bob] = [await open(endpoint, "ann"), await open(endpoint, "bob")];
    await heardBy(1);
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    const cleo = await open(endpoint, "cleo");
    await cutOff();
    await order("cleo");
    restore();
    await expectEnded(cleo);
    vi.advanceTimersByTime(2 * HOUR_MS);
    await cutOff();
    await expire();
    restore();
    await heardBy(1);
    await expectOpen(ann);
    await order("ann");
    await expectEnded(ann);
    await expectOpen(bob);
  });

  it("when orders were trimmed away meanwhile, one of them may have meant any stream: all are ended, and come back", async () => {
    const endpoint = guarded(other);
    const [ann, bob] = [await open(endpoint, "ann"), await open(endpoint, "bob")];
    await heardBy(1);
    await order("nobody");
    await cutOff();
    await order("ann");
    await Promise.all(Array.from({ length: 1_000 }, () => order("nobody")));
    restore();
    await Promise.all([expectEnded(ann), expectEnded(bob)]);
    await expectOpen(await open(endpoint, "bob"));
  });

  it("after more than an hour, orders have expired unheard: streams that are older are ended, and no others", async () => {
    const endpoint = guarded(other);
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    const ann = await open(endpoint, "ann");
    await heardBy(1);
    await order("nobody");
    await cutOff();
    await order("ann");
    vi.advanceTimersByTime(HOUR_MS);
    const bob = await ask(endpoint, "bob");
    await expire();
    restore();
    await expectEnded(ann);
    await expectOpen(bob);
  });
});

describe("disconnect, by two hubs in one memory, whose clock is ours", () => {
  /** A server with a stream, which listens to orders and has heard none. */
  async function listening() {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    const broker = createMemoryBroker();
    const told: Array<Parameters<typeof broker.listen>[0]> = [];
    const realtime = new Realtime({
      broker: {
        append: (...args) => broker.append(...args),
        read: (...args) => broker.read(...args),
        locate: (...args) => broker.locate(...args),
        listen: (handlers) => (told.push(handlers), broker.listen(handlers)),
        close: () => broker.close(),
      },
      maxDurationSecs: Infinity,
      logger: silent,
    });
    const one = new Realtime({ broker, logger: silent });
    cleanup.push(
      () => realtime.close(),
      () => one.close(),
    );
    const endpoint = guarded(realtime);
    const ann = await open(endpoint, "ann");
    // What it asks the log of orders is answered.
    await new Promise((resolve) => setImmediate(resolve));
    const all = ["!control", "a"];
    return {
      ann,
      endpoint,
      one,
      lose: () => told.forEach(({ lost }) => lost(all)),
      restore: () => told.forEach(({ restored }) => restored(all)),
    };
  }

  it.each([
    ["an hour and more", 2 * HOUR_MS, true],
    ["less than an hour", HOUR_MS / 2, false],
  ])("cut off for %s, with no order before it: %i ms", async (_, lengthMs, isEnded) => {
    const { ann, endpoint, one, lose, restore } = await listening();
    lose();
    vi.advanceTimersByTime(lengthMs);
    const bob = await ask(endpoint, "bob");
    restore();
    if (isEnded) await expectEnded(ann);
    const streams = isEnded ? [bob] : [ann, bob];
    await vi.waitFor(() => expect(bob.frames.some(({ event }) => event === "connected")).toBe(true));
    await one.channel("a").emit("e.v", 1);
    for (const stream of streams) await stream.until(() => stream.values.includes(1));
  });
});
