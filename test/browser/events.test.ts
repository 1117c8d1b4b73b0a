import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createEvents, type Events, type RealtimeEvent } from "../../src/events.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { fetchListener } from "../support/http-server.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { App, type PageState, type Part, type Shown } from "./fixtures/events-app.tsx";

const ROUTE = "/api/events/stream";

let browser: Browser;
let redis: RedisServer;
let script: string;
let events: Events<RealtimeEvent>;
let server: Server;
let url: string;
let context: BrowserContext;
let tab: Page;
/** The query of each request for the route. */
let requests: URLSearchParams[] = [];
const open = new Set<Socket>();
let refuse = false;
let prefixes = 0;
/** What the page begins with. */
let first: PageState = { parts: {} };
let logged: string[] = [];

beforeAll(async () => {
  const [launched, bundled, started] = await Promise.all([
    launchBrowser(),
    bundlePage("test/browser/fixtures/events-page.tsx"),
    startRedis(),
  ]);
  browser = launched;
  redis = started;
  script = await readFile(bundled, "utf8");
});
afterAll(async () => {
  await browser?.close();
  await redis?.stop();
});

/** The session's user, by a cookie. */
const userOf = (request: Request): string | undefined => /\buser=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];

beforeEach(async () => {
  events = createEvents({
    redis: redis.url,
    keyPrefix: `events${++prefixes}`,
    identify: (request) => ({ userId: userOf(request) }),
    authorize: (user, channel) => !channel.startsWith("secret:") || channel === `secret:${user}`,
  });
  requests = [];
  refuse = false;
  first = { parts: {} };
  logged = [];
  const route = fetchListener((request) => events.GET(request));
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    if (pathname === ROUTE) {
      if (refuse) return void request.socket.destroy();
      requests.push(searchParams);
      open.add(request.socket);
      response.on("close", () => open.delete(request.socket));
      return route(request, response);
    }
    const state = JSON.stringify(first).replaceAll("'", "&#39;");
    const html = `<!doctype html><div id="root" data-state='${state}'>${renderToString(createElement(App, { first }))}</div><script type="module" src="/page.js"></script>`;
    return void response.setHeader("content-type", "text/html").end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  context = await browser.newContext();
  await signIn("guest");
});

afterEach(async () => {
  const { errors } = await shown();
  await context.close();
  await events.realtime.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(errors, "React reported nothing").toEqual([]);
});

async function signIn(user: string): Promise<void> {
  await context.addCookies([{ name: "user", value: user, url }]);
}

/** Opens the page with these parts. */
async function openPage(state: PageState): Promise<void> {
  first = state;
  tab = await context.newPage();
  tab.on("console", (message) => logged.push(message.text()));
  await tab.goto(url);
  await tab.waitForFunction(() => document.title === "ready");
}

const shown = (): Promise<Shown> => tab.evaluate(() => (globalThis as unknown as { shown: Shown }).shown);
const told = async (name: string): Promise<unknown[]> => ((await shown()).told[name] ?? []).map(({ event }) => event["n"]);
const untilTold = (name: string, ...wanted: unknown[]): Promise<unknown> =>
  vi.waitFor(async () => expect(await told(name)).toEqual(wanted));
/** Waits until the page's line says so. */
const until = (line: string): Promise<unknown> =>
  tab.waitForFunction((wanted) => document.querySelector("#root")?.textContent?.includes(wanted), line);
const setState = (state: PageState): Promise<void> =>
  tab.evaluate((next) => (globalThis as unknown as { setState(state: PageState): void }).setState(next), state);
const stream = (options: Omit<Extract<Part, { kind: "stream" }>, "kind"> = {}): Part => ({ kind: "stream", ...options });
const channelsOf = (query: URLSearchParams | undefined): string[] => (query?.get("channel") ?? "").split(",").toSorted();
const logsWith = (...channels: string[]): string[] =>
  ["channel:global", ...channels.map((each) => `channel:${each}`), "user"].toSorted();

describe("tidings/events/client in Chromium, over Redis, in StrictMode", () => {
  it("S-10, S-11, S-12: events of any type reach onEvent and lastEvent; rendered on the server it waits, and hydrates so", async () => {
    await openPage({ parts: { one: stream({ userId: "guest", channels: ["booking:1"] }) } });
    const html = await (await fetch(url)).text();
    expect(html).toContain("one waits no event");
    await until("one live");
    expect((await shown()).changes["one"]).toEqual([false, true]);
    await events.publishToUser("guest", { type: "booking_update", n: 1 });
    await untilTold("one", 1);
    await events.publishToChannel("booking:1", { type: "nobody.has-listed_this", n: 2 });
    await untilTold("one", 1, 2);
    await events.broadcast({ type: "notification", n: 3 });
    await untilTold("one", 1, 2, 3);
    await until("one live last 3");
    expect((await shown()).told["one"]?.[0]?.event).toEqual({ type: "booking_update", n: 1 });
    expect(requests.map(channelsOf)).toEqual([logsWith("booking:1")]);
  });

  it("S-11: when the stream breaks it is false, comes back by itself, and what was missed is shown (B-40)", async () => {
    await openPage({ parts: { one: stream({ channels: ["a"] }) } });
    await until("one live");
    refuse = true;
    for (const socket of open) socket.destroy();
    await until("one waits");
    await events.publishToChannel("a", { type: "t", n: 1 });
    await events.publishToUser("guest", { type: "t", n: 2 });
    refuse = false;
    await until("one live");
    await vi.waitFor(async () => expect(new Set(await told("one"))).toEqual(new Set([1, 2])));
  });

  it("B-38, S-13: functions and arrays of each render reconnect nothing; other channels and leaving do", async () => {
    const state = (tag: string, ...channels: string[]): PageState => ({ parts: { one: stream({ channels, tag }) } });
    await openPage(state("0", "a"));
    await until("one live");
    const { renders } = await shown();
    for (let n = 1; n <= 10; n++) {
      await setState(state(String(n), "a"));
      await tab.waitForFunction(
        (wanted) => (globalThis as unknown as { shown: Shown }).shown.renders > wanted,
        renders + n - 1,
      );
      await events.publishToChannel("a", { type: "t", n });
      await untilTold("one", ...Array.from({ length: n }, (_, at) => at + 1));
    }
    expect((await shown()).told["one"]?.map(({ tag }) => tag)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    expect(requests).toHaveLength(1);

    await setState(state("11", "a", "b"));
    await vi.waitFor(() => expect(requests.map(channelsOf)).toEqual([logsWith("a"), logsWith("a", "b")]));
    await until("one live");
    await events.publishToChannel("b", { type: "t", n: 11 });
    await vi.waitFor(async () => expect((await told("one")).at(-1)).toBe(11));
    await setState({ parts: {} });
    await vi.waitFor(() => expect(open.size).toBe(0));
    expect(requests).toHaveLength(2);
  });

  it("S-20, B-39: a provider and all below it have one connection, and the server reads the channels that they ask for", async () => {
    await openPage({
      provider: { userId: "guest" },
      parts: {
        one: { kind: "channel", channel: "agent:1" },
        two: { kind: "channel", channel: "agent:2" },
        both: stream({ channels: ["agent:1"] }),
        raw: { kind: "context" },
      },
    });
    for (const part of ["one", "two", "both", "raw"]) await until(`${part} live`);
    expect(requests.map(channelsOf)).toEqual([logsWith("agent:1", "agent:2")]);
    expect(requests[0]?.get("userId")).toBe("guest");
    await events.publishToChannel("agent:1", { type: "agent_status", n: 1, status: "running" });
    await events.publishToChannel("agent:2", { type: "agent_status", n: 2, status: "error" });
    for (const part of ["one", "raw"]) await untilTold(part, 1);
    await untilTold("both", 1);
    await untilTold("two", 2);
    // Who leaves takes the channel along; the rest goes on, and is told of nothing.
    await setState({ provider: { userId: "guest" }, parts: { two: { kind: "channel", channel: "agent:2" } } });
    await vi.waitFor(() => expect(requests.map(channelsOf).at(-1)).toEqual(logsWith("agent:2")));
    await events.publishToChannel("agent:2", { type: "agent_status", n: 3 });
    await untilTold("two", 2, 3);
    expect((await shown()).changes["two"]).toEqual([false, true]);
    // Another channel beside it does not make those wait who have theirs.
    const two: Part = { kind: "channel", channel: "agent:2" };
    await setState({ provider: { userId: "guest" }, parts: { two, three: { kind: "channel", channel: "agent:3" } } });
    await until("three live");
    const { changes } = await shown();
    expect([changes["two"], changes["three"]]).toEqual([
      [false, true],
      [false, true],
    ]);
    // The provider alone keeps its connection.
    await setState({ provider: { userId: "guest" }, parts: {} });
    await vi.waitFor(() => expect(requests.map(channelsOf).at(-1)).toEqual(logsWith()));
    await vi.waitFor(() => expect(open.size).toBe(1));
  });

  it("S-21: outside a provider a channel's hook is false, throws nothing and asks for nothing", async () => {
    await openPage({ parts: { one: { kind: "channel", channel: "a" }, raw: { kind: "context" }, other: stream() } });
    await until("other live");
    await until("one waits");
    await until("raw waits alone");
    expect(requests.map(channelsOf)).toEqual([logsWith()]);
  });

  it("`enabled: false` asks for nothing, and pauses: later it goes on where it stood", async () => {
    const state = (enabled: boolean): PageState => ({
      provider: {},
      parts: {
        one: stream({ channels: ["a"], enabled }),
        two: { kind: "channel", channel: "b", enabled },
      },
    });
    await openPage(state(false));
    await vi.waitFor(() => expect(requests.map(channelsOf)).toEqual([logsWith()]));
    for (const part of ["one waits", "two waits"]) await until(part);
    await setState(state(true));
    for (const part of ["one live", "two live"]) await until(part);
    await events.publishToChannel("a", { type: "t", n: 1 });
    await events.publishToChannel("b", { type: "t", n: 1 });
    for (const part of ["one", "two"]) await untilTold(part, 1);
    await setState(state(false));
    for (const part of ["one waits", "two waits"]) await until(part);
    await vi.waitFor(() => expect(requests.map(channelsOf).at(-1)).toEqual(logsWith()));
    await events.publishToChannel("a", { type: "t", n: 2 });
    await events.publishToChannel("b", { type: "t", n: 2 });
    expect((await shown()).statuses).toEqual({ one: "disconnected", two: "disconnected" });
    await setState(state(true));
    for (const part of ["one", "two"]) await untilTold(part, 1, 2);
    expect((await shown()).gaps).toEqual([]);
  });

  it("`status` tells a session that was refused from one that connects, and `enabled` asks for it again", async () => {
    const state = (enabled: boolean): PageState => ({ parts: { one: stream({ userId: "host", enabled }) } });
    const untilStatus = (status: string): Promise<unknown> =>
      vi.waitFor(async () => expect((await shown()).statuses["one"]).toBe(status));
    await openPage(state(true));
    await untilStatus("error");
    await until("one waits");
    await signIn("host");
    await setState(state(false));
    await untilStatus("disconnected");
    await setState(state(true));
    await until("one live");
    await untilStatus("connected");
    refuse = true;
    for (const socket of open) socket.destroy();
    await vi.waitFor(async () => expect(["connecting", "disconnected"]).toContain((await shown()).statuses["one"]));
    refuse = false;
    await untilStatus("connected");
  });

  it("S-23: what cannot be shown is logged, a handler that throws too, and later events arrive", async () => {
    await openPage({ parts: { one: stream({ channels: ["a"] }) } });
    await until("one live");
    await events.realtime.channel("channel:a").emit("odd", 7);
    await events.publishToChannel("a", { type: "throws" });
    await events.realtime.channel("channel:a").emit("raw", { n: 1 });
    await events.publishToChannel("a", { type: "t", n: 2 });
    await untilTold("one", 1, 2);
    expect((await shown()).told["one"]?.[0]?.event).toEqual({ type: "raw", n: 1 });
    expect(logged.filter((text) => /is no object, and is left out|a listener threw/.test(text))).toHaveLength(2);
  });

  it("B-40: a notice for the user and for a channel of theirs is shown once, also when it is replayed", async () => {
    await openPage({ parts: { one: stream({ channels: ["booking:1"] }), two: stream() } });
    await until("one live");
    await until("two live");
    const notify = (n: number): Promise<unknown> => {
      const event = { type: "booking_update", n };
      return Promise.all([
        events.publishToUser("guest", event),
        events.publishToUser("host", event),
        events.publishToChannel("booking:1", event),
        events.broadcast(event),
      ]);
    };
    await notify(1);
    refuse = true;
    for (const socket of open) socket.destroy();
    await until("one waits");
    await notify(2);
    refuse = false;
    await until("one live");
    await notify(3);
    await vi.waitFor(async () =>
      expect([await told("one"), await told("two")]).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]),
    );
  });

  it("B-36: a page that takes itself for another user is refused; with another session it shows nothing of the one before", async () => {
    await openPage({ parts: { one: stream({ userId: "guest" }) } });
    await until("one live");
    await events.publishToUser("guest", { type: "t", n: 1 });
    await until("one live last 1");
    await setState({ parts: { one: stream({ userId: "host" }) } });
    await vi.waitFor(() => expect(requests.at(-1)?.get("userId")).toBe("host"));
    await until("one waits no event");
    await vi.waitFor(() => expect(open.size).toBe(0));
    await signIn("host");
    await setState({ parts: {} });
    await until("");
    await setState({ parts: { one: stream({ userId: "host" }) } });
    await until("one live no event");
    await events.publishToUser("guest", { type: "t", n: 2 });
    await events.publishToUser("host", { type: "t", n: 3 });
    await untilTold("one", 1, 3);
  });

  it("a session that changes behind the page's back is never silence: the new user's events arrive", async () => {
    await openPage({ parts: { one: stream() } });
    await until("one live");
    await events.publishToUser("guest", { type: "t", n: 1 });
    await untilTold("one", 1);
    await signIn("host");
    refuse = true;
    expect(await events.realtime.disconnect({ user: "guest" })).toBe(1);
    await until("one waits");
    await events.publishToUser("guest", { type: "t", n: 2 });
    refuse = false;
    await until("one live");
    await events.publishToUser("host", { type: "t", n: 3 });
    await untilTold("one", 1, 3);
  });

  it("a channel that `authorize` refuses is told in the console, and the others flow", async () => {
    await openPage({ parts: { one: stream({ channels: ["secret:host", "secret:guest"] }) } });
    await until("one live");
    await events.publishToChannel("secret:host", { type: "t", n: 1 });
    await events.publishToChannel("secret:guest", { type: "t", n: 2 });
    await untilTold("one", 2);
    expect(logged.some((text) => text.includes("secret:host") && text.includes("forbidden"))).toBe(true);
  });

  it("a server that drains sends its pages to the next one, and nothing is missed", async () => {
    await openPage({ parts: { one: stream({ channels: ["a"] }) } });
    await until("one live");
    const [old, next] = [
      events,
      createEvents({ redis: redis.url, keyPrefix: `events${prefixes}`, identify: userOf, authorize: () => true }),
    ];
    const drained = old.realtime.drain({ graceSecs: 1 });
    events = next;
    for (let n = 1; n <= 20; n++) await next.publishToChannel("a", { type: "t", n });
    await drained;
    await next.publishToChannel("a", { type: "t", n: 21 });
    await untilTold("one", ...Array.from({ length: 21 }, (_, at) => at + 1));
    // By the server's word, not by a stream that broke.
    expect([requests.length, (await shown()).changes["one"]]).toEqual([2, [false, true]]);
  });
});
