import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root } from "../package/installed.ts";
import { freePort } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { barrierFor, openChat, STREAM } from "./chat-page.ts";
import { prepareExample, type ExampleApp } from "./example-app.ts";

/** Who is cut off, and who is not. */
const [TRAVELLER, NEIGHBOUR] = ["traveller", "neighbour"];

/** An example that runs. */
interface Running {
  /** The address of the page. */
  readonly url: string;
  /** What stands between the page and the server that streams. */
  readonly proxy: TcpProxy;
}

interface Example {
  readonly name: string;
  /** What the contract says of it. */
  readonly ids: string;
  /** Whether the messages are in the HTML that the server sends. */
  readonly rendersOnServer: boolean;
  /** Builds and starts it as its README says. */
  run(app: ExampleApp): Promise<Running>;
}

const EXAMPLES: readonly Example[] = [
  {
    name: "nextjs",
    ids: "F-16",
    rendersOnServer: true,
    async run(app) {
      await app.run("build");
      const server = await app.start("start", { args: (port) => ["--port", String(port), "--hostname", "127.0.0.1"] });
      return behindProxy(await app.proxyTo(server.port));
    },
  },
  {
    name: "tanstack-start",
    ids: "F-13, F-14",
    rendersOnServer: true,
    async run(app) {
      await app.run("build");
      const server = await app.start("start", { env: { HOST: "127.0.0.1" } });
      return behindProxy(await app.proxyTo(server.port));
    },
  },
  {
    name: "sveltekit",
    ids: "F-65, F-67",
    rendersOnServer: true,
    async run(app) {
      const port = await freePort();
      const running = behindProxy(await app.proxyTo(port));
      await app.run("check");
      await app.run("build");
      await app.start("start", { port, env: { HOST: "127.0.0.1", ORIGIN: running.url } });
      return running;
    },
  },
  {
    name: "vite-react",
    ids: "F-54",
    rendersOnServer: false,
    async run(app) {
      const [apiPort, pagePort] = [await freePort(), await freePort()];
      const proxy = await app.proxyTo(apiPort);
      const url = `http://127.0.0.1:${pagePort}`;
      await app.run("build", { VITE_API: `http://127.0.0.1:${proxy.port}` });
      await app.start("start", { port: apiPort, env: { PAGE_ORIGIN: url } });
      await app.start("preview", { port: pagePort, args: (port) => ["--port", String(port), "--host", "127.0.0.1"] });
      return { url, proxy };
    },
  },
  {
    name: "vite-vue",
    ids: "F-54",
    rendersOnServer: false,
    async run(app) {
      await app.run("build");
      const server = await app.start("start");
      return behindProxy(await app.proxyTo(server.port));
    },
  },
];

function behindProxy(proxy: TcpProxy): Running {
  return { url: `http://127.0.0.1:${proxy.port}`, proxy };
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

describe.each(EXAMPLES.map((example) => [example.name, example] as const))("examples/%s", (name, example) => {
  const { ids, rendersOnServer, run } = example;
  let app: ExampleApp | undefined;
  let running: Running;
  beforeAll(async () => {
    app = prepareExample(name);
    running = await run(app);
  });
  afterAll(() => app?.[Symbol.asyncDispose]());

  it(`${ids}: shows what it emits; cut off, it misses two messages and says so; back again, it shows both, once and in order`, async () => {
    const { url, proxy } = running;
    const barrier = barrierFor(proxy, TRAVELLER);
    const traveller = await openChat(browser, url, { userAgent: TRAVELLER });
    const neighbour = await openChat(browser, url, { userAgent: NEIGHBOUR });
    await traveller.saysConnected();
    await neighbour.saysConnected();

    await traveller.send("one");
    for (const chat of [traveller, neighbour]) await chat.shows(["Ada one"]);
    expect([traveller.streams(), neighbour.streams()]).toEqual([1, 1]);

    barrier.cut();
    await traveller.saysConnected(false);
    for (const text of ["two", "three"]) {
      await neighbour.send(text);
      await neighbour.page.getByText(text).waitFor();
    }
    expect(await traveller.messages()).toEqual(["Ada one"]);
    expect([await traveller.status(), await neighbour.status()]).toEqual([
      expect.not.stringMatching(/^connected/),
      "connected",
    ]);

    barrier.admit();
    await traveller.saysConnected();
    await traveller.shows(["Ada one", "Ada two", "Ada three"]);
    await traveller.send("four");
    for (const chat of [traveller, neighbour]) await chat.shows(["Ada one", "Ada two", "Ada three", "Ada four"]);
    expect([...traveller.complaints, ...neighbour.complaints]).toEqual([]);
    expect(neighbour.streams()).toBe(1);
    // For whoever changes how it looks.
    await traveller.page.screenshot({ path: path.join(root, `.cache/example-${name}.png`) });
  });

  it("F-30: shows once what is emitted between its first paint and its stream", async () => {
    const { url } = running;
    const before = ["Ada one", "Ada two", "Ada three", "Ada four"];
    const html = await (await fetch(url)).text();
    expect(html.includes("three")).toBe(rendersOnServer);

    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    onTestFinished(() => release());
    const neighbour = await openChat(browser, url, { userAgent: NEIGHBOUR });
    await neighbour.shows(before);
    const asked: Array<Promise<unknown>> = [];
    const late = await openChat(browser, url, {
      userAgent: TRAVELLER,
      async before(page) {
        asked.push(page.waitForRequest(STREAM));
        await page.route(STREAM, async (route) => {
          await held;
          await route.continue();
        });
      },
    });
    await Promise.all(asked);
    expect(await late.messages()).toEqual(rendersOnServer ? before : []);
    await neighbour.send("five");
    await neighbour.shows([...before, "Ada five"]);
    release();
    await late.shows([...before, "Ada five"]);
    await late.saysConnected();
    await late.send("six");
    await late.shows([...before, "Ada five", "Ada six"]);
    expect([...late.complaints, ...neighbour.complaints]).toEqual([]);
  });

  it("F-15, I12 Browser: its page loads no validator and nothing of the server", async () => {
    const { scripts, saysConnected } = await openChat(browser, running.url, { userAgent: NEIGHBOUR });
    await saysConnected();
    const code = (await Promise.all(scripts())).join("\n");
    expect(code).toContain("/api/realtime");
    for (const mark of ["ZodError", "_zod", "invalid_payload", 'Symbol.for("tidings")', "keyPrefix"]) {
      expect([mark, code.includes(mark)]).toEqual([mark, false]);
    }
  });
});
