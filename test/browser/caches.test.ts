import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { handle } from "../../src/node.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundleWith } from "../support/frameworks.ts";
import { Realtime } from "../../src/index.ts";
import type { CachePage } from "./fixtures/cache-page.ts";

interface Order {
  readonly id: string;
  readonly item: string;
}

let browser: Browser;
let script: string;
let realtime: Realtime;
let server: Server;
let url: string;
let tab: Page;
let orders: Order[] = [];
/** How often the list was asked for. */
let fetches = 0;
/** How often a stream was asked for. */
let streams = 0;
const open = new Set<Socket>();
let refuse = false;
/** Holds the next answers of the list back, after they were read. */
let held: Promise<void> | undefined;
let prefixes = 0;

beforeAll(async () => {
  const [launched, bundled] = await Promise.all([
    launchBrowser(),
    bundleWith("caches", { entry: "caches/page.tsx", for: "browser" }),
  ]);
  browser = launched;
  script = await readFile(bundled, "utf8");
});
afterAll(() => browser?.close());

beforeEach(async () => {
  realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `caches${++prefixes}` });
  const stream = handle({ realtime });
  orders = [];
  fetches = streams = 0;
  refuse = false;
  held = undefined;
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    if (pathname === "/api/orders") {
      fetches++;
      return void list().then((listed) => response.setHeader("content-type", "application/json").end(JSON.stringify(listed)));
    }
    if (pathname !== "/api/realtime") {
      const html = `<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>`;
      return void response.setHeader("content-type", "text/html").end(html);
    }
    if (refuse) return void request.socket.destroy();
    streams++;
    open.add(request.socket);
    response.on("close", () => open.delete(request.socket));
    stream(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  tab = await browser.newPage();
  await tab.clock.install();
});

afterEach(async () => {
  await tab.close();
  await realtime.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const room = () => realtime.channel("shop:a");

async function list(): Promise<object> {
  const listed = { cursor: await room().cursor(), orders };
  await held;
  return listed;
}

async function place(...items: readonly string[]): Promise<void> {
  const placed = items.map((item) => ({ id: item, item }));
  orders = [...orders, ...placed];
  await Promise.all(placed.map((order) => room().emit("order.placed", order)));
}

type PageWindow = { readonly page: CachePage };
const show = (isShown: boolean): Promise<void> =>
  tab.evaluate((shown) => (globalThis as unknown as PageWindow).page.show(shown), isShown);
const untilShown = (...items: readonly string[]): Promise<unknown> =>
  tab.waitForFunction(
    (wanted) => [...document.querySelectorAll("li")].map(({ textContent }) => textContent).join() === wanted,
    items.join(),
  );
const untilJoined = (): Promise<unknown> => vi.waitFor(() => expect(open.size).toBe(1));
const names = (count: number, prefix = "tea"): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

describe.each(["query", "swr"])("a list in a cache (%s)", (kind) => {
  async function start(...items: readonly string[]): Promise<void> {
    await place(...items);
    await tab.goto(`${url}/${kind}/a`);
    await untilShown(...items);
    await untilJoined();
    expect([fetches, streams]).toEqual([1, 1]);
  }

  it("shows a new order after its event, without a reload and over the same stream", async () => {
    await start("tea");
    await place("milk");
    await untilShown("tea", "milk");
    await place("cake");
    await untilShown("tea", "milk", "cake");
    expect([fetches, streams]).toEqual([3, 1]);
  });

  it("is fetched once for a burst of events", async () => {
    await start();
    await place(...names(300));
    await untilShown(...names(300));
    // What came too much of the burst would have come before this.
    await place("last");
    await untilShown(...names(300), "last");
    expect([fetches, streams]).toEqual([3, 1]);
  });

  it("subscribes nothing anew in fifty renders, each with keys of its own", async () => {
    await start("tea");
    const renders = await tab.evaluate(async () => {
      const { page } = globalThis as unknown as PageWindow;
      const before = page.renders;
      for (let n = 0; n < 50; n++) await page.render();
      return page.renders - before;
    });
    expect(renders).toBeGreaterThanOrEqual(50);
    await place("milk");
    await untilShown("tea", "milk");
    expect([fetches, streams]).toEqual([2, 1]);
  });

  it("is fetched anew after a gap", async () => {
    await start();
    refuse = true;
    for (const socket of open) socket.destroy();
    await vi.waitFor(() => expect(open.size).toBe(0));
    orders = [{ id: "x", item: "x" }];
    // More than the log keeps, and none of them an event that the list is named for.
    for (const name of names(1_100)) await room().emit("other.event", name);
    refuse = false;
    await untilShown("x");
    expect(fetches).toBe(2);
  });

  it("misses nothing between its fetch and the subscription", async () => {
    refuse = true;
    await place("tea");
    await tab.goto(`${url}/${kind}/a`);
    await untilShown("tea");
    await place("milk");
    refuse = false;
    await untilShown("tea", "milk");
    expect(fetches).toBe(2);
  });

  it("is fetched again when an event came while it was fetched", async () => {
    await start("tea");
    let release!: () => void;
    held = new Promise((resolve) => (release = resolve));
    await place("milk");
    await vi.waitFor(() => expect(fetches).toBe(2));
    await place("cake");
    // Time passes in the page, more than it waits for more events: by now it has been asked for again.
    await tab.clock.runFor(300);
    expect(fetches, "a fetch is never overtaken").toBe(2);
    held = undefined;
    release();
    await untilShown("tea", "milk", "cake");
    expect([fetches, streams]).toEqual([3, 1]);
  });

  it("is fetched anew when it is shown again, for what happened meanwhile", async () => {
    await start("tea");
    await show(false);
    await vi.waitFor(() => expect(open.size).toBe(0));
    await place("milk");
    await show(true);
    await untilShown("tea", "milk");
  });
});
