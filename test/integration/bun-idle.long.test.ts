import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BUN_APPS, installBunApps, type BunAppName, type BunApps } from "../support/bun-apps.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

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

// Time is what is tested here: Bun ends what is idle for 10 s.
it.concurrent.each(Object.keys(BUN_APPS) as BunAppName[])(
  "%s holds an idle stream for 60 s",
  async (name) => {
    const { body, event } = BUN_APPS[name];
    await using app = await apps.start(name, redis);
    const stream = await openRaw(`${app.url}/api/realtime?channel=default`);
    await stream.until("event: connected");
    await Promise.race([
      sleep(60_000),
      stream.ended.then((text) => Promise.reject(new Error(`the stream ended: ${JSON.stringify(text)}\n${app.printed}`))),
    ]);
    expect(stream.text).not.toContain('data: {"id"');
    const response = await fetch(`${app.url}/api/emit`, { method: "POST", body: JSON.stringify(body) });
    expect(await response.text()).toBe("ok");
    await stream.until(`"event":"${event}"`);
    stream.destroy();
    expect(app.printed).not.toMatch(/timed out/);
  },
  120_000,
);
