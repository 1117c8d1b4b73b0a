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
let prefixes = 0;
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
    else stream(request, response);
  });
  tab = await browser.newPage();
  await tab.clock.install();
  tab.on("console", (line) => {
    if (line.type() === "warning" && line.text().includes("RealtimeProvider")) warnings.push(line.text());
  });
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

  it("does not warn when the inner one was given a client on purpose", async () => {
    await render({ below: "given" });
    await untilStatus("connected");
    expect(warnings).toEqual([]);
  });
});
