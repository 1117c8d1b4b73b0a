import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { root } from "../package/installed.ts";
import { freePort, type Server } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { barrierFor, openChat, STREAM } from "./chat-page.ts";
import { expectToDrain } from "./drains.ts";
import { prepareExample, type ExampleApp, type StartOptions } from "./example-app.ts";

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
  /** How what {@link run} has built is started once more, in production. @default by `PORT` alone */
  readonly production?: StartOptions;
}

const NEXT_ARGS = (port: number): readonly string[] => ["--port", String(port), "--hostname", "127.0.0.1"];

const EXAMPLES: readonly Example[] = [
  {
    name: "nextjs",
    ids: "F-16",
    rendersOnServer: true,
    async run(app) {
      await app.run("build");
      const server = await app.start("start", { args: NEXT_ARGS });
      return behindProxy(await app.proxyTo(server.port));
    },
    production: { args: NEXT_ARGS },
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
    production: { env: { HOST: "127.0.0.1", SERVER_SHUTDOWN_TIMEOUT: "25" } },
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
    production: { env: { HOST: "127.0.0.1" } },
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
  {
    name: "hono",
    ids: "F-12",
    rendersOnServer: true,
    async run(app) {
      await app.run("build");
      const server = await app.start("start");
      return behindProxy(await app.proxyTo(server.port));
    },
  },
  {
    name: "bun",
    ids: "F-11",
    rendersOnServer: false,
    async run(app) {
      await app.run("check");
      const server = await app.start("start", { env: { NODE_ENV: "production" } });
      return behindProxy(await app.proxyTo(server.port));
    },
  },
];

function behindProxy(proxy: TcpProxy): Running {
  return { url: `http://127.0.0.1:${proxy.port}`, proxy };
}

/** Says how many hubs and open streams the server has, in all copies of its modules, and which state of a file is loaded. */
const PROBE = `import * as lib from "@/lib/realtime";
export const dynamic = "force-dynamic";
export function GET() {
  const generations: any[] = Object.values((globalThis as any)[Symbol.for("tidings")] ?? {});
  const hubs = generations.flatMap(({ hubs }) => [...hubs.values()].map(({ hub }) => hub));
  const streams = hubs.reduce((sum, { streams }) => sum + streams, 0);
  return Response.json({ hubs: hubs.length, streams, edits: (lib as { edits?: number }).edits ?? 0 });
}
`;

const SOON = { timeout: 60_000, interval: 100 };

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** `TIDINGS_EXAMPLES=vite-react,nextjs` runs only these. */
const chosen = process.env.TIDINGS_EXAMPLES?.split(",") ?? EXAMPLES.map(({ name }) => name);

describe.each(EXAMPLES.filter(({ name }) => chosen.includes(name)).map((example) => [example.name, example] as const))(
  "examples/%s",
  (name, example) => {
    const { ids, rendersOnServer, run, production = {} } = example;
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

    it("says what is wrong with a message that the schema refuses, and keeps it in its field", async () => {
      const chat = await openChat(browser, running.url, { userAgent: NEIGHBOUR });
      await chat.saysConnected();
      const before = await chat.messages();
      await chat.send("   ");
      await chat.page.getByText("Say something.", { exact: true }).waitFor();
      expect([await chat.page.getByLabel("Message").inputValue(), await chat.messages()]).toEqual(["   ", before]);
      await chat.send("seven");
      await chat.shows([...before, "Ada seven"]);
      await chat.page.getByText("Say something.", { exact: true }).waitFor({ state: "detached" });
    });

    it(
      "at SIGTERM it sends its readers to another server, who miss nothing, and ends by itself",
      { timeout: 120_000 },
      async () => {
        await expectToDrain({
          start: (redisUrl) =>
            (app as ExampleApp).start("start", {
              ...production,
              env: { NODE_ENV: "production", ...production.env, REDIS_URL: redisUrl },
            }),
          channel: "room:lobby",
          event: "chat.message",
          payload: (n) => ({ name: "Ada", text: String(n) }),
        });
      },
    );

    it("F-15, I12 Browser: its page loads no validator and nothing of the server", async () => {
      const { scripts, saysConnected } = await openChat(browser, running.url, { userAgent: NEIGHBOUR });
      await saysConnected();
      const code = (await Promise.all(scripts())).join("\n");
      expect(code).toContain("/api/realtime");
      for (const mark of ["ZodError", "_zod", "invalid_payload", 'Symbol.for("tidings")', "keyPrefix"]) {
        expect([mark, code.includes(mark)]).toEqual([mark, false]);
      }
    });
  },
);

describe.runIf(chosen.includes("vite-vue"))("examples/vite-vue, by vite", () => {
  let app: ExampleApp | undefined;
  beforeAll(() => {
    app = prepareExample("vite-vue");
  });
  afterAll(() => app?.[Symbol.asyncDispose]());

  it("its page notices at once that the server behind Vite's proxy restarts, and goes on with the next", async () => {
    const { folder, start } = app as ExampleApp;
    const server = await start("start");
    const config = path.join(folder, "vite.config.ts");
    writeFileSync(config, readFileSync(config, "utf8").replace(":3000", `:${server.port}`));
    const vite = await start("dev:page", { args: (port) => ["--port", String(port), "--host", "127.0.0.1"] });
    const chat = await openChat(browser, vite.url, { userAgent: NEIGHBOUR });
    await chat.saysConnected();
    await server.stop();
    // Before the 37 s of silence after which it would notice by itself.
    await vi.waitFor(async () => expect(await chat.status()).not.toBe("connected"), { timeout: 15_000 });
    await start("start", { port: server.port });
    await chat.saysConnected();
    await chat.send("one");
    await chat.shows(["Ada one"]);
  });
});

describe.runIf(chosen.includes("nextjs"))("examples/nextjs, by next dev", () => {
  let app: ExampleApp | undefined;
  let server: Server;
  beforeAll(async () => {
    app = prepareExample("nextjs");
    mkdirSync(path.join(app.folder, "app/probe"), { recursive: true });
    writeFileSync(path.join(app.folder, "app/probe/route.ts"), PROBE);
    server = await app.start("dev", { args: NEXT_ARGS, endBy: "SIGTERM" });
    // Compiled at the first request, for which a busy machine takes longer than a page waits for its stream.
    for (const address of ["", "/probe", "/api/realtime"]) await (await fetch(server.url + address)).body?.cancel();
  });
  afterAll(() => app?.[Symbol.asyncDispose]());

  it("F-16: with an edit of the page, of its hook and of the server's file: one stream per tab, and nothing shown twice", async () => {
    const { folder } = app as ExampleApp;
    const edit = (file: string, change: (text: string) => string): void => {
      const place = path.join(folder, file);
      writeFileSync(place, change(readFileSync(place, "utf8")));
    };
    const serverHolds = (wanted: object): Promise<void> =>
      vi.waitFor(async () => expect(await (await fetch(`${server.url}/probe`)).json()).toEqual(wanted), SOON);
    const [first, second] = [
      await openChat(browser, server.url, { userAgent: "first" }),
      await openChat(browser, server.url, { userAgent: "second" }),
    ];
    for (const chat of [first, second]) await chat.saysConnected();
    await first.send("one");
    for (const chat of [first, second]) await chat.shows(["Ada one"]);
    await serverHolds({ hubs: 1, streams: 2, edits: 0 });

    for (const round of [1, 2, 3]) {
      edit("app/chat.tsx", (text) => text.replace(/Lobby\d*/, `Lobby${round}`));
      for (const { page } of [first, second]) await page.getByText(`Lobby${round}`).waitFor({ timeout: 60_000 });
      for (const chat of [first, second]) await chat.saysConnected();
      await serverHolds({ hubs: 1, streams: 2, edits: 0 });
    }
    // Rendered anew from where the log now ends: else the edit of the server's file does that, and makes the form anew, too.
    for (const { page, saysConnected } of [first, second]) {
      await page.reload();
      await saysConnected();
    }
    edit("lib/realtime-client.ts", (text) => `${text}\nif (typeof document === "object") document.body.dataset.edited = "";\n`);
    edit("lib/realtime.ts", (text) => `${text}\nexport const edits = 1;\n`);
    await serverHolds({ hubs: 1, streams: 2, edits: 1 });
    // What is written into the form before the hook's edit is there would be gone.
    for (const { page } of [first, second]) await page.locator("body[data-edited]").waitFor({ timeout: 60_000 });
    for (const chat of [first, second]) await chat.saysConnected();
    await first.send("two");
    for (const chat of [first, second]) await chat.shows(["Ada one", "Ada two"]);
    await serverHolds({ hubs: 1, streams: 2, edits: 1 });
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });
});

describe.runIf(chosen.includes("bun"))("examples/bun", () => {
  let app: ExampleApp | undefined;
  beforeAll(() => {
    app = prepareExample("bun");
  });
  afterAll(() => app?.[Symbol.asyncDispose]());

  it("F-11: changes its room without a reload; each has its own messages, and begins with those that there are", async () => {
    const { url } = await (app as ExampleApp).start("start", { env: { NODE_ENV: "production" } });
    const chat = await openChat(browser, url, { userAgent: TRAVELLER });
    await chat.saysConnected();
    await chat.send("in the lobby");
    await chat.shows(["Ada in the lobby"]);
    await chat.page.getByRole("link", { name: "kitchen" }).click();
    await chat.shows([]);
    await chat.send("in the kitchen");
    await chat.shows(["Ada in the kitchen"]);
    await chat.page.getByRole("link", { name: "lobby" }).click();
    await chat.shows(["Ada in the lobby"]);
    const [other, secret] = await Promise.all(
      ["room:kitchen", "room:cellar"].map(async (channel) => {
        const page = await fetch(`${url}/api/realtime?channel=${channel}&at=-`, { headers: { accept: "application/json" } });
        return [page.status, await page.text()] as const;
      }),
    );
    expect([other?.[0], other?.[1]]).toEqual([200, expect.stringContaining("in the kitchen")]);
    expect(secret?.[0]).toBe(403);
    expect(chat.complaints).toEqual([]);
  });
});

describe.runIf(chosen.includes("hono"))("examples/hono", () => {
  let app: ExampleApp | undefined;
  beforeAll(async () => {
    app = prepareExample("hono");
    await app.run("build");
  });
  afterAll(() => app?.[Symbol.asyncDispose]());

  it("F-12, F-20: an alert reaches every page over the connection that it has; one of blanks is refused, and nobody hears another channel", async () => {
    const { url } = await (app as ExampleApp).start("start", { env: { NODE_ENV: "production" } });
    const alert = async (body: string): Promise<readonly [number, string]> => {
      const response = await fetch(`${url}/api/alerts`, { method: "POST", body });
      return [response.status, await response.text()];
    };
    const pages = [TRAVELLER, NEIGHBOUR].map((userAgent) => openChat(browser, url, { userAgent }));
    for (const page of pages) await (await page).saysConnected();
    expect(await alert(" ")).toEqual([400, "Say something."]);
    expect(await alert("We close in ten minutes.")).toEqual([204, ""]);
    for (const chat of await Promise.all(pages)) {
      await chat.page.getByText("We close in ten minutes.").waitFor();
      expect([await chat.messages(), chat.streams(), chat.complaints]).toEqual([[], 1, []]);
    }
    await (await pages[0])?.page.screenshot({ path: path.join(root, ".cache/example-hono-alert.png") });
    expect((await fetch(`${url}/api/realtime?channel=cellar`)).status).toBe(403);
  });
});
