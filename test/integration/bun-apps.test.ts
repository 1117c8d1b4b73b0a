import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BunApp } from "../support/bun.ts";
import { BUN_APPS, installBunApps, type BunAppName, type BunApps } from "../support/bun-apps.ts";
import { openRaw } from "../support/raw-stream.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";

let redis: RedisServer;
let apps: BunApps;

beforeAll(async () => {
  redis = await startRedis();
  apps = installBunApps();
}, 300_000);
afterAll(async () => {
  apps[Symbol.dispose]();
  await redis.stop();
});

describe.each(Object.keys(BUN_APPS) as BunAppName[])("%s, as documented", (name) => {
  const { body, event } = BUN_APPS[name];
  let app: BunApp;

  beforeAll(async () => {
    await rawCommand(redis.port, "FLUSHALL");
    app = await apps.start(name, redis);
  });
  afterAll(() => app.stop());

  async function emit(): Promise<void> {
    const response = await fetch(`${app.url}/api/emit`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
  }

  function read(query: string, headers?: Record<string, string>): Promise<StreamReader> {
    return readStream(
      (request) => fetch(app.url + new URL(request.url).pathname + new URL(request.url).search, request),
      query,
      headers,
    );
  }

  it("streams what is emitted, and resumes where a reader left", async () => {
    const first = await read("v=1");
    expect(first.response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    await first.until((frames) => countOf(frames, "connected") === 1);
    // On Bun, whose own patience ends after 10 s.
    expect(first.frames[0]).toMatchObject({ event: "connected", data: { heartbeatMs: 8_000 } });
    await emit();
    await first.until((frames) => countOf(frames, "") === 1);
    expect(first.frames.at(-1)?.data).toMatchObject({ channel: "default", event, data: body });
    const id = String(first.frames.at(-1)?.data["id"]);
    await first.close();

    await emit();
    await emit();
    const second = await read(`v=1&at=${id}`);
    await second.until((frames) => countOf(frames, "") === 2);
    await emit();
    await second.until((frames) => countOf(frames, "") === 3);
    expect(countOf(second.frames, "gap")).toBe(0);
    await second.close();
    // A plain EventSource.
    const third = await read("", { "last-event-id": id });
    await third.until((frames) => countOf(frames, "") === 3);
    await third.close();
  });

  it("lets go of a reader that has gone: two connections to Redis, however many came", async () => {
    for (let round = 0; round < 20; round++) {
      const stream = await openRaw(`${app.url}/api/realtime?channel=c${round}`);
      await stream.until("event: connected");
      stream.destroy();
    }
    const clients = String(await rawCommand(redis.port, "CLIENT", "LIST")).split("\n");
    expect(clients.filter((line) => line.includes(" name=tidings-"))).toHaveLength(2);
  });

  it("holds an idle stream for longer than Bun does by itself", async () => {
    const stream = await openRaw(`${app.url}/api/realtime`);
    await stream.until("event: connected");
    const { length } = stream.text;
    // From one heartbeat to the next the stream is idle.
    await stream.until((text) => (text.slice(length).match(/^:/gm) ?? []).length >= 2);
    await emit();
    await stream.until(`"event":"${event}"`);
    stream.destroy();
    expect(app.printed).not.toMatch(/timed out/);
  });
});
