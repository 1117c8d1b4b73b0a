import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Browser, Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { defineAdmin, publish, publishResource, resource, stream, type Admin } from "../../src/resources.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { fetchListener, serve, type TestServer } from "../support/http-server.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { App, type PageState, type Row, type Shown } from "./fixtures/resources-app.tsx";

const ENDPOINT = "/api/flowpanel/stream";

let browser: Browser;
let script: string;
let redis: RedisServer;
let admin: Admin;
let server: TestServer;
let tab: Page;
/** The channels of each request for a stream. */
let requests: string[][] = [];
/** Sockets of streams that are open now. */
const open = new Set<Socket>();
let isAway = false;
/** The rows of the orders, and the requests for them. */
let rows: Row[] = [];
let fetches: string[] = [];
/** Answers that wait, when the test holds them. */
let held: Array<{ readonly query: string; send(): void; readonly gone: () => boolean }> | undefined;
let prefixes = 0;

beforeAll(async () => {
  const [launched, bundled, started] = await Promise.all([
    launchBrowser(),
    bundlePage("test/browser/fixtures/resources-page.tsx"),
    startRedis(),
  ]);
  browser = launched;
  script = await readFile(bundled, "utf8");
  redis = started;
});
afterAll(async () => {
  await browser?.close();
  await redis?.stop();
});

function answerRows(all: readonly Row[], query: URLSearchParams, response: ServerResponse): void {
  const [page, pageSize] = [Number(query.get("page")), Number(query.get("pageSize"))];
  const answer = { rows: all.slice((page - 1) * pageSize, page * pageSize), total: all.length };
  const send = (): void => void response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  fetches.push(String(query));
  if (held) held.push({ query: String(query), send, gone: () => response.destroyed });
  else send();
}

beforeEach(async () => {
  admin = defineAdmin({
    resources: [resource("orders", { realtime: true }), resource("users", { realtime: true }), resource("notes")],
    realtime: { driver: "redis", url: redis.url, keyPrefix: `page${++prefixes}` },
  });
  const route = fetchListener(stream(admin));
  [requests, fetches, held, isAway] = [[], [], undefined, false];
  rows = [1, 2, 3, 4, 5].map((id) => ({ id, text: "a" }));
  server = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    if (pathname === "/api/orders") return answerRows(rows, searchParams, response);
    if (pathname === "/api/users") return answerRows([{ id: 1, text: "ada" }], searchParams, response);
    if (pathname !== ENDPOINT) {
      const html = `<!doctype html><link rel="icon" href="data:,"><div id="root">${renderToString(createElement(App))}</div><script type="module" src="/page.js"></script>`;
      return void response.setHeader("content-type", "text/html").end(html);
    }
    if (isAway) return void request.socket.destroy();
    requests.push((searchParams.get("channel") ?? "").split(",").sort());
    open.add(request.socket);
    response.on("close", () => open.delete(request.socket));
    route(request, response);
  });
  tab = await browser.newPage();
  await tab.goto(server.url);
  await tab.waitForFunction(() => document.title === "ready");
});

afterEach(async () => {
  const { errors } = await shown();
  await tab.close();
  await admin.close();
  await server[Symbol.asyncDispose]();
  expect(errors, "React reported nothing").toEqual([]);
});

const shown = (): Promise<Shown> => tab.evaluate(() => (globalThis as unknown as { shown: Shown }).shown);
const refetches = async (name: string): Promise<number> => (await shown()).refetches[name] ?? 0;
const until = (line: string): Promise<unknown> =>
  tab.waitForFunction((wanted) => document.querySelector("#root")?.textContent?.includes(wanted), line);
const soon = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const update = (id: number | string): Promise<void> => publishResource("orders", { action: "update", id });

async function render(state: PageState): Promise<void> {
  await tab.evaluate(async (next) => {
    (globalThis as unknown as { setState(state: PageState): void }).setState(next);
    // React commits and runs the effects in tasks of its own; animation frames may not come in a page that nobody sees.
    for (let task = 0; task < 20; task++) await new Promise((resolve) => setTimeout(resolve));
  }, state);
}

const hold = (next: boolean): Promise<void> =>
  tab.evaluate((isHeld) => (globalThis as unknown as { control: { hold(next: boolean): void } }).control.hold(isHeld), next);

/** Waits out what a ping could still bring: a later one has had its effect, on a list that waits longer than all others. */
async function settle(witness: string): Promise<void> {
  const before = await refetches(witness);
  await publishResource("users", { action: "update" });
  await soon(async () => expect(await refetches(witness)).toBeGreaterThan(before));
}

const orders = { kind: "resource", of: "orders" } as const;
const users = { kind: "resource", of: "users", debounceMs: 900, jitterMs: 0 } as const;
const list = { kind: "list", of: "orders" } as const;

describe("lists in a browser, in StrictMode", () => {
  it("P-1: without `realtime` nothing is requested; what the server renders is what hydration expects", async () => {
    expect(renderToString(createElement(App))).toContain("still idle");
    await until("still idle");
    await render({ orders });
    await until("orders live");
    expect(requests).toEqual([["resource.orders"]]);
    expect((await shown()).statuses).toEqual({ still: ["idle"], orders: ["idle", "connecting", "live"] });
  });

  it("P-7, P-14: a burst of fifty changes, with a render for each, is one fetch on one connection", async () => {
    await render({ orders, users, jobs: { kind: "channel", of: "jobs" } });
    await until("jobs live");
    await soon(async () => expect([await refetches("orders"), await refetches("users")]).toEqual([1, 1]));
    for (let n = 1; n <= 50; n++) {
      await update(n);
      await render({ orders: { ...orders, page: n }, users, jobs: { kind: "channel", of: "jobs" } });
    }
    await publish("jobs", { done: true });
    await soon(async () => expect((await shown()).messages).toEqual([["jobs", { done: true }]]));
    await settle("users");
    // Fifty renders take longer than the second for which a burst is waited for; each would be a fetch.
    expect(await refetches("orders")).toBeLessThan(25);
    const before = await refetches("orders");
    await Promise.all(Array.from({ length: 50 }, (_, n) => update(n)));
    await settle("users");
    expect(await refetches("orders")).toBe(before + 1);
    expect(requests).toEqual([["jobs", "resource.orders", "resource.users"]]);
  });

  it("P-14: never two fetches at once, and what changes during one is exactly one more", async () => {
    await render({ orders, users });
    await until("orders live");
    await soon(async () => expect(await refetches("orders")).toBe(1));
    await settle("users");
    await hold(true);
    await update(1);
    await soon(async () => expect(await refetches("orders")).toBe(2));
    for (let n = 0; n < 5; n++) await update(n);
    await settle("users");
    expect(await refetches("orders")).toBe(2);
    await hold(false);
    await soon(async () => expect(await refetches("orders")).toBe(3));
    await settle("users");
    expect([await refetches("orders"), (await shown()).most["orders"]]).toEqual([3, 1]);
  });

  it("P-15, B-41: after a loss everything is fetched once, and all share the connection that comes back", async () => {
    await render({ orders, users });
    await until("users live");
    await soon(async () => expect([await refetches("orders"), await refetches("users")]).toEqual([1, 1]));
    isAway = true;
    for (const socket of open) socket.destroy();
    await until("orders reconnecting");
    const before = requests.length;
    isAway = false;
    await until("orders live");
    await soon(async () => expect([await refetches("orders"), await refetches("users")]).toEqual([2, 2]));
    await settle("users");
    expect(await refetches("orders")).toBe(2);
    expect(requests.slice(before)).toEqual([["resource.orders", "resource.users"]]);
    expect((await shown()).statuses["orders"]).toEqual(["idle", "connecting", "live", "reconnecting", "live"]);
  });

  it("P-14: without a network it is offline, and live when that is back; `reconnectMaxMs` bounds the wait", async () => {
    const quick = { ...orders, reconnectMaxMs: 200 };
    await render({ orders: quick });
    await until("orders live");
    isAway = true;
    await tab.context().setOffline(true);
    for (const socket of open) socket.destroy();
    await until("orders offline");
    await tab.context().setOffline(false);
    isAway = false;
    await until("orders live");
  });

  it("a resource that was paused fetches when it goes on, and one that came with a cursor only when something changed", async () => {
    const known = (await admin.resource("orders" as never).live()) as { name: string; realtime: boolean; cursor: string };
    await render({ users, known: { kind: "resource", of: known } });
    await until("known live");
    await soon(async () => expect(await refetches("users")).toBe(1));
    await settle("users");
    expect(await refetches("known")).toBe(0);
    await render({ users, known: { kind: "resource", of: known, enabled: false } });
    await until("known idle");
    await update(1);
    await render({ users, known: { kind: "resource", of: known } });
    await soon(async () => expect(await refetches("known")).toBe(1));
    await render({});
    await soon(() => expect(open.size).toBe(0));
  });

  it("another resource is fetched once more when it is live, for what changed since its rows were read", async () => {
    await render({ orders });
    await until("orders live");
    await soon(async () => expect(await refetches("orders")).toBe(1));
    await render({ orders: { kind: "resource", of: "users" } });
    await soon(async () => expect(await refetches("orders")).toBe(2));
    const known = (await admin.resource("orders" as never).live()) as { name: string; realtime: boolean; cursor: string };
    await render({ orders: { kind: "resource", of: known }, users });
    await until("users live");
    await soon(async () => expect(await refetches("users")).toBe(1));
    await settle("users");
    expect(await refetches("orders")).toBe(2);
  });

  it("P-12: a channel that is refused is offline, and is not asked for again", async () => {
    await render({ secret: { kind: "channel", of: "resource.notes" } });
    await until("secret offline");
    expect(requests).toEqual([["resource.notes"]]);
  });
});

describe("useResourceList in a browser, in StrictMode", () => {
  type Lists = Record<string, { update: Change; insert: Change; remove: Change }>;
  type Change = (...args: readonly unknown[]) => Promise<unknown>;

  it("P-1: shows rows, and newer ones when a row changes", async () => {
    await render({ list });
    await until("list live [1:a 2:a] 1/3");
    // One for the page, and one for what may have changed before it was live.
    await soon(() => expect(fetches).toHaveLength(2));
    rows[0] = { id: 1, text: "b" };
    await update(1);
    await until("list live [1:b 2:a] 1/3");
    expect(fetches).toEqual(Array.from({ length: 3 }, () => "sort=id&page=1&pageSize=2"));
  });

  it("pages: the previous rows stay, an answer that was overtaken is dropped, and a list that leaves ends its fetch", async () => {
    await render({ list });
    await until("list live [1:a 2:a] 1/3");
    await soon(() => expect(fetches).toHaveLength(2));
    held = [];
    await render({ list: { ...list, page: 2 } });
    await until("list live [1:a 2:a] 2/3 previous");
    await soon(() => expect(held).toHaveLength(1));
    await render({ list: { ...list, page: 3 } });
    await soon(() => expect(held).toHaveLength(2));
    expect(held[0]?.gone()).toBe(true);
    held[1]?.send();
    await until("list live [5:a] 3/3 ");
    held = [];
    await render({ list });
    await soon(() => expect(held).toHaveLength(1));
    await render({});
    await soon(() => expect(held?.[0]?.gone()).toBe(true));
  });

  it("another resource begins with no rows, and with nothing of what is being written", async () => {
    await render({ list });
    await until("list live [1:a 2:a] 1/3");
    await soon(() => expect(fetches).toHaveLength(2));
    await tab.evaluate(() => {
      const { list } = (globalThis as unknown as { lists: Lists }).lists;
      void list?.update(1, { text: "mine" }, () => new Promise(() => {}));
    });
    await until("list live [1:mine 2:a] 1/3");
    held = [];
    await render({ list: { ...list, of: "users" } });
    await until("[] 1/? loading");
    await soon(() => expect(held).toHaveLength(1));
    for (const { send } of held) send();
    held = undefined;
    await until("list live [1:ada] 1/1");
  });

  it("shows a change at once, gives way to the server's rows, and takes it back when the write fails", async () => {
    await render({ list });
    await until("list live [1:a 2:a] 1/3");
    await soon(() => expect(fetches).toHaveLength(2));
    await tab.evaluate(() => {
      const { list } = (globalThis as unknown as { lists: Lists }).lists;
      const settled = (ends: Record<string, (value?: unknown) => void>) =>
        new Promise((resolve, reject) => Object.assign(ends, { resolve, reject }));
      const ends = { update: {}, insert: {}, remove: {} };
      Object.assign(globalThis, { ends });
      const quiet = (change: Promise<unknown> | undefined): void => void change?.catch(() => {});
      quiet(list?.update(1, { text: "mine" }, () => settled(ends.update)));
      quiet(list?.insert({ id: 9, text: "new" }, () => settled(ends.insert)));
      quiet(list?.remove(2, () => settled(ends.remove)));
    });
    await until("list live [9:new 1:mine] 1/3");
    const end = (name: string, how: "resolve" | "reject"): Promise<void> =>
      tab.evaluate(
        ([change, way]) => {
          type Ends = Record<string, Record<string, (reason?: unknown) => void>>;
          (globalThis as unknown as { ends: Ends }).ends[change]?.[way]?.(new Error("planted"));
        },
        [name, how] as const,
      );
    await end("remove", "reject");
    await until("list live [9:new 1:mine 2:a] 1/3");
    rows = [{ id: 1, text: "stored" }, ...rows.slice(1)];
    await end("update", "resolve");
    await until("list live [9:new 1:stored 2:a] 1/3");
    await end("insert", "reject");
    await until("list live [1:stored 2:a] 1/3");
  });
});
