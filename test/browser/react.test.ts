import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { Browser, Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { App, type PageState, type RoomState, type Shown } from "./fixtures/react-app.tsx";

let browser: Browser;
let script: string;
let realtime: Realtime<{ readonly redis: { readonly driver: "memory" }; readonly keyPrefix: `react${number}` }>;
let server: TestServer;
let tab: Page;
/** The channels of each request for a stream. */
let requests: string[][] = [];
/** Sockets of streams that are open now. */
const open = new Set<Socket>();
/** The fewest streams that were open at once, since a test began to look. */
let fewest = 0;
let refuse = false;
let prefixes = 0;

beforeAll(async () => {
  const [launched, bundled] = await Promise.all([launchBrowser(), bundlePage("test/browser/fixtures/react-page.tsx")]);
  browser = launched;
  script = await readFile(bundled, "utf8");
});
afterAll(() => browser?.close());

beforeEach(async () => {
  realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `react${++prefixes}` });
  const stream = handle({ realtime });
  requests = [];
  refuse = false;
  server = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    if (pathname !== "/api/realtime") {
      const html = `<!doctype html><div id="root">${renderToString(createElement(App))}</div><script type="module" src="/page.js"></script>`;
      return void response.setHeader("content-type", "text/html").end(html);
    }
    if (refuse) return void request.socket.destroy();
    requests.push((searchParams.get("channel") ?? "").split(","));
    open.add(request.socket);
    response.on("close", () => {
      open.delete(request.socket);
      fewest = Math.min(fewest, open.size);
    });
    stream(request, response);
  });
  tab = await browser.newPage();
  await tab.goto(server.url);
  await tab.waitForFunction(() => document.title === "ready");
});

afterEach(async () => {
  const { errors } = await shown();
  await tab.close();
  await realtime.close();
  await server[Symbol.asyncDispose]();
  expect(errors, "React reported nothing").toEqual([]);
});

const shown = (): Promise<Shown> => tab.evaluate(() => (globalThis as unknown as { shown: Shown }).shown);
const told = async (room: string): Promise<unknown[]> => ((await shown()).messages[room] ?? []).map(({ data }) => data);
const text = (): Promise<string> => tab.innerText("#root");
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Renders these rooms. */
async function render(rooms: Readonly<Record<string, RoomState>>, provider = true): Promise<void> {
  const state: PageState = { rooms, provider };
  await tab.evaluate(async (next) => {
    (globalThis as unknown as { setState(state: PageState): void }).setState(next);
    // React commits and runs the effects in tasks of its own; animation frames may not come in a page that nobody sees.
    for (let task = 0; task < 20; task++) await new Promise((resolve) => setTimeout(resolve));
  }, state);
}

/** Waits until a room's line says so. */
const until = (line: string): Promise<unknown> =>
  tab.waitForFunction((wanted) => document.querySelector("#root")?.textContent?.includes(wanted), line);
const untilTold = (room: string, ...data: unknown[]): Promise<unknown> =>
  vi.waitFor(async () => expect(await told(room)).toEqual(data), { timeout: 20_000, interval: 20 });
/** Emits, and waits until this server has heard all of it: who joins then finds it in the log. */
const emit = async (channel: string, ...data: unknown[]): Promise<void> => {
  const heard: unknown[] = [];
  const stop = await realtime.channel(channel).subscribe({ onData: (message) => void heard.push(message.data) });
  for (const each of data) await realtime.channel(channel).emit("test.event", each);
  await vi.waitFor(() => expect(heard).toEqual(data));
  stop();
};

describe("React in a browser, in StrictMode", () => {
  it("F-56: the server renders what hydration expects, and nothing is requested without a channel (F-60)", async () => {
    expect(renderToString(createElement(App))).toContain("still <!-- -->disconnected");
    expect(await text()).toContain("still disconnected");
    await render({ none: { channels: [undefined, ""] } });
    await until("none disconnected");
    await render({ one: { channels: ["one"] } });
    await until("one connected");
    expect(requests).toEqual([["one"]]);
  });

  it("B-4 and F-14: fifty renders with an `api` object of their own are one connection", async () => {
    await render({ one: { channels: ["one"] } });
    await until("one connected");
    const before = (await shown()).renders;
    for (const n of numbers(1, 50)) {
      await render({ one: { channels: ["one"], tag: String(n) } });
      await emit("one", n);
    }
    await untilTold("one", ...numbers(1, 50));
    expect((await shown()).renders).toBeGreaterThanOrEqual(before + 50);
    expect(requests).toEqual([["one"]]);
    // F-60: the newest closure is called.
    expect((await shown()).messages["one"]?.at(-1)?.tag).toBe("50");
  });

  it("F-54: all components share one connection, and the last that leaves closes it", async () => {
    await render({ one: { channels: ["one"] }, two: { channels: ["two", "one"] }, three: {} });
    await until("three connected");
    expect(requests.map((channels) => channels.sort())).toEqual([["default", "one", "two"]]);
    await render({});
    await vi.waitFor(() => expect(open.size).toBe(0));
    expect(requests).toHaveLength(1);
  });

  it("F-58: `events` chooses by name; empty means all", async () => {
    const channels = ["one"];
    await render({ all: { channels, events: [] }, some: { channels, events: ["test.other"] } });
    await until("some connected");
    await emit("one", 1);
    await realtime.channel("one").emit("test.other", 2);
    await untilTold("all", 1, 2);
    expect(await told("some")).toEqual([2]);
    // The filter changes without another connection.
    await render({ all: { channels }, some: { channels, events: ["test.event"] } });
    await emit("one", 3);
    await untilTold("some", 2, 3);
    expect(requests).toHaveLength(1);
  });

  it("F-59 and U-10: `enabled` opens, pauses and resumes, and a pause loses nothing", async () => {
    await render({ one: { channels: ["one"], enabled: false } });
    await until("one disconnected");
    expect(requests).toEqual([]);
    await render({ one: { channels: ["one"], enabled: true } });
    await until("one connected");
    await emit("one", 1);
    await untilTold("one", 1);
    await render({ one: { channels: ["one"], enabled: false } });
    await vi.waitFor(() => expect(open.size).toBe(0));
    await emit("one", 2, 3);
    await render({ one: { channels: ["one"], enabled: true } });
    await untilTold("one", 1, 2, 3);
    expect((await shown()).gaps).toEqual([]);
  });

  it("U-26: channels come and go while events flow; none is lost or repeated, and the old stream outlives the change", async () => {
    await render({ one: { channels: ["one"] } });
    await until("one connected");
    fewest = open.size;
    let n = 0;
    for (const channels of [["one", "two"], ["one", "two", "three"], ["one", "three"], ["one"]]) {
      const asked = requests.length;
      await render({ one: { channels } });
      while (requests.length === asked || open.size !== 1) {
        await emit("one", ++n);
        // Not faster than a page can read: as fast as this process can would only measure the page.
        await untilTold("one", ...numbers(1, n));
      }
    }
    await untilTold("one", ...numbers(1, n));
    expect(requests.map((channels) => channels.length)).toEqual([1, 2, 3, 2, 1]);
    expect(fewest, "there was always a stream").toBe(1);
    expect((await shown()).gaps).toEqual([]);
  });

  it("B-8: a sibling that comes or leaves disturbs nobody; `history` is for the one that asked (U-13)", async () => {
    await emit("one", 1, 2);
    await render({ first: { channels: ["one"] } });
    await until("first connected");
    await emit("one", 3);
    await untilTold("first", 3);
    await render({ first: { channels: ["one"] }, second: { channels: ["one"], history: true } });
    await untilTold("second", 1, 2, 3);
    await emit("one", 4);
    await untilTold("second", 1, 2, 3, 4);
    await render({ first: { channels: ["one"] } });
    await emit("one", 5);
    await untilTold("first", 3, 4, 5);
    expect(await told("second")).toEqual([1, 2, 3, 4]);
  });

  it("B-7: the status follows a cut and the return, and what was missed comes once, marked as replayed", async () => {
    await render({ one: { channels: ["one"] } });
    await until("one connected");
    await emit("one", 1);
    await untilTold("one", 1);
    refuse = true;
    for (const socket of open) socket.destroy();
    await until("one disconnected");
    await emit("one", 2, 3);
    refuse = false;
    await untilTold("one", 1, 2, 3);
    await until("one connected");
    await emit("one", 4);
    await untilTold("one", 1, 2, 3, 4);
    const { messages, statuses } = await shown();
    expect(messages["one"]?.map(({ replayed }) => replayed)).toEqual([false, true, true, false]);
    expect(statuses.slice(0, 3)).toEqual(["disconnected", "connecting", "connected"]);
    expect(statuses.at(-1)).toBe("connected");
    expect(statuses).not.toContain("error");
  });
});

describe("React without a browser", () => {
  it("F-61: without a provider the hooks say what is missing", async () => {
    const { useRealtime, useRealtimeContext } = await import("tidings/client");
    for (const [name, hook] of Object.entries({ useRealtime, useRealtimeContext })) {
      const Lonely = (): null => void hook() as never;
      expect(() => renderToString(createElement(Lonely))).toThrow(new RegExp(`^${name}: no RealtimeProvider found`, "i"));
    }
  });
});
