import { handle, Realtime } from "@upstash/realtime";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod/v4";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { SERVED, startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

// That the front speaks the protocol, proved by the published packages: our own code is not in this file.

let server: RedisServer;
let front: UpstashFront;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  redis = new Redis({ url: front.url, token: front.token });
});

afterAll(async () => {
  await front.close();
  await server.stop();
});

beforeEach(async () => {
  front.fate = () => SERVED;
  front.deliversFromScripts = true;
  front.dropStreams();
  await redis.flushall();
  front.forget();
});

describe("the front through @upstash/redis", () => {
  it("answers single commands, and says in a header up to where it has written", async () => {
    expect(await redis.set("k", "värde")).toBe("OK");
    expect(await redis.get("k")).toBe("värde");
    await redis.hset("h", { a: "1", b: "zwei" });
    expect(await redis.hgetall("h")).toEqual({ a: 1, b: "zwei" });
    expect(await redis.eval("return {KEYS[1], ARGV[1], {'deep', 3}, false}", ["key"], ["ärg"])).toEqual([
      "key",
      "ärg",
      ["deep", 3],
      null,
    ]);
    const tokens = front.requests.map(({ headers }) => headers["upstash-sync-token"]);
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it("answers pipelines and transactions, errors included", async () => {
    const [set, wrong] = await redis.pipeline().set("k", "x").hget("k", "f").exec({ keepErrors: true });
    expect(set).toEqual({ result: "OK" });
    expect(wrong?.error).toMatch(/^WRONGTYPE/);
    expect(await redis.multi().incr("n").incr("n").exec()).toEqual([1, 2]);
    const paths = front.requests.map(({ path }) => path);
    expect(paths).toEqual(["/pipeline", "/multi-exec"]);
    expect(front.commandCount).toBe(4);
  });

  it("answers an error with a status, and a wrong token with 401", async () => {
    const single = new Redis({ url: front.url, token: front.token, enableAutoPipelining: false });
    await expect(single.eval("return redis.error_reply('MINE no')", [], [])).rejects.toThrow(/^MINE no/);
    expect(front.requests.map(({ path }) => path)).toEqual(["/"]);
    await expect(new Redis({ url: front.url, token: "wrong" }).get("k")).rejects.toThrow(/WRONGPASS/);
    const reply = await fetch(`${front.url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${front.token}` },
      body: "no JSON",
    });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toEqual({ error: expect.stringMatching(/^ERR /) });
  });

  it("takes commands as paths, and the token as a parameter", async () => {
    const reply = await fetch(`${front.url}/set/k%2F1?_token=${front.token}`, { method: "POST", body: "a value" });
    expect(await reply.json()).toEqual({ result: "OK" });
    expect(await redis.get("k/1")).toBe("a value");
  });

  it("streams what is published on a channel and on a pattern", async () => {
    const heard: unknown[] = [];
    const subscriber = redis.subscribe<object>(["{t:a}:live:0"]);
    subscriber.on("message", ({ channel, message }) => heard.push([channel, message]));
    const patterns = redis.psubscribe<object>(["{t:*"]);
    patterns.on("pmessage", ({ pattern, message }) => heard.push([pattern, message]));
    await vi.waitFor(() => expect(front.openStreams).toBe(2));
    await redis.publish("{t:a}:live:0", ["one, two"]);
    await redis.eval("return redis.call('PUBLISH', ARGV[1], '[3]')", [], ["{t:a}:live:0"]);
    await vi.waitFor(() => expect(heard).toHaveLength(4));
    expect(heard.map((each) => JSON.stringify(each)).sort()).toEqual([
      '["{t:*",["one, two"]]',
      '["{t:*",[3]]',
      '["{t:a}:live:0",["one, two"]]',
      '["{t:a}:live:0",[3]]',
    ]);
    await Promise.all([subscriber.unsubscribe(), patterns.unsubscribe()]);
    await vi.waitFor(() => expect(front.openStreams).toBe(0));
  });

  it("can be told not to deliver what scripts publish", async () => {
    front.deliversFromScripts = false;
    const heard: unknown[] = [];
    const subscriber = redis.subscribe<string>(["c"]);
    subscriber.on("message", ({ message }) => heard.push(message));
    await vi.waitFor(() => expect(front.openStreams).toBe(1));
    await redis.eval("return redis.call('PUBLISH', 'c', 'from a script')", [], []);
    await redis.publish("c", "from a command");
    await vi.waitFor(() => expect(heard).toEqual(["from a command"]));
    await subscriber.unsubscribe();
  });

  it("loses replies, refuses, cuts and is slow when it is told to", async () => {
    const noRetry = new Redis({ url: front.url, token: front.token, retry: { retries: 0 } });
    front.fate = () => ({ kind: "cut", executes: true });
    await expect(noRetry.incr("n")).rejects.toThrow(/fetch failed/);
    front.fate = () => ({ kind: "cut", executes: false });
    await expect(noRetry.incr("n")).rejects.toThrow(/fetch failed/);
    front.fate = () => ({ kind: "refused", status: 429, error: "ERR too many" });
    await expect(noRetry.incr("n")).rejects.toThrow(/ERR too many/);
    front.fate = () => ({ kind: "delayed", ms: 1 });
    expect(await noRetry.incr("n")).toBe(2);
    // What a client that sends again does to a counter, and would do to a log.
    front.fate = () => (front.requests.length === 5 ? { kind: "cut", executes: true } : SERVED);
    expect(await redis.incr("n")).toBe(4);
  });
});

describe("the front through @upstash/realtime", () => {
  const schema = { chat: { message: z.object({ text: z.string() }) } };

  it("an event reaches a stream of its `handle`, a subscription and the history", async () => {
    const realtime = new Realtime({ schema, redis, history: { maxLength: 100, expireAfterSecs: 60 } });
    const channel = realtime.channel("room");
    await channel.emit("chat.message", { text: "before" });

    const request = new Request("http://app/api/realtime?channel=room&last_ack_room=0");
    const response = (await handle({ realtime })(request)) as Response;
    const frames: Array<Record<string, unknown>> = [];
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const reading = readFrames(reader, frames);
    await vi.waitFor(() => expect(frames).toHaveLength(2));

    const heard: unknown[] = [];
    const unsubscribe = await channel.subscribe({
      events: ["chat.message"],
      history: true,
      onData: ({ data }) => heard.push(data),
    });
    await channel.emit("chat.message", { text: "after" });
    await vi.waitFor(() => expect(frames).toHaveLength(3));
    await vi.waitFor(() => expect(heard).toEqual([{ text: "before" }, { text: "after" }]));

    expect(frames.map(({ type, data }) => type ?? data)).toEqual(["connected", { text: "before" }, { text: "after" }]);
    expect((await channel.history()).map(({ data }) => data)).toEqual([{ text: "before" }, { text: "after" }]);
    unsubscribe();
    await reader.cancel();
    await reading;
    await vi.waitFor(() => expect(front.openStreams).toBe(0));
  });
});

async function readFrames(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  into: Array<Record<string, unknown>>,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) into.push(JSON.parse(frame.slice("data: ".length)) as Record<string, unknown>);
  }
}
