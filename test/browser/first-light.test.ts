import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

interface Shown {
  messages: Array<{ data: number; replayed: boolean }>;
  gaps: Array<{ reason: string }>;
}

let browser: Browser;
let page: string;
let redis: RedisServer;
const servers: AppServer[] = [];

beforeAll(async () => {
  [browser, page, redis] = await Promise.all([launchBrowser(), bundlePage("test/browser/fixtures/feed-page.ts"), startRedis()]);
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.kill();
});
afterAll(async () => {
  await browser?.close();
  await redis?.stop();
});

async function start(options: Parameters<typeof startAppServer>[0]): Promise<AppServer> {
  const server = await startAppServer({ page, ...options });
  servers.push(server);
  return server;
}

async function open(server: AppServer): Promise<Page> {
  const tab = await browser.newPage();
  await tab.goto(server.url);
  await tab.waitForFunction(() => document.title === "connected");
  return tab;
}

const shownBy = (tab: Page): Promise<Shown> => tab.evaluate(() => (globalThis as unknown as { shown: Shown }).shown);
const untilShown = (tab: Page, count: number): Promise<unknown> =>
  tab.waitForFunction((wanted) => (globalThis as unknown as { shown: Shown }).shown.messages.length >= wanted, count);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const emits = (from: number, to: number): Array<readonly [string, string, unknown]> =>
  numbers(from, to).map((n) => ["room", "order.placed", n]);

describe.each(["Redis and two servers", "memory and one server"])("first light on %s", (place) => {
  const onRedis = place.startsWith("Redis");

  it("F-25: a page shows each event once and in order, and after a cut exactly what it missed", async () => {
    const redisUrl = onRedis ? redis.url : undefined;
    const a = await start({ redisUrl });
    const b = onRedis ? await start({ redisUrl }) : a;
    const tab = await open(a);

    await b.emit(...emits(1, 100));
    await untilShown(tab, 100);
    expect((await shownBy(tab)).messages.map(({ data, replayed }) => [data, replayed])).toEqual(
      numbers(1, 100).map((n) => [n, false]),
    );

    await a.cut({ refuse: true });
    await b.emit(...emits(101, 105));
    if (onRedis) {
      await a.kill();
      await start({ redisUrl, port: a.port });
    } else {
      await a.admit();
    }
    await untilShown(tab, 105);
    await b.emit(...emits(106, 106));
    await untilShown(tab, 106);

    const { messages, gaps } = await shownBy(tab);
    expect(messages.map(({ data }) => data)).toEqual(numbers(1, 106));
    expect(messages.filter(({ replayed }) => replayed).map(({ data }) => data)).toEqual(numbers(101, 105));
    expect(gaps).toEqual([]);
    await tab.close();
  });

  it("B-26: more missed than the log holds is one gap, then what it still holds", async () => {
    const redisUrl = onRedis ? redis.url : undefined;
    const a = await start({ redisUrl, maxLength: 3 });
    const b = onRedis ? await start({ redisUrl, maxLength: 3 }) : a;
    const tab = await open(a);
    await b.emit(...emits(1, 2));
    await untilShown(tab, 2);

    await a.cut({ refuse: true });
    await b.emit(...emits(3, 9));
    await a.admit();
    await untilShown(tab, 5);

    const { messages, gaps } = await shownBy(tab);
    expect(messages.map(({ data }) => data)).toEqual([1, 2, 7, 8, 9]);
    expect(gaps.map(({ reason }) => reason)).toEqual(["trimmed"]);
    await tab.close();
  });

  it("B-3: a page that was cut before any event gets all that came meanwhile", async () => {
    const redisUrl = onRedis ? redis.url : undefined;
    const a = await start({ redisUrl });
    const b = onRedis ? await start({ redisUrl }) : a;
    await b.emit(...emits(1, 4));
    const tab = await open(a);
    await a.cut({ refuse: true });
    await b.emit(...emits(5, 7));
    await a.admit();
    await untilShown(tab, 3);
    await vi.waitFor(async () => expect(await tab.title()).toBe("connected"));
    const { messages, gaps } = await shownBy(tab);
    expect(messages.map(({ data, replayed }) => [data, replayed])).toEqual(numbers(5, 7).map((n) => [n, true]));
    expect(gaps).toEqual([]);
    await tab.close();
  });
});
