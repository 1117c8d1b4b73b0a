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

// Time is what is tested here: Bun ends a request that has no answer for 10 s.
it.each(Object.keys(BUN_APPS) as BunAppName[])(
  "%s answers a page that was asked to wait for 30 s before it is cut, and at once when there is an event",
  async (name) => {
    const { body, event } = BUN_APPS[name];
    await using app = await apps.start(name, redis);
    const get = (query: string) => openRaw(`${app.url}/api/realtime?${query}`, { headers: { accept: "application/json" } });
    const idle = await get("wait=30");
    const page = JSON.parse(await idle.ended) as { at: string };
    expect([idle.status, page]).toMatchObject([200, { frames: [{ type: "connected" }] }]);
    const waiting = get(`at=${page.at}&wait=30`);
    const response = await fetch(`${app.url}/api/emit`, { method: "POST", body: JSON.stringify(body) });
    expect(await response.text()).toBe("ok");
    expect(await (await waiting).ended).toContain(`"event":"${event}"`);
    expect(app.printed).not.toMatch(/timed out/);
  },
  120_000,
);
