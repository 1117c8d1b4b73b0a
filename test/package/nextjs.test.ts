import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { EventSource } from "eventsource";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { runNode, type Ended } from "./installed.ts";
import { createProject, exampleFolder, startServer, type Project, type Server } from "./project.ts";
import { installLine, readmeFences, writeFences } from "./readme-fences.ts";

/** The sections of README.md whose files make up the Next.js project. */
const SECTIONS = ["Next.js", "React", "Gaps", "Middleware"];
const NEXT = "node_modules/next/dist/bin/next";
const SOON = { timeout: 20_000 };

/** Says how many hubs this process has, and which state of `lib/realtime.ts` is loaded. */
const PROBE = `import * as lib from "@/lib/realtime";
export const dynamic = "force-dynamic";
export function GET() {
  const registry = (globalThis as any)[Symbol.for("tidings")] ?? {};
  const hubs = Object.values(registry).reduce((sum: number, of: any) => sum + of.hubs.size, 0);
  return Response.json({ hubs, edit: (lib as { edit?: number }).edit ?? 0 });
}
`;

let project: Project;
let browser: Browser;
const fences = readmeFences().filter((fence) => SECTIONS.includes(fence.section));

beforeAll(async () => {
  project = createProject("nextjs-orders", installLine(fences, "Next.js"));
  cpSync(path.join(exampleFolder("nextjs-orders"), "tsconfig.json"), path.join(project.folder, "tsconfig.json"));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  project[Symbol.dispose]();
});

/** Adds what only the tests need: a page that emits while it renders, and the probe. */
function addTestRoutes(): void {
  cpSync(path.join(exampleFolder("nextjs-orders"), "app/visit"), path.join(project.folder, "app/visit"), { recursive: true });
  mkdirSync(path.join(project.folder, "app/probe"), { recursive: true });
  writeFileSync(path.join(project.folder, "app/probe/route.ts"), PROBE);
}

function startNext(command: "start" | "dev", port = 0): Promise<Server> {
  return startServer({
    cwd: project.folder,
    args: (port) => [NEXT, command, "--port", String(port), "--hostname", "127.0.0.1"],
    env: { STAFF_TOKEN: "tea-leaves" },
    port,
    endBy: command === "dev" ? "SIGTERM" : "SIGKILL",
  });
}

/** A plain EventSource on the route, which has joined the default channel. */
async function listen(server: Server): Promise<{ items(): string[] }> {
  const source = new EventSource(`${server.url}/api/realtime`);
  onTestFinished(() => source.close());
  const items: string[] = [];
  source.addEventListener("message", ({ data }) => {
    items.push((JSON.parse(data as string) as { data: { item: string } }).data.item);
  });
  await new Promise((resolve) => source.addEventListener("connected", resolve, { once: true }));
  return { items: () => [...items] };
}

interface OpenPage {
  readonly page: Page;
  /** What it complained of. */
  readonly complaints: readonly string[];
  /** The addresses that it asked for, of those that contain `part`. */
  requests(part: string): readonly string[];
}

async function openPage(url: string): Promise<OpenPage> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const isFavicon = message.location().url.endsWith("/favicon.ico");
    if (["error", "warning"].includes(message.type()) && !isFavicon) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, requests: (part) => requests.filter((address) => address.includes(part)) };
}

async function visit(server: Server): Promise<void> {
  const response = await fetch(`${server.url}/visit`);
  expect(response.status).toBe(200);
  await response.text();
}

const rows = (page: Page): Promise<string[]> => page.locator("li").allTextContents();

describe("the README's files, by next build and next start, without Redis", () => {
  let build: Ended;
  let server: Server;

  beforeAll(async () => {
    writeFences(project.folder, fences);
    addTestRoutes();
    build = await runNode(project.folder, [NEXT, "build"]);
    if (build.code === 0) server = await startNext("start");
  });
  afterAll(() => server?.stop());

  it("compile and type-check", () => {
    expect(build, build.output).toMatchObject({ code: 0 });
  });

  it("F-16: an event that a page emits is seen on the route's stream", async () => {
    const stream = await listen(server);
    await visit(server);
    await vi.waitFor(() => expect(stream.items()).toEqual(["visit"]), SOON);
  });

  it("U-9: a server layout renders the provider, and Chromium shows what a server action emits", async () => {
    const html = await (await fetch(server.url)).text();
    expect(html).toContain('<p role="status">disconnected</p>');

    const stream = await listen(server);
    const [first, second] = [await openPage(server.url), await openPage(server.url)];
    for (const { page } of [first, second]) await page.getByText("connected", { exact: true }).waitFor();
    await first.page.getByLabel("Item").fill("oolong");
    await first.page.getByRole("button", { name: "Order" }).click();
    for (const { page } of [first, second]) await page.getByText("1 × oolong").waitFor();
    expect(await rows(second.page)).toEqual(["1 × oolong"]);
    await vi.waitFor(() => expect(stream.items()).toEqual(["oolong"]), SOON);
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it("F-15, I12 Browser: what the browser loads has no validator and nothing of the server", () => {
    const built = (part: string): string => {
      const folder = path.join(project.folder, ".next", part);
      const scripts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
      return scripts.map((name) => readFileSync(path.join(folder, name), "utf8")).join("\n");
    };
    const [browserCode, serverCode] = [built("static"), built("server")];
    expect(browserCode).toContain("/api/realtime");
    for (const mark of ["ZodError", "_zod", "invalid_payload", 'Symbol.for("tidings")', "keyPrefix"])
      expect([mark, serverCode.includes(mark), browserCode.includes(mark)]).toEqual([mark, true, false]);
  });

  it("F-30: a rendered history goes on live, without a gap or a repeat", async () => {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    // Held back until something was emitted between the rendering and the stream.
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route("**/api/realtime?*", async (route) => {
      await held;
      await route.continue();
    });
    const requested = page.waitForRequest("**/api/realtime?*");
    await page.goto(`${server.url}/board`);
    const before = await rows(page);
    expect(before.length).toBeGreaterThan(0);
    await requested;
    await visit(server);
    release();
    await vi.waitFor(async () => expect(await rows(page)).toEqual([...before, "1 × visit"]), SOON);
    await visit(server);
    await vi.waitFor(async () => expect(await rows(page)).toEqual([...before, "1 × visit", "1 × visit"]), SOON);
  });

  it("F-36, F-38: the middleware answers 401 and 403, or admits", async () => {
    const ask = async (query: string, token?: string): Promise<[number, string | null]> => {
      const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
      const abort = new AbortController();
      const response = await fetch(`${server.url}/api/staff?${query}`, { ...(headers && { headers }), signal: abort.signal });
      const answer: [number, string | null] = [response.status, response.headers.get("content-type")];
      abort.abort();
      return answer;
    };
    expect(await ask("channel=staff:kitchen")).toEqual([401, expect.stringContaining("text/plain")]);
    expect(await ask("channel=staff:kitchen", "coffee")).toEqual([401, expect.stringContaining("text/plain")]);
    expect(await ask("channel=default", "tea-leaves")).toEqual([403, expect.stringContaining("text/plain")]);
    expect(await ask("channel=staff:kitchen", "tea-leaves")).toEqual([200, "text/event-stream"]);
  });

  it("a visitor without a name gets no channel of a user, whatever it is called", async () => {
    for (const channel of ["user:undefined", "user:", "user:ada", "default"]) {
      const response = await fetch(`${server.url}/api/me?channel=${channel}`);
      expect([channel, response.status, await response.json()]).toEqual([
        channel,
        403,
        expect.objectContaining({ code: "forbidden" }),
      ]);
    }
  });

  it("B-27: a stream is not compressed, so nothing holds it back", async () => {
    const abort = new AbortController();
    const response = await fetch(`${server.url}/api/realtime`, {
      headers: { "accept-encoding": "gzip" },
      signal: abort.signal,
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    expect(response.headers.get("content-encoding")).toBeNull();
    abort.abort();
  });

  it("B-26: after a restart that lost the log there is one gap, and the page renders itself anew", async () => {
    const { page, requests } = await openPage(`${server.url}/board`);
    expect((await rows(page)).length).toBeGreaterThan(1);
    await vi.waitFor(() => expect(requests("/api/realtime")).toHaveLength(1), SOON);
    const { port } = server;
    await server.stop();
    server = await startNext("start", port);
    await visit(server);
    await vi.waitFor(async () => expect(await rows(page)).toEqual(["1 × visit"]), { timeout: 60_000, interval: 100 });
    expect(requests("_rsc=")).toHaveLength(1);
    await visit(server);
    await vi.waitFor(async () => expect(await rows(page)).toEqual(["1 × visit", "1 × visit"]), SOON);
    expect(requests("_rsc=")).toHaveLength(1);
  });
});

describe("the example, by next dev, without Redis", () => {
  let server: Server;

  beforeAll(async () => {
    for (const folder of ["app", "lib"]) {
      rmSync(path.join(project.folder, folder), { recursive: true, force: true });
      cpSync(path.join(exampleFolder("nextjs-orders"), folder), path.join(project.folder, folder), { recursive: true });
    }
    addTestRoutes();
    server = await startNext("dev");
  });
  afterAll(() => server?.stop());

  it("F-16: five edits of lib/realtime.ts leave one hub, and an open stream goes on", async () => {
    const file = path.join(project.folder, "lib/realtime.ts");
    const original = readFileSync(file, "utf8");
    const stream = await listen(server);
    await visit(server);
    const probe = async (): Promise<unknown> => await (await fetch(`${server.url}/probe`)).json();
    expect(await probe()).toEqual({ hubs: 1, edit: 0 });
    for (let edit = 1; edit <= 5; edit++) {
      writeFileSync(file, `${original}\nexport const edit = ${edit};\n`);
      await vi.waitFor(async () => expect(await probe()).toEqual({ hubs: 1, edit }), { ...SOON, interval: 100 });
      await visit(server);
      await vi.waitFor(() => expect(stream.items()).toHaveLength(edit + 1), SOON);
    }
  });

  it("F-16, B-4: Chromium shows what a page and a server action emit, in StrictMode too", async () => {
    const { page, complaints, requests } = await openPage(server.url);
    await page.getByText("connected", { exact: true }).waitFor();
    await visit(server);
    await page.getByText("1 × visit").waitFor();
    expect(requests("/api/realtime")).toHaveLength(1);
    await page.getByRole("button", { name: "Order" }).click();
    await page.getByText("1 × tea").waitFor();
    expect(await rows(page)).toEqual(["1 × visit", "1 × tea"]);
    expect(complaints).toEqual([]);
  });
});
