import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { launchBrowser } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { SELF_SIGNED } from "../support/self-signed.ts";

let browser: Browser;
let script: string;
let realtime: Realtime;
let site: TestServer;
let tab: Page;
/** What answers to the site's own `/api/…`. */
let endpoint: RequestListener;
/** What was asked of the endpoint, whichever server it was on. */
let asked: string[] = [];
/** What stood on the page's console. */
let printed: string[] = [];

const html = `<!doctype html><title>a page</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

/** A site as a host of single pages serves it: whatever it does not know is the page. */
const pages: RequestListener = (request, response) => {
  if (request.url === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
  else response.setHeader("content-type", "text/html").end(html);
};

const api: RequestListener = (request, response) => {
  asked.push(request.url ?? "");
  endpoint(request, response);
};

const all: RequestListener = (request, response) => (request.url?.startsWith("/api/") ? api : pages)(request, response);

beforeAll(async () => {
  const [launched, bundled] = await Promise.all([launchBrowser(), bundlePage("test/browser/fixtures/mistake-page.ts")]);
  browser = launched;
  script = await readFile(bundled, "utf8");
});
afterAll(() => browser?.close());

beforeEach(async () => {
  realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: "mistakes" });
  endpoint = handle({ realtime });
  asked = [];
  printed = [];
  site = await serve(all);
  tab = await browser.newPage({ ignoreHTTPSErrors: true });
  await tab.clock.install();
  tab.on("console", (line) => printed.push(line.text()));
});
afterEach(async () => {
  await tab.close();
  await realtime.close();
  await site[Symbol.asyncDispose]();
});

/** Opens the page, as its developer wrote it. */
const open = (options: Readonly<Record<string, string>> = {}, at: string = site.url): Promise<unknown> =>
  tab.goto(`${at}/?${String(new URLSearchParams(options))}`);
const statuses = (): Promise<string[]> =>
  tab.evaluate(() => (globalThis as unknown as { shown: { statuses: string[] } }).shown.statuses);

/** Resolves with the first line of ours that has `part` in it. */
const said = (part: string): Promise<string> =>
  vi.waitFor(() => {
    const line = printed.find((each) => each.startsWith("tidings: ") && each.includes(part));
    expect(printed, part).toContain(line);
    return line as string;
  });

/** The server's answer is taken for final: whatever time passes in the page, it is asked no more. */
async function expectFinal(): Promise<void> {
  await vi.waitFor(async () => expect((await statuses()).at(-1)).toBe("error"));
  await tab.clock.runFor(120_000);
  expect((await statuses()).at(-1)).toBe("error");
  expect(asked).toHaveLength(1);
}

/** The page does what it is for, without having been loaded anew. */
async function expectEvents(): Promise<void> {
  await vi.waitFor(async () => expect((await statuses()).at(-1)).toBe("connected"));
  await realtime.channel("room").emit("order.placed", 1);
  await vi.waitFor(async () =>
    expect(await tab.evaluate(() => (globalThis as unknown as { shown: { values: unknown[] } }).shown.values)).toEqual([1]),
  );
}

describe("a page of one origin and an API of another", () => {
  it.each<[string, Readonly<Record<string, string>>, IncomingHttpHeaders]>([
    ["nothing more", {}, {}],
    ["cookies", { withCredentials: "yes" }, { cookie: "session=ada" }],
    ["a token", { token: "Bearer ada" }, { authorization: "Bearer ada" }],
  ])("that is sent %s: the console says which line to add, and with that line it works", async (_what, options, sent) => {
    await using server = await serve(api);
    await tab.context().addCookies([{ name: "session", value: "ada", url: server.url }]);
    await open({ url: `${server.url}/api/realtime`, ...options });

    const line = /handle\(\{ realtime, cors: .* \}\)/.exec(await said("it has to allow this page"))?.[0];
    expect(line).toContain(site.url);
    expect(await statuses()).not.toContain("connected");
    let got: IncomingHttpHeaders = {};
    // As it stands there, and nothing else.
    // oxlint-disable-next-line no-implied-eval -- what is tried is what a developer copies
    const allowing = new Function("handle", "realtime", `return ${line}`)(handle, realtime) as RequestListener;
    endpoint = (request, response) => {
      got = request.headers;
      allowing(request, response);
    };
    await expectEvents();
    expect({ cookie: got.cookie, authorization: got.authorization }).toEqual({ ...sent });
  });

  it("that says when to come back: the page does so, and not before", async () => {
    await using server = await serve(api);
    const busy = (): Response => new Response("later", { status: 429, headers: { "retry-after": "60" } });
    endpoint = handle({ realtime, cors: { origin: site.url }, middleware: busy });
    await open({ url: `${server.url}/api/realtime` });
    await vi.waitFor(async () => expect((await statuses()).at(-1)).toBe("disconnected"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    endpoint = handle({ realtime, cors: { origin: site.url } });
    await tab.clock.runFor(55_000);
    expect(await statuses()).toEqual(["disconnected", "connecting", "disconnected"]);
    await tab.clock.runFor(10_000);
    await expectEvents();
    expect(asked).toHaveLength(2);
  });
});

it("a page from https that asks http: the console says so, and over https it works", async () => {
  const server = createServer(SELF_SIGNED, all);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const secure = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    // Never asked, so it need not exist.
    await open({ url: "http://api.example/api/realtime" }, secure);
    expect(await said("did not answer")).toMatch(
      /http:\/\/api\.example\/api\/realtime did not answer.* A page from https may not ask http: serve the endpoint over https/,
    );
    expect(printed.join("\n"), "why the browser did not ask").toContain("Mixed Content");
    expect(await statuses()).not.toContain("connected");

    await open({ url: `${secure}/api/realtime` }, secure);
    await expectEvents();
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe("a wrong address", () => {
  it("that is a page: the console says so; it is asked again, for the endpoint may come", async () => {
    endpoint = pages;
    await open();
    expect(await said("answered with text/html")).toMatch(
      /\/api\/realtime\?\S* answered with text\/html, not with text\/event-stream; it will be asked again\. It is a page: is `handle` at this address, and does `api\.url` name it\?/,
    );
    expect(await statuses()).not.toContain("error");
    endpoint = handle({ realtime });
    await expectEvents();
  });

  it("that is none: the console says so, and it is not asked again", async () => {
    endpoint = (_request, response) => response.writeHead(404).end("no such page");
    await open();
    expect(await said("status 404")).toMatch(
      /no such page Is `handle` at this address, exported as GET, and does `api\.url` name it\?/,
    );
    await expectFinal();
  });
});

it.each([
  ["an older client", 0, "The client is older than the server: reload the page, or update tidings in the client."],
  [
    "an older server",
    2,
    "The server is older than the client: deploy the server with the version of tidings that the client has.",
  ],
])("%s: the console says which of the two to update, and it is not asked again", async (_who, version, cure) => {
  // What the other version would have said.
  const stream = handle({ realtime });
  endpoint = (request, response) => {
    request.url = (request.url ?? "").replace("&v=1&", `&v=${version}&`);
    stream(request, response);
  };
  await open();
  const line = await said("refused the stream with status 400");
  expect(line).toContain(cure);
  expect(line).toContain("(unsupported_version)");
  await expectFinal();
});
