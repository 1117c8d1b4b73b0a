import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import type { BindingPage, RoomOptions, Shown } from "../browser/fixtures/binding-page.ts";
import { launchBrowser } from "./browser.ts";
import { bundleWith, type Framework } from "./frameworks.ts";

/** What the server's bundle of a framework exports. */
interface ServerPage {
  render(): string | Promise<string>;
  renderWithoutProvider(): string | Promise<string>;
}

/** What a framework can do. */
export interface BindingSuite {
  readonly framework: Framework;
  /** Its ways to hand changing options over, by their names in the fixtures. */
  readonly ways: readonly string[];
  /** Its ways to provide a client, by their names in the fixtures. */
  readonly providers: readonly string[];
}

let prefixes = 0;

/** What holds for every binding: on its fixtures, compiled by its own compiler, in a browser, against the real endpoint. */
export function testBinding({ framework, ways, providers }: BindingSuite): void {
  let browser: Browser;
  let script: string;
  let serverPage: ServerPage;
  let html: string;
  let realtime: Realtime;
  let server: Server;
  let tab: Page;
  /** The channels of each request for a stream. */
  let requests: string[][] = [];
  /** Sockets of streams that are open now. */
  const open = new Set<Socket>();
  let refuse = false;
  /** What stood on the page's console. */
  let printed: string[] = [];

  beforeAll(async () => {
    const [launched, page, onServer] = await Promise.all([
      launchBrowser(),
      bundleWith(framework, { entry: `${framework}/page.ts`, for: "browser" }),
      bundleWith(framework, { entry: `${framework}/server.ts`, for: "server" }),
    ]);
    browser = launched;
    script = await readFile(page, "utf8");
    serverPage = (await import(pathToFileURL(onServer).href)) as ServerPage;
    html = await serverPage.render();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `${framework}${++prefixes}` });
    const stream = handle({ realtime });
    requests = [];
    printed = [];
    refuse = false;
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
      if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
      if (pathname !== "/api/realtime") {
        const page = `<!doctype html><link rel="icon" href="data:,"><div id="root">${html}</div>`;
        const keep = `<script>kept = document.querySelector("p")</script>`;
        return void response
          .setHeader("content-type", "text/html")
          .end(`${page}${keep}<script type="module" src="/page.js"></script>`);
      }
      if (refuse) return void request.socket.destroy();
      requests.push((searchParams.get("channel") ?? "").split(",").sort());
      open.add(request.socket);
      response.on("close", () => open.delete(request.socket));
      stream(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    tab = await browser.newPage();
    await tab.clock.install();
    tab.on("console", (message) => printed.push(message.text()));
    tab.on("pageerror", (error) => printed.push(String(error)));
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await tab.waitForFunction(() => document.title === "ready");
    await until("first connected");
  });

  afterEach(async () => {
    await tab.close();
    await realtime.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(printed, "the framework said nothing").toEqual([]);
  });

  type PageWindow = { readonly page: BindingPage; readonly shown: Shown; readonly kept: Element };
  const shown = (): Promise<Shown> => tab.evaluate(() => (globalThis as unknown as PageWindow).shown);
  const put = (name: string, options: RoomOptions, way?: string): Promise<void> =>
    tab.evaluate(([...args]) => (globalThis as unknown as PageWindow).page.put(...args), [name, options, way] as const);
  const change = (name: string, options: RoomOptions): Promise<void> =>
    tab.evaluate(([...args]) => (globalThis as unknown as PageWindow).page.change(...args), [name, options] as const);
  const putProvider = (name: string, isGiven: boolean): Promise<void> =>
    tab.evaluate(([...args]) => (globalThis as unknown as PageWindow).page.putProvider(...args), [name, isGiven] as const);
  const mountOwn = (provider: string): Promise<void> =>
    tab.evaluate((provider) => (globalThis as unknown as PageWindow).page.mountOwn(provider), provider);
  const unmountOwn = (): Promise<void> => tab.evaluate(() => (globalThis as unknown as PageWindow).page.unmountOwn());
  const leave = (name: string): Promise<void> =>
    tab.evaluate((name) => (globalThis as unknown as PageWindow).page.leave(name), name);

  /** Nobody comes back for a while, of which the browser and the client speak. */
  function cut(): void {
    refuse = true;
    for (const socket of open) socket.destroy();
  }
  const forgetTheCut = (): void => {
    printed = printed.filter((line) => !/^tidings: |^Failed to load resource/.test(line));
  };

  /** Waits until a room's line says so. */
  const until = (line: string): Promise<unknown> =>
    tab.waitForFunction((wanted) => document.querySelector("#root")?.textContent?.includes(wanted), line);
  /** Time passes in the page, more than `connectionLostAfterSecs` twice: what is not called by then is not called. */
  const pass = (): Promise<void> => tab.clock.runFor(1_100);
  const untilAsked = (...channels: string[]): Promise<unknown> =>
    vi.waitFor(() => {
      expect(requests.at(-1)).toEqual(channels);
      expect(open.size).toBe(1);
    });
  const untilTold = (room: string, ...data: unknown[]): Promise<unknown> =>
    vi.waitFor(async () => expect((await shown()).messages[room] ?? []).toEqual(data), { timeout: 20_000, interval: 20 });
  const untilCalled = (calls: readonly string[]): Promise<unknown> =>
    vi.waitFor(async () => expect((await shown()).calls).toEqual(calls), { timeout: 20_000, interval: 20 });
  const emit = async (channel: string, ...data: unknown[]): Promise<void> => {
    for (const each of data) await realtime.channel(channel).emit("test.event", each);
  };

  it("F-56: the server renders without a connection, and hydration keeps what it rendered", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      expect(await serverPage.render()).toBe(html);
      expect(vi.getTimerCount(), "timers on the server").toBe(0);
    } finally {
      vi.useRealTimers();
    }
    expect(html.replaceAll(/<!--.*?-->/g, "")).toMatch(
      /<h1>app disconnected<\/h1>\s*<main>\s*<p>first disconnected<\/p>\s*<p>state has \[none\]<\/p>\s*<\/main>/,
    );
    expect(await tab.evaluate(() => (globalThis as unknown as PageWindow).kept.textContent)).toBe("first connected");
    expect((await shown()).statuses).toEqual(["disconnected", "connecting", "connected"]);
  });

  it("F-66: without a client the sentence says what to do", async () => {
    // Vue says where that was.
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    await expect(async () => await serverPage.renderWithoutProvider()).rejects.toThrow(
      /^No realtime client found\. Call provideRealtime\(\)/,
    );
    warned.mockRestore();
  });

  it("F-54, F-65: all components share one connection, which ends with the component that provides it", async () => {
    await put("two", { channels: ["two", "first"] });
    await put("three", {});
    await untilAsked("default", "first", "two");
    await until("app connected");
    await until("three connected");
    await emit("first", 1);
    await emit("default", 2);
    await Promise.all([untilTold("first", 1), untilTold("two", 1), untilTold("three", 2)]);
    await leave("three");
    await leave("two");
    await untilAsked("first");
    const before = requests.length;
    await tab.evaluate(() => {
      const { page } = globalThis as unknown as PageWindow;
      page.subscribeProvided();
      page.unmount();
    });
    await vi.waitFor(() => expect(open.size).toBe(0));
    expect(await tab.innerText("#root")).toBe("");
    expect(requests).toHaveLength(before);
  });

  it.each(providers)("C3: a client of your own (%s) is used, and stays yours", async (provider) => {
    await mountOwn(provider);
    await until("own connected");
    expect(open.size).toBe(2);
    await emit("own", 1);
    await untilTold("own", 1);
    await unmountOwn();
    await emit("own", 2);
    await untilTold("outside", 1, 2);
    expect((await shown()).messages["own"]).toEqual([1]);
  });

  it.each(ways)("F-67: other options (%s) end the old selection and begin the new; nothing is lost or doubled", async (way) => {
    await put("room", { channels: ["stays", "leaves"] }, way);
    await untilAsked("first", "leaves", "stays");
    await until("room connected");
    await emit("stays", 1);
    await untilTold("room", 1);
    await change("room", { channels: ["stays", "comes"] });
    await emit("stays", 2);
    await untilAsked("comes", "first", "stays");
    await until("room connected");
    await emit("leaves", "unseen");
    await emit("comes", 3);
    await untilTold("room", 1, 2, 3);
    await emit("stays", 4);
    await untilTold("room", 1, 2, 3, 4);
    expect((await shown()).gaps).toEqual([]);
    await leave("room");
    await untilAsked("first");
  });

  it(`F-59, U-10: no request while there is no id; \`enabled\` opens, pauses and resumes, and a pause loses nothing`, async () => {
    const [way] = ways;
    await leave("first");
    await leave("state");
    await vi.waitFor(() => expect(open.size).toBe(0));
    await put("room", { channels: [undefined, ""], enabled: false }, way);
    await put("still", { channels: [""] });
    await until("still disconnected");
    expect(requests).toEqual([["first"]]);
    await change("room", { channels: ["one"], enabled: true });
    await until("room connected");
    await emit("one", 1);
    await untilTold("room", 1);
    await change("room", { channels: ["one"], enabled: false });
    await vi.waitFor(() => expect(open.size).toBe(0));
    await emit("one", 2, 3);
    await change("room", { channels: ["one"], enabled: true });
    await untilTold("room", 1, 2, 3);
    expect((await shown()).gaps).toEqual([]);
  });

  it("F-58: `events` chooses by name, and another choice is no other connection", async () => {
    const [way] = ways;
    await put("some", { channels: ["first"], events: ["test.other"] }, way);
    await until("some connected");
    await emit("first", 1);
    await realtime.channel("first").emit("test.other", 2);
    await untilTold("first", 1, 2);
    await untilTold("some", 2);
    await change("some", { channels: ["first"], events: ["test.event"] });
    await emit("first", 3);
    await untilTold("some", 2, 3);
    expect(requests).toEqual([["first"]]);
  });

  it.each(ways)(
    "a state (%s) begins as `initial`, is folded from events, and begins anew with another channel",
    async (way) => {
      const state = { name: "mine", channel: "one" };
      await tab.evaluate(({ name, channel, way }) => (globalThis as unknown as PageWindow).page.putState(name, channel, way), {
        ...state,
        way,
      });
      await until("mine has [none]");
      await untilAsked("first", "one");
      await until("app connected");
      await emit("one", 1, 2);
      await until("mine has [none,1,2]");
      await emit("first", 3);
      await until("state has [none,3]");
      await tab.evaluate(() => (globalThis as unknown as PageWindow).page.changeState("mine", "two"));
      await untilAsked("first", "two");
      await until("app connected");
      await emit("one", 4);
      await emit("two", 5);
      await until("mine has [none,5]");
      await leave("mine");
      await untilAsked("first");
    },
  );

  it("B-7: the status follows a cut and the return, and what was missed comes once", async () => {
    await emit("first", 1);
    await untilTold("first", 1);
    cut();
    await until("first disconnected");
    await emit("first", 2, 3);
    refuse = false;
    await untilTold("first", 1, 2, 3);
    await until("first connected");
    const { statuses } = await shown();
    expect(statuses).not.toContain("error");
    forgetTheCut();
  });

  it.each(providers)(
    "calls `onConnectionLost` when nobody comes back soon, then `onConnectionRestored`, while there is the provider (%s)",
    async (provider) => {
      const { calls } = await shown();
      await mountOwn(provider);
      await until("own connected");
      cut();
      await vi.waitFor(async () => {
        const called = (await shown()).calls.slice(calls.length);
        expect(called.toSorted()).toEqual(["app lost", "own lost"]);
      });
      const { calls: lost } = await shown();
      await unmountOwn();
      refuse = false;
      await emit("own", 1);
      await untilTold("outside", 1);
      await untilCalled([...lost, "app restored"]);
      forgetTheCut();
    },
  );

  it("calls neither when no channel is wanted, nor after the unmount", async () => {
    const { calls } = await shown();
    await leave("first");
    await leave("state");
    await vi.waitFor(() => expect(open.size).toBe(0));
    await pass();
    await put("late", { channels: ["late"] });
    await until("late connected");
    cut();
    await until("late disconnected");
    await tab.evaluate(() => (globalThis as unknown as PageWindow).page.unmount());
    await pass();
    await untilCalled(calls);
    forgetTheCut();
  });

  it("warns once of a provider inside another one, unless it was given a client", async () => {
    await putProvider("given", true);
    await until("given provides");
    expect(printed).toEqual([]);
    await putProvider("inner", false);
    await until("inner provides");
    await putProvider("another", false);
    await until("another provides");
    expect(printed).toEqual([
      expect.stringMatching(/^tidings: provideRealtime\(\) inside another provider.*Remove it.*`client`/),
    ]);
    printed = [];
  });
}
