import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { handle, Realtime } from "../../src/index.ts";
import { fetchListener, serve, type TestServer } from "../support/http-server.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import type { ProviderPage, ProviderShown } from "./fixtures/provider-page.tsx";

let browser: Browser;
let script: string;
let realtime: Realtime<{ readonly redis: { readonly driver: "memory" }; readonly keyPrefix: `provider${number}` }>;
let server: TestServer;
let tab: Page;
let isAway = false;
/** Something stands before the server, and the server does not. */
let isGatewayAlone = false;
let prefixes = 0;
/** How often the page asked for a stream, whether or not the request left it. */
let attempts = 0;
/** What the console of the page warned of. */
let warnings: string[] = [];

beforeAll(async () => {
  const [launched, bundled] = await Promise.all([launchBrowser(), bundlePage("test/browser/fixtures/provider-page.tsx")]);
  browser = launched;
  script = await readFile(bundled, "utf8");
});
afterAll(() => browser?.close());

beforeEach(async () => {
  realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `provider${++prefixes}` });
  const stream = fetchListener(handle({ realtime }));
  isAway = false;
  isGatewayAlone = false;
  attempts = 0;
  warnings = [];
  server = await serve((request, response) => {
    if (request.url === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
    else if (request.url === "/")
      response
        .setHeader("content-type", "text/html")
        .end(
          `<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>`,
        );
    else if (isAway) request.socket.destroy();
    else if (isGatewayAlone) response.writeHead(502).end("<html>bad gateway</html>");
    else stream(request, response);
  });
  tab = await browser.newPage();
  await tab.clock.install();
  // Chance is what it is on average.
  await tab.addInitScript(() => void (Math.random = () => 0.5));
  tab.on("console", (line) => {
    if (line.type() === "warning" && line.text().includes("RealtimeProvider")) warnings.push(line.text());
  });
  tab.on("request", (request) => void (request.url().includes("/api/") && attempts++));
  await tab.goto(server.url);
  await tab.waitForFunction(() => "setPage" in globalThis);
});
afterEach(async () => {
  await tab.close();
  await realtime.close();
  await server[Symbol.asyncDispose]();
});

const shown = (): Promise<ProviderShown> => tab.evaluate(() => (globalThis as unknown as { shown: ProviderShown }).shown);
const render = async (page: Partial<ProviderPage>): Promise<void> => {
  await tab.evaluate((next) => (globalThis as unknown as { setPage(page: ProviderPage): void }).setPage(next), {
    ...({ below: "nothing", isMounted: true, tag: "first" } as const),
    ...page,
  });
};
const untilStatus = (status: string): Promise<unknown> =>
  vi.waitFor(async () => expect((await shown()).status).toBe(status), { timeout: 30_000, interval: 20 });
const untilCalled = (...calls: readonly string[]): Promise<unknown> =>
  vi.waitFor(async () => expect((await shown()).called).toEqual(calls), { timeout: 30_000, interval: 20 });
/** Time passes in the page, more than `connectionLostAfterSecs` twice: what is not called by then is not called. */
const pass = (): Promise<void> => tab.clock.runFor(1_100);

/** From now on time passes in the page only when it is told to. */
const stopTime = async (): Promise<void> => {
  await tab.clock.pauseAt(await tab.evaluate(() => Date.now() + 1_000));
};
/** Seconds pass in the page, and all that it asks meanwhile is answered. */
const passSecs = async (seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second++) {
    await tab.clock.runFor(1_000);
    await vi.waitFor(async () => expect((await shown()).status).not.toBe("connecting"));
  }
};
const emit = async (...values: readonly number[]): Promise<void> => {
  for (const value of values) await realtime.channel("room").emit("order.placed", value);
};
const untilValues = (...values: readonly number[]): Promise<unknown> =>
  vi.waitFor(async () => expect((await shown()).values).toEqual(values));

describe("RealtimeProvider", () => {
  it("calls the newest `onConnectionLost` when nobody comes back soon, and `onConnectionRestored` when it has", async () => {
    await render({ below: "listener" });
    await untilStatus("connected");
    await render({ below: "listener", tag: "second" });
    isAway = true;
    server.cut();
    await untilCalled("lost second");
    await render({ below: "listener", tag: "third" });
    isAway = false;
    await untilCalled("lost second", "restored third");
    await untilStatus("connected");
  });

  it("calls neither for a provider that nobody listens below, nor after it was unmounted", async () => {
    await pass();
    await render({ below: "listener" });
    await untilStatus("connected");
    await render({});
    await pass();
    isAway = true;
    server.cut();
    await render({ below: "listener" });
    await render({ isMounted: false });
    await pass();
    expect((await shown()).called).toEqual([]);
  });

  it("warns once of a provider inside another one, and says what to do", async () => {
    await render({ below: "provider" });
    await untilStatus("connected");
    await render({ below: "nothing" });
    await render({ below: "provider" });
    await untilStatus("connected");
    expect(warnings).toEqual([expect.stringMatching(/inside another provider.*Remove it.*`client`/)]);
  });

  it("F-61: a component below none ends with an error that says what to do", async () => {
    const thrown = tab.waitForEvent("pageerror");
    await render({ below: "alone" });
    expect(String(await thrown)).toContain(
      "useRealtime: no RealtimeProvider found. Wrap the component, or the whole app, in <RealtimeProvider>.",
    );
  });

  it("does not warn when the inner one was given a client on purpose", async () => {
    await render({ below: "given" });
    await untilStatus("connected");
    expect(warnings).toEqual([]);
  });
});

describe("a network that is away", () => {
  beforeEach(async () => {
    await render({ below: "listener" });
    await untilStatus("connected");
    await stopTime();
    await emit(1);
    await untilValues(1);
  });

  it("a gateway without its server for a minute: the status tells the truth, the loss is told once, nothing is missed", async () => {
    isGatewayAlone = true;
    const { length: before } = (await shown()).statuses;
    attempts = 0;
    server.cut();
    await untilStatus("disconnected");
    await passSecs(30);
    await emit(2, 3);
    await passSecs(30);
    const away = await shown();
    expect(away.called).toEqual(["lost first"]);
    expect(new Set(away.statuses.slice(before))).toEqual(new Set(["disconnected", "connecting"]));
    expect(away.status).toBe("disconnected");
    // After 0.25, 0.5, 1, 2, 4, 8 and then each 15 seconds, which is half of the most.
    expect(attempts).toBe(8);

    isGatewayAlone = false;
    await passSecs(15);
    await untilStatus("connected");
    await untilValues(1, 2, 3);
    await emit(4);
    await untilValues(1, 2, 3, 4);
    expect((await shown()).called).toEqual(["lost first", "restored first"]);
  });

  it("offline for two minutes: hardly anything is tried; online again, the page is back within a second", async () => {
    attempts = 0;
    await tab.context().setOffline(true);
    // A browser that is told to be offline keeps what is open.
    server.cut();
    await untilStatus("disconnected");
    await emit(2, 3);
    await passSecs(120);
    expect((await shown()).status).toBe("disconnected");
    expect(attempts).toBe(12);

    await tab.context().setOffline(false);
    await tab.clock.runFor(1_000);
    await untilStatus("connected");
    await untilValues(1, 2, 3);
    await emit(4);
    await untilValues(1, 2, 3, 4);
    expect(attempts).toBe(13);
    expect((await shown()).called).toEqual(["lost first", "restored first"]);
  });
});
