import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root } from "../package/installed.ts";
import { freePort, type Server } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { barrierFor, openChat } from "./chat-page.ts";
import { prepareExample, type ExampleApp } from "./example-app.ts";

/** Who is cut off, and who is not. */
const [TRAVELLER, NEIGHBOUR] = ["traveller", "neighbour"];

/** How an example is started as its README says. */
interface Running {
  /** The address of the page. */
  readonly url: string;
  /** What stands between the page and the server that streams. */
  readonly proxy: TcpProxy;
  /** The servers of the example. */
  readonly servers: readonly Server[];
}

interface Example {
  readonly name: string;
  /** Whether the messages are in the HTML that the server sends. */
  readonly rendersOnServer: boolean;
  run(app: ExampleApp): Promise<Running>;
}

const EXAMPLES: readonly Example[] = [
  {
    name: "nextjs",
    rendersOnServer: true,
    async run(app) {
      await app.run("build");
      const server = await app.start("start", { args: (port) => ["--port", String(port), "--hostname", "127.0.0.1"] });
      return behindProxy(server);
    },
  },
  {
    name: "vite-react",
    rendersOnServer: false,
    async run(app) {
      const [apiPort, pagePort] = [await freePort(), await freePort()];
      const proxy = await startProxy(apiPort);
      await app.run("build", { VITE_API: `http://127.0.0.1:${proxy.port}` });
      const url = `http://127.0.0.1:${pagePort}`;
      const servers = [
        await app.start("start", { port: apiPort, env: { PAGE_ORIGIN: url } }),
        await app.start("preview", { port: pagePort, args: (port) => ["--port", String(port), "--host", "127.0.0.1"] }),
      ];
      return { url, proxy, servers };
    },
  },
];

async function behindProxy(server: Server): Promise<Running> {
  const proxy = await startProxy(server.port);
  return { url: `http://127.0.0.1:${proxy.port}`, proxy, servers: [server] };
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

describe.each(EXAMPLES)("examples/$name", ({ name, rendersOnServer, run }) => {
  let running: Running;
  beforeAll(async () => {
    const app = prepareExample(name);
    running = await run(app);
  });
  afterAll(async () => {
    await running?.proxy.close();
    for (const server of running?.servers ?? []) await server.stop();
  });

  it("shows what it emits; cut off, it misses two messages and says so; back again, it shows both, once and in order", async () => {
    const { url, proxy } = running;
    const barrier = barrierFor(proxy, TRAVELLER);
    const traveller = await openChat(browser, url, { userAgent: TRAVELLER });
    const neighbour = await openChat(browser, url, { userAgent: NEIGHBOUR });
    await traveller.saysConnected();
    await neighbour.saysConnected();

    await traveller.send("one");
    await traveller.shows(["Ada one"]);
    await neighbour.shows(["Ada one"]);

    barrier.cut();
    await traveller.saysConnected(false);
    for (const text of ["two", "three"]) {
      await neighbour.send(text);
      await neighbour.page.getByText(text).waitFor();
    }
    expect([await traveller.messages(), await traveller.status()]).toEqual([
      ["Ada one"],
      expect.not.stringMatching(/^connected/),
    ]);
    expect(await neighbour.status()).toBe("connected");

    barrier.admit();
    await traveller.saysConnected();
    await traveller.shows(["Ada one", "Ada two", "Ada three"]);
    await traveller.send("four");
    for (const chat of [traveller, neighbour]) await chat.shows(["Ada one", "Ada two", "Ada three", "Ada four"]);
    expect([...traveller.complaints, ...neighbour.complaints]).toEqual([]);
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
        asked.push(page.waitForRequest("**/api/realtime?*"));
        await page.route("**/api/realtime?*", async (route) => {
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
});
