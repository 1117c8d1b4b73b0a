import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { handle, Realtime } from "../../src/index.ts";
import { fetchListener } from "../support/http-server.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { App, type Painted, type PaintedPage, type Row, type Selection } from "./fixtures/first-paint-app.tsx";

/** What happens on the server while a page comes about. */
interface Visit {
  /** Reads what the page shows, and renders it. */
  page(): Promise<PaintedPage>;
  /** The page is rendered; its script has not run. */
  beforeScript?: (() => Promise<unknown>) | undefined;
  /** The page asks for a stream, which begins afterwards. */
  beforeConnect?: (() => Promise<unknown>) | undefined;
  /** The stream begins in this turn. */
  whileConnecting?: (() => unknown) | undefined;
  /** Minutes by which the browser's clock is ahead. */
  readonly minutesAhead?: number | undefined;
}

let browser: Browser;
let script: string;
let realtime: Realtime<{ readonly redis: { readonly driver: "memory" }; readonly keyPrefix: `paint${number}` }>;
let server: Server;
let tab: Page;
let visit: Visit;
let prefixes = 0;
/** Requests for a stream. */
let streams = 0;
/** What the console of the page warned of. */
let complaints: string[] = [];

beforeAll(async () => {
  const [launched, bundled] = await Promise.all([launchBrowser(), bundlePage("test/browser/fixtures/first-paint-page.tsx")]);
  browser = launched;
  script = await readFile(bundled, "utf8");
});
afterAll(() => browser?.close());

beforeEach(async () => {
  realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `paint${++prefixes}` });
  const stream = fetchListener(handle({ realtime }));
  streams = 0;
  complaints = [];
  server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/api/realtime") {
      streams++;
      await visit.beforeConnect?.();
      stream(request, response);
      visit.whileConnecting?.();
    } else if (pathname === "/page.js") {
      await visit.beforeScript?.();
      response.setHeader("content-type", "text/javascript").end(script);
    } else if (pathname === "/state") {
      const cursor = await realtime.channel("room").cursor();
      response.setHeader("content-type", "application/json").end(JSON.stringify({ state: everything(), cursor }));
    } else if (pathname === "/") {
      const page = await visit.page();
      const html = renderToString(createElement(App, { page }));
      response.setHeader("content-type", "text/html").end(
        `<!doctype html><link rel="icon" href="data:,"><div id="root">${html}</div>
         <script>globalThis.page = ${JSON.stringify(page)}</script><script type="module" src="/page.js"></script>`,
      );
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  const { errors } = await painted();
  await tab.close();
  await realtime.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect([...errors, ...complaints], "neither React nor the client complained").toEqual([]);
});

/** Opens the page, which is still in the making. @returns what the server has rendered */
async function open(next: Visit): Promise<string> {
  visit = next;
  tab = await browser.newPage();
  tab.on("console", (line) => {
    if (["warning", "error"].includes(line.type())) complaints.push(line.text());
  });
  const aheadMs = (next.minutesAhead ?? 0) * 60_000;
  if (aheadMs) await tab.addInitScript(`{ const { now } = Date; Date.now = () => now() + ${aheadMs}; }`);
  const response = await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return (await response?.text()) ?? "";
}

const painted = (): Promise<Painted> => tab.evaluate(() => ({ ...(globalThis as unknown as { painted: Painted }).painted }));
const rows = (): Promise<string[]> => tab.locator("li").allInnerTexts();
const untilRows = (...expected: readonly string[]): Promise<unknown> =>
  vi.waitFor(async () => expect(await rows()).toEqual(expected), { timeout: 30_000, interval: 20 });
const untilConnected = (): Promise<unknown> =>
  vi.waitFor(async () => expect(await tab.locator("#status").innerText()).toBe("connected"), { timeout: 30_000, interval: 20 });

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const inRoom = (from: number, to: number): string[] => numbers(from, to).map((n) => `room ${n}`);

let stored: Row[] = [];
beforeEach(() => {
  stored = [];
});
/** The database of the test. */
const everything = (): readonly Row[] => stored;
const emit = async (channel: string, ...data: readonly number[]): Promise<void> => {
  await Promise.all(
    data.map(async (n) => {
      const id = await realtime.channel(channel).emit("chat.message", n);
      stored.push({ id, channel, data: n });
    }),
  );
};

/** As a page of an application does: the position first, then what is shown. */
async function read(options: Partial<PaintedPage> = {}): Promise<PaintedPage> {
  const room = realtime.channel("room");
  const after = await room.cursor();
  const history: readonly Row[] = await room.history({ limit: 20 });
  return { kind: "list", channels: ["room"], rows: history, after, ...options };
}

describe("the first paint", () => {
  it.each([
    ["a list", "list", false, 0],
    ["a list in StrictMode, the browser's clock 10 minutes ahead", "list", true, 10],
    ["a folded state", "state", false, 0],
    ["a folded state in StrictMode, the browser's clock 10 minutes behind", "state", true, -10],
  ] as const)(
    "F-29, F-30, B-11: shows each event once, whenever it was emitted, without a hydration warning: %s",
    async (_title, kind, isStrict, minutesAhead) => {
      await emit("room", ...numbers(1, 25));
      const html = await open({
        page: () => read({ kind, isStrict }),
        beforeScript: () => emit("room", 26, 27),
        beforeConnect: () => emit("room", 28, 29),
        whileConnecting: () => void emit("room", ...numbers(30, 49)),
        minutesAhead,
      });
      expect([...html.matchAll(/<li>([^<]*)/g)].map(([, row]) => row)).toEqual(inRoom(6, 25));
      await untilRows(...inRoom(6, 49));
      await untilConnected();
      await emit("room", ...numbers(50, 60));
      await untilRows(...inRoom(6, 60));
      expect((await painted()).gaps).toEqual([]);
      expect(streams).toBe(1);
    },
  );

  it("F-30: works on a channel that is empty", async () => {
    await open({
      page: () => read({ isStrict: true }),
      beforeScript: () => emit("room", 1),
      beforeConnect: () => emit("room", 2),
      whileConnecting: () => void emit("room", 3, 4),
    });
    await untilRows(...inRoom(1, 4));
    await emit("room", 5);
    await untilRows(...inRoom(1, 5));
  });

  it("F-30: works on a channel that stays empty until the page is connected", async () => {
    await open({ page: () => read() });
    await untilConnected();
    expect(await rows()).toEqual([]);
    await emit("room", 1);
    await untilRows(...inRoom(1, 1));
  });

  it("what is emitted between `cursor()` and `history()` is shown once, too, after the last event of what was read", async () => {
    await emit("room", 1, 2);
    await open({
      async page() {
        const room = realtime.channel("room");
        const cursor = await room.cursor();
        await emit("room", 3, 4);
        const history = await room.history({ limit: 20 });
        return read({ rows: history, after: history.at(-1)?.id ?? cursor });
      },
      beforeScript: () => emit("room", 5),
    });
    await untilRows(...inRoom(1, 5));
    await emit("room", 6);
    await untilRows(...inRoom(1, 6));
  });

  it("F-30: goes on after the cursor of each of several channels", async () => {
    const channels = ["room", "news", "empty"];
    await emit("room", 1, 2);
    await emit("news", 1);
    await open({
      async page() {
        const cursors = await Promise.all(channels.map((name) => realtime.channel(name).cursor()));
        const histories = await Promise.all(channels.map((name) => realtime.channel(name).history({ limit: 20 })));
        const after = Object.fromEntries(channels.map((name, index) => [name, cursors[index] as string]));
        return { kind: "list", isStrict: true, channels, after, rows: histories.flat() };
      },
      async beforeScript() {
        await emit("news", 2);
        await emit("empty", 1);
      },
      beforeConnect: () => emit("room", 3),
      whileConnecting() {
        void emit("news", 3);
        void emit("empty", 2);
      },
    });
    await untilConnected();
    await emit("room", 4);
    await vi.waitFor(async () => expect(await rows()).toHaveLength(9), { timeout: 30_000, interval: 20 });
    const shown = await rows();
    const of = (channel: string): string[] => shown.filter((row) => row.startsWith(channel));
    expect([of("room"), of("news"), of("empty")]).toEqual([
      inRoom(1, 4),
      ["news 1", "news 2", "news 3"],
      ["empty 1", "empty 2"],
    ]);
    expect(streams).toBe(1);
  });

  it("a state that the log cannot bring up to date is fetched anew by `resync`, and goes on", async () => {
    const room = realtime.channel("room", { history: { maxLength: 5 } });
    for (const n of numbers(1, 4)) stored.push({ id: await room.emit("chat.message", n), channel: "room", data: n });
    await open({
      page: () => read({ kind: "state", isStrict: true }),
      beforeScript: async () => {
        for (const n of numbers(5, 20)) stored.push({ id: await room.emit("chat.message", n), channel: "room", data: n });
      },
    });
    await untilRows(...inRoom(1, 20));
    await vi.waitFor(async () => expect((await painted()).isStale.at(-1)).toBe(false));
    expect((await painted()).isStale, "it said so meanwhile").toContain(true);
    stored.push({ id: await room.emit("chat.message", 21), channel: "room", data: 21 });
    await untilRows(...inRoom(1, 21));
  });
});

describe("a folded state", () => {
  it("calls the newest `reduce`, and begins anew with `initial` on another channel", async () => {
    await emit("room", 1);
    await open({ page: () => read({ kind: "state", isStrict: true }) });
    await untilConnected();
    await emit("room", 2);
    await untilRows(...inRoom(1, 2));
    const select = (selection: Selection): Promise<void> =>
      tab.evaluate((next) => (globalThis as unknown as { painted: Painted }).painted.select(next), selection);
    await select({ channel: "room", mark: "!" });
    await emit("room", 3);
    await untilRows(...inRoom(1, 2), "room 3!");
    await select({ channel: "news", mark: "" });
    await untilRows(...inRoom(1, 1));
    expect((await painted()).folded, "not one render with the other channel's state").not.toContain("news 3");
    await vi.waitFor(() => expect(streams).toBe(2));
    await untilConnected();
    await emit("room", 4);
    await emit("news", 5);
    await untilRows(...inRoom(1, 1), "news 5");
    await select({ channel: undefined, mark: "" });
    await untilRows(...inRoom(1, 1));
    await vi.waitFor(async () => expect(await tab.locator("#status").innerText()).toBe("disconnected"));
  });
});

describe("a component that suspends", () => {
  it.each([[false], [true]])(
    "loses nothing while it hydrates and later, on one connection (StrictMode: %s)",
    async (isStrict) => {
      await emit("room", 1, 2);
      await open({ page: () => read({ kind: "suspense", isStrict }), beforeScript: () => emit("room", 3) });
      await tab.waitForFunction(() => "painted" in globalThis);
      await emit("room", 4);
      expect(await rows(), "what the server has rendered stays").toEqual(inRoom(1, 2));
      expect(streams).toBe(0);
      await tab.evaluate(() => (globalThis as unknown as { painted: Painted }).painted.resume());
      await untilRows(...inRoom(1, 4));
      await untilConnected();
      await tab.evaluate(() => (globalThis as unknown as { painted: Painted }).painted.suspend());
      await tab.getByText("waits").waitFor();
      await emit("room", 5, 6);
      await vi.waitFor(async () => expect((await painted()).calls).toBe(4));
      await tab.evaluate(() => (globalThis as unknown as { painted: Painted }).painted.resume());
      await untilRows(...inRoom(1, 6));
      await emit("room", 7);
      await untilRows(...inRoom(1, 7));
      expect(streams).toBe(1);
      expect((await painted()).gaps).toEqual([]);
    },
  );
});

describe("a backlog of 1,000 events", () => {
  /** A handful; StrictMode would make two of each. */
  const HANDFUL = 12;

  it.each([
    ["history: true", true, 1],
    ["history: { limit: 700 }", { limit: 700 }, 301],
  ] as const)("comes in a handful of renders, not in a thousand: %s", async (_title, history, first) => {
    await emit("room", ...numbers(1, 1_000));
    await open({ page: () => read({ rows: [], after: undefined, history }) });
    await untilRows(...inRoom(first, 1_000));
    const { calls, renders } = await painted();
    expect(calls).toBe(1_001 - first);
    expect(renders).toBeLessThanOrEqual(HANDFUL);
  });

  it("is folded into a state in a handful of renders, too, and so is a burst", async () => {
    await emit("room", ...numbers(1, 1_000));
    await open({ page: () => read({ kind: "state", rows: [], after: "0-0" }) });
    await untilRows(...inRoom(1, 1_000));
    const { renders } = await painted();
    await emit("room", ...numbers(1_001, 2_000));
    await untilRows(...inRoom(1, 2_000));
    const after = (await painted()).renders;
    expect(renders).toBeLessThanOrEqual(HANDFUL);
    expect(after - renders).toBeLessThanOrEqual(100);
  });
});
