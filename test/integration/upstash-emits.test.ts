import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createUpstashAdapter, type UpstashRedisLike } from "../../src/adapters/upstash.ts";
import { redisAdapterParts } from "../../src/brokers/redis/clients/adapter.ts";
import { createUpstashSource, isUpstashRedis } from "../../src/brokers/redis/rest/upstash.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";
import { advanceUntil, openUpstash, type UpstashBroker } from "../support/upstash-broker.ts";
import { SERVED, startUpstashFront, type Fate, type FrontRequest, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;
let own: UpstashBroker;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
});

afterAll(async () => {
  await front.close();
  await server.stop();
});

beforeEach(async () => {
  await new Redis({ url: front.url, token: front.token }).flushall();
  front.forget();
  own = openUpstash(front);
});

afterEach(async () => {
  front.fate = () => SERVED;
  await own.broker.close();
});

/** Requests that store something. */
const isAppend = ({ commands }: FrontRequest) => commands.some(([name, script]) => name === "EVAL" && script?.includes("XADD"));

/** Deals with the first `times` requests that store something in this way, and serves the rest. */
function meetAppends(fate: Fate, times = 1): void {
  let left = times;
  front.fate = (request) => (isAppend(request) && left-- > 0 ? fate : SERVED);
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => String(at));
const code = (emitted: Promise<unknown>) =>
  emitted.then(
    () => "stored",
    (error: { code: string }) => error.code,
  );

describe("emits over REST", () => {
  it("one emit is one request with one command", async () => {
    await own.emit("c", "1");
    expect(front.requests.map(({ path, commands }) => [path, commands.length])).toEqual([["/", 1]]);
  });

  it("a hundred un-awaited emits of one channel are stored in call order, in one request", async () => {
    await Promise.all(numbers(100).map((json) => own.emit("c", json)));
    expect(front.requests.map(({ path, commands }) => [path, commands.length])).toEqual([["/pipeline", 100]]);
    expect(await own.stored("c")).toEqual(numbers(100));
  });

  it("what is emitted while a request is under way waits for it, and requests are bounded in bytes", async () => {
    front.fate = () => ({ kind: "delayed", ms: 5 });
    const emitted = numbers(20).map((n) => own.emit("c", JSON.stringify(n + "x".repeat(50_000))));
    await vi.waitFor(() => expect(front.requests.length).toBeGreaterThan(0));
    emitted.push(...numbers(20).map((n) => own.emit("c", n)));
    await Promise.all(emitted);
    const counts = front.requests.map(({ commands }) => commands.length);
    expect(counts.slice(0, 3)).toEqual([5, 5, 5]);
    // How many small ones find room beside the last large ones is a matter of what a command weighs.
    expect(counts.slice(3)).toEqual([expect.toSatisfy((count: number) => count >= 5), expect.any(Number)]);
    const stored = await own.stored("c");
    expect(stored.slice(20)).toEqual(numbers(20));
  });

  it("channels do not wait for each other, up to 32 requests", async () => {
    let release = () => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    front.fate = () => ({ kind: "held", until });
    const emitted = Promise.all(numbers(100).map((n) => own.emit(`c${n}`, n)));
    await vi.waitFor(() => expect(front.requests.length).toBeGreaterThanOrEqual(32));
    // What was sent with them has arrived when a later request of somebody else was answered.
    await fetch(front.url).then((response) => response.text());
    expect(front.requests).toHaveLength(32);
    release();
    await emitted;
    expect(front.requests).toHaveLength(100);
  });

  it("each request says up to where this process has written, unless the client was told not to", async () => {
    await own.emit("c", "1");
    await own.emit("c", "2");
    const [first, second] = front.requests.map(({ headers }) => headers["upstash-sync-token"]);
    expect(first).toBe("");
    expect(Number(second)).toBeGreaterThan(0);
  });

  it("a process at rest holds no request and no timer", async () => {
    const clock = fakeClock();
    await using still = openUpstash(front, { clock });
    await still.emit("c", "1");
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(front.requests).toHaveLength(1);
  });
});

describe("I8 Outage: emits over REST whose answer is lost", () => {
  it.each<[string, Fate]>([
    ["it was stored", { kind: "cut", executes: true }],
    ["it was not", { kind: "cut", executes: false }],
    ["it would be stored late, after the log was looked into", { kind: "cut", executes: true, afterMs: 300 }],
    ["a server error came instead", { kind: "refused", status: 502 }],
  ])("is stored once: %s", async (_, fate) => {
    meetAppends(fate);
    const ids = await Promise.all([own.emit("c", "1"), own.emit("c", "2"), own.emit("c", "3")]);
    expect(await own.stored("c")).toEqual(["1", "2", "3"]);
    await own.emit("c", "4");
    await vi.waitFor(() => expect(front.delayed).toBe(0));
    expect(await own.stored("c")).toEqual(["1", "2", "3", "4"]);
    expect(new Set(ids).size).toBe(3);
  });

  it("looks for all of them with one request", async () => {
    meetAppends({ kind: "cut", executes: true });
    await Promise.all(numbers(50).map((json) => own.emit("c", json)));
    const [lost, look, ...others] = front.requests;
    expect(lost?.commands).toHaveLength(50);
    // A fence for each, and the look.
    expect(look?.commands).toHaveLength(51);
    expect(others).toEqual([]);
  });

  it("an emit whose request is never answered is settled in its time", async () => {
    meetAppends({ kind: "unanswered", executes: true });
    const id = await own.emit("c", "1", { timeoutMs: 1_500 });
    meetAppends({ kind: "unanswered", executes: false });
    const other = await own.emit("c", "2", { timeoutMs: 1_500 });
    expect(other > id).toBe(true);
    expect(await own.stored("c")).toEqual(["1", "2"]);
  });

  it("an emit with an id of the caller's own is looked for, too, so that none overtakes another", async () => {
    meetAppends({ kind: "cut", executes: true });
    const id = await own.emit("c", "1", { onceId: "order 7" });
    expect(await own.emit("c", "1", { onceId: "order 7" })).toBe(id);
    expect(await own.stored("c")).toEqual(["1"]);
  });

  it("an emit with an id does not overtake what it followed when the lost request comes late", async () => {
    await own.emit("c", "0");
    let requests = 0;
    // The request of both is lost and executed late, between being fenced and being sent again.
    front.fate = () => {
      requests++;
      if (requests === 1) return { kind: "cut", executes: true, afterMs: 250 };
      return requests === 3 ? { kind: "delayed", ms: 600 } : SERVED;
    };
    await Promise.all([own.emit("c", "1"), own.emit("c", "2", { onceId: "order 7" })]);
    expect(await own.stored("c")).toEqual(["0", "1", "2"]);
  });

  it("an emit with an id that is not found is sent again: what an earlier one has stored counts", async () => {
    const id = await own.emit("c", "1", { onceId: "order 7" });
    meetAppends({ kind: "cut", executes: true });
    expect(await own.emit("c", "1", { onceId: "order 7" })).toBe(id);
    expect(await own.stored("c")).toEqual(["1"]);
  });

  it("the outcome is unknown when the log cannot be looked into in time", async () => {
    front.fate = (request) => ({ kind: "cut", executes: isAppend(request) });
    const emitted = own.emit("c", "1", { timeoutMs: 600 });
    const behind = own.emit("c", "2", { timeoutMs: 700 });
    expect(await Promise.all([code(emitted), code(behind)])).toEqual(["outcome_unknown", "outcome_unknown"]);
  });

  it("the outcome is unknown when the log has forgotten the time in question", async () => {
    let left = 1;
    front.fate = (request) => (isAppend(request) && left-- > 0 ? { kind: "cut", executes: false } : SERVED);
    // As if many others had emitted meanwhile: nothing is left that reaches back.
    const other = openUpstash(front);
    await Promise.all([own.emit("c", "1").catch(() => {}), other.emit("c", "other")]);
    const direct = new Redis({ url: front.url, token: front.token });
    await direct.del("t:c");
    const now = Date.now();
    await direct.eval(
      "return redis.call('XADD', KEYS[1], ARGV[1], 'v', '1', 'p', ARGV[2], 'e', 'test.event', 'd', '0')",
      ["t:c"],
      [`${now}-5`, `${now}-4`],
    );
    meetAppends({ kind: "cut", executes: false });
    expect(await code(own.emit("c", "2"))).toBe("outcome_unknown");
    await other.broker.close();
  });
});

describe("I8 Outage: emits over REST that are refused", () => {
  it("too many requests: sent again after a pause, in order", async () => {
    meetAppends({ kind: "refused", status: 429, headers: { "retry-after": "0" } }, 3);
    await Promise.all(numbers(10).map((json) => own.emit("c", json)));
    expect(await own.stored("c")).toEqual(numbers(10));
  });

  it("too many requests all the time: not stored, in time, and the log is not asked", async () => {
    meetAppends({ kind: "refused", status: 429 }, Number.POSITIVE_INFINITY);
    expect(await code(own.emit("c", "1", { timeoutMs: 400 }))).toBe("not_stored");
    expect(front.requests.every(isAppend)).toBe(true);
    expect(front.requests.length).toBeLessThan(10);
  });

  it("nobody there: not stored, said once, and stored when somebody is there again", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    // It asks at 0, 38, 113, 263, 563 and 1,163 ms: nothing is on its way when the time is up, which could be stored.
    await using away = openUpstash(front, { url, clock: { ...systemClock, random: () => 0.5 } });
    expect(await code(away.emit("c", "1", { timeoutMs: 900 }))).toBe("not_stored");
    expect(await code(away.emit("d", "1", { timeoutMs: 900 }))).toBe("not_stored");
    expect(away.warnings).toHaveLength(1);
    expect(away.warnings[0]).toMatch(/no connection to Redis at 127\.0\.0\.1:\d+\..*ECONNREFUSED/s);
  });

  it("a wrong token: refused at once, and the error says what to check", async () => {
    await using stranger = openUpstash(front, { token: "wrong" });
    const error = await stranger.emit("c", "1").catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "broker_refused", retryable: false });
    expect(String(error)).toMatch(/HTTP 401.*UPSTASH_REDIS_REST_TOKEN/);
    expect(String(error)).not.toContain("wrong");
    await expect(stranger.record().listener.join("c")).rejects.toMatchObject({ code: "broker_refused" });
    await expect(stranger.stored("c")).rejects.toMatchObject({ code: "broker_refused" });
  });

  it("a client without URL and token, as `Redis.fromEnv()` makes it when they are missing, says so at the first use", async () => {
    await using bare = openUpstash(front, { url: "", token: "" });
    expect(String(await bare.emit("c", "1").catch((error: unknown) => error))).toMatch(/UPSTASH_REDIS_REST_URL/);
    await expect(bare.emit("c", "1")).rejects.toMatchObject({ code: "broker_refused" });
  });

  it("Redis' own errors: one command of a request fails, and the others do not", async () => {
    await new Redis({ url: front.url, token: front.token }).set("t:wrong", "a text");
    await expect(own.emit("wrong", "1")).rejects.toMatchObject({
      code: "broker_refused",
      message: expect.stringMatching(/WRONGTYPE/),
    });
    await own.emit("c", "1");
    const [one, two] = [own.emit("c", "2"), own.emit("c", "3")];
    await Promise.all([one, two]);
    expect(await own.stored("c")).toEqual(["1", "2", "3"]);
  });

  it("I9 Close: what is under way when the broker closes is settled, and no timer is left", async () => {
    const clock = fakeClock();
    const closing = openUpstash(front, { clock });
    front.fate = () => ({ kind: "unanswered", executes: true });
    const sent = closing.emit("c", "1");
    await vi.waitFor(() => expect(front.requests).toHaveLength(1));
    const waiting = closing.emit("c", "2");
    await closing.broker.close();
    expect(await Promise.all([code(sent), code(waiting), code(closing.emit("c", "3"))])).toEqual([
      "outcome_unknown",
      "closed",
      "closed",
    ]);
    await advanceUntil(clock, () => clock.pending === 0, 0);
  });
});

describe("U-1: an `@upstash/redis` client", () => {
  it("is recognised, however it was made", () => {
    const options = { url: front.url, token: front.token };
    for (const client of [new Redis(options), new Redis({ ...options, enableAutoPipelining: false })]) {
      expect(isUpstashRedis(client)).toBe(true);
      expect(redisAdapterParts(createUpstashAdapter(client))?.source.identity).toBe(createUpstashSource(client).identity);
    }
    for (const other of [undefined, null, {}, "https://x", Redis, options, new Map()])
      expect(isUpstashRedis(other)).toBe(false);
  });

  it("names the database by its URL, without token", () => {
    const source = createUpstashSource(new Redis({ url: "https://name-1.upstash.io/", token: "secret" }));
    expect(source).toMatchObject({ identity: "upstash:name-1.upstash.io", address: "name-1.upstash.io", keyPrefix: "", db: 0 });
  });

  it("is refused when it is something else, or speaks through a requester of the user's own", () => {
    const refused = expect.objectContaining({ code: "bad_option" });
    expect(() => createUpstashAdapter({} as UpstashRedisLike)).toThrow(refused);
    expect(() => createUpstashAdapter(new Redis({ request: async () => ({}) }))).toThrow(refused);
    expect(() => createUpstashAdapter(new Redis({ url: front.url, token: "t" }), { keyPrefix: "{a}" })).toThrow(refused);
    expect(() => createUpstashAdapter(new Redis({ url: front.url, token: "t" }), { prefix: "a" } as object)).toThrow(refused);
  });
});
