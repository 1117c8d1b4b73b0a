import { spawn } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { expectToDrain } from "../examples/drains.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis } from "../support/redis-server.ts";
import { lend, root, runNode } from "./installed.ts";
import { createProject, exampleFolder, installPackages, startServer, type Project, type Server } from "./project.ts";
import { installLine, readmeFences, writeFences } from "./readme-fences.ts";

/** Which project the files of a section belong to. nextjs.test.ts runs those of Next.js. */
const PROJECTS: Readonly<Record<string, string>> = {
  "Next.js": "nextjs-orders",
  React: "nextjs-orders",
  Gaps: "nextjs-orders",
  Middleware: "nextjs-orders",
  Hono: "hono-orders",
  "Plain Node": "node-orders",
  "Any other client": "hono-orders",
  "On the server": "hono-orders",
};
/** A section whose files take the place of one that was shown before. */
const VARIANT = "Redis";
/** What examples have beside the files that the README shows. */
const SCAFFOLDING =
  /(^|\/)(package(-lock)?\.json|tsconfig\.json|\.gitignore|node_modules|next-env\.d\.ts|\.next|dist)(\/|$)|^app\/visit\//;

const SOON = { timeout: 20_000 };
const fences = readmeFences();
const fencesOf = (section: string) => fences.filter((fence) => fence.section === section);

describe("README.md", () => {
  it("names the file of each fence, and the examples are made of the same files", () => {
    const shown: string[] = [];
    for (const { section, language, file, code } of fences) {
      if (language === "sh" || section === VARIANT) continue;
      expect(PROJECTS, `a fence stands under "${section}"`).toHaveProperty([section]);
      expect(file, `a fence under "${section}" begins with a comment that names its file`).toBeDefined();
      const project = PROJECTS[section] ?? "";
      expect(code, file).toBe(readFileSync(path.join(exampleFolder(project), file ?? ""), "utf8"));
      shown.push(`${project}/${file}`);
    }
    const there = [...new Set(Object.values(PROJECTS))].flatMap((project) =>
      readdirSync(exampleFolder(project), { recursive: true, withFileTypes: true })
        .filter((item) => item.isFile())
        .map((item) => path.relative(exampleFolder(project), path.join(item.parentPath, item.name)))
        .filter((file) => !SCAFFOLDING.test(file))
        .map((file) => `${project}/${file}`),
    );
    expect(shown.toSorted()).toEqual(there.toSorted());
  });

  it("installs what the examples depend on", () => {
    for (const [section, project] of [
      ["Next.js", "nextjs-orders"],
      ["Hono", "hono-orders"],
      ["Plain Node", "node-orders"],
    ] as const) {
      const manifest = JSON.parse(readFileSync(path.join(exampleFolder(project), "package.json"), "utf8")) as {
        dependencies: Record<string, string>;
      };
      expect(installLine(fences, section).toSorted()).toEqual(["tidings", ...Object.keys(manifest.dependencies)].toSorted());
    }
  });

  it("has the two commands, and promises no more than can be kept", () => {
    const text = readFileSync(path.join(root, "README.md"), "utf8");
    expect(text).toContain("npm ci && npm run demo\nnpm ci && npm test\n");
    expect(text).not.toMatch(/exactly.once|guarantee/i);
  });
});

/** A plain EventSource that has joined the default channel, and what it received. */
async function listen(server: Server): Promise<{ data(): unknown[] }> {
  const source = new EventSource(`${server.url}/api/realtime`);
  onTestFinished(() => source.close());
  const received: unknown[] = [];
  source.addEventListener("message", ({ data }) => {
    received.push((JSON.parse(data as string) as { data: unknown }).data);
  });
  await new Promise((resolve) => source.addEventListener("connected", resolve, { once: true }));
  return { data: () => [...received] };
}

describe("its Hono project", () => {
  let project: Project;
  beforeAll(() => {
    project = createProject("hono-orders", installLine(fences, "Hono"));
    cpSync(path.join(exampleFolder("hono-orders"), "tsconfig.json"), path.join(project.folder, "tsconfig.json"));
    for (const section of ["Hono", "Any other client", "On the server"]) writeFences(project.folder, fencesOf(section));
  });
  afterAll(() => project[Symbol.dispose]());

  const compile = () => runNode(project.folder, ["node_modules/typescript/bin/tsc"]);

  async function start(
    env: Readonly<Record<string, string>> = {},
    { before = [] }: { readonly before?: readonly string[] } = {},
  ): Promise<Server> {
    const server = await startServer({ cwd: project.folder, args: () => [...before, "dist/server.js"], env });
    onTestFinished(() => server.stop());
    return server;
  }

  /** The request of the README's `curl`, to another address. */
  async function order(server: Server): Promise<void> {
    const [, body] = /-d '(.+)' http:\/\/localhost:3000\/orders$/m.exec(fencesOf("Hono").at(-1)?.code ?? "") ?? [];
    const headers = { "content-type": "application/json" };
    expect((await fetch(`${server.url}/orders`, { method: "POST", headers, body: body ?? "" })).status).toBe(204);
  }

  it("F-12: compiles, and streams an event that another file emits", async () => {
    expect(await compile()).toEqual({ code: 0, output: "" });
    const server = await start();
    const stream = await listen(server);
    await order(server);
    await vi.waitFor(() => expect(stream.data()).toEqual([{ item: "tea", quantity: 2 }]), SOON);
  });

  it("answers 400, with what the schema found, to an order that it refuses", async () => {
    const server = await start();
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ item: "tea", quantity: 0 });
    const response = await fetch(`${server.url}/orders`, { method: "POST", headers, body });
    expect([response.status, await response.json()]).toMatchObject([400, { issues: [{ path: ["quantity"] }] }]);
    for (const noOrder of ["{", "null", ""])
      expect((await fetch(`${server.url}/orders`, { method: "POST", headers, body: noOrder })).status).toBe(400);
  });

  it("F-73: a file of the server listens as well", async () => {
    const server = await start({}, { before: ["--import", "./dist/kitchen.js"] });
    await order(server);
    await vi.waitFor(() => expect(server.output()).toContain("kitchen: 2 × tea\n"), SOON);
  });

  it("F-74: the client without a framework shows what was stored, then what comes", async () => {
    const server = await start();
    await order(server);
    const listener = spawn(process.execPath, ["dist/listen.js"], {
      cwd: project.folder,
      env: { ...process.env, PORT: String(server.port) },
    });
    onTestFinished(() => void listener.kill("SIGKILL"));
    let output = "";
    for (const stream of [listener.stdout, listener.stderr]) stream.on("data", (text: Buffer) => (output += String(text)));
    const line = "order.placed { item: 'tea', quantity: 2 }\n";
    await vi.waitFor(() => expect(output).toBe(`replayed ${line}`), SOON);
    await order(server);
    await vi.waitFor(() => expect(output).toBe(`replayed ${line}live ${line}`), SOON);
  });

  it("answers each URL that the README gives to curl", async () => {
    const server = await start();
    const urls = fences.flatMap(({ language, code }) =>
      language === "sh" ? [...code.matchAll(/^curl -N "?http:\/\/localhost:3000([^"\s]+)"?$/gm)].map(([, path]) => path) : [],
    );
    expect(urls.length).toBeGreaterThan(3);
    for (const path of urls) {
      const abort = new AbortController();
      const response = await fetch(`${server.url}${path}`, { signal: abort.signal });
      expect([path, response.status]).toEqual([path, 200]);
      abort.abort();
    }
  });

  it("with the file of the section on Redis, two processes share the channel", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    installPackages(project.folder, "hono-orders", installLine(fences, VARIANT));
    writeFences(project.folder, fencesOf(VARIANT));
    expect(await compile()).toEqual({ code: 0, output: "" });
    const [one, other] = [await start({ REDIS_URL: redis.url }), await start({ REDIS_URL: redis.url })];
    const stream = await listen(one);
    await order(other);
    await vi.waitFor(() => expect(stream.data()).toEqual([{ item: "tea", quantity: 2 }]), SOON);

    // The script must end by itself.
    const script = await runNode(project.folder, ["dist/nightly.js"], { REDIS_URL: redis.url });
    expect(script).toEqual({ code: 0, output: "" });
    await vi.waitFor(() => expect(stream.data()).toContainEqual({ item: "oolong", quantity: 3 }), SOON);

    // At SIGTERM it sends its readers to another server, who miss nothing, and ends by itself: with the line that the section names.
    const file = path.join(project.folder, "server.ts");
    const code = readFileSync(file, "utf8");
    expect(code).toContain('{ realtime } from "./realtime.js"');
    expect(code).toContain("  server.close();\n");
    writeFileSync(
      file,
      code
        .replace('{ realtime } from "./realtime.js"', '{ realtime, redis } from "./realtime.js"')
        .replace("  server.close();\n", "  server.close();\n  await redis.quit();\n"),
    );
    expect(await compile()).toEqual({ code: 0, output: "" });
    await expectToDrain({
      start: (redisUrl) => start({ REDIS_URL: redisUrl }),
      channel: "default",
      event: "order.placed",
      payload: (n) => ({ item: "tea", quantity: n }),
    });
  });
});

describe("its plain Node project", () => {
  let project: Project;
  beforeAll(() => {
    project = createProject("node-orders", installLine(fences, "Plain Node"));
    writeFences(project.folder, fencesOf("Plain Node"));
  });
  afterAll(() => project[Symbol.dispose]());

  it("type-checks", async () => {
    for (const name of ["@types/node", "undici-types"]) lend(project.folder, name);
    const options = [
      "--allowJs",
      "--checkJs",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "es2022",
    ];
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    expect(await runNode(project.folder, [tsc, ...options, "--types", "node", "server.mjs"])).toEqual({ code: 0, output: "" });
  });

  it("at SIGTERM it tells its readers to leave, brings them what is emitted until then, and ends by itself", async () => {
    const server = await startServer({ cwd: project.folder, args: () => ["server.mjs"] });
    onTestFinished(() => server.stop());
    const stream = await openRaw(`${server.url}/api/realtime?v=1&channel=default`);
    await stream.until("event: connected");
    const ended = server.end();
    await stream.until("event: reconnect");
    expect((await fetch(`${server.url}/orders`, { method: "POST" })).status).toBe(204);
    await stream.until('"event":"order.placed"');
    stream.destroy();
    expect(await ended, server.output()).toBe(0);
  });

  it("shows in Chromium, by a plain EventSource, an event that another file emits", async () => {
    const server = await startServer({ cwd: project.folder, args: () => ["server.mjs"] });
    onTestFinished(() => server.stop());
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const joined = page.waitForResponse("**/api/realtime?*");
    await page.goto(server.url);
    await joined;
    await page.getByRole("button", { name: "Order" }).click();
    await page.getByText("1 × tea").waitFor();
    expect(await page.locator("li").allTextContents()).toEqual(["1 × tea"]);
    await page.reload();
    await page.getByText("1 × tea").waitFor();

    // The log ends with the process: a gap, and the page shows what there is now.
    const { port } = server;
    await server.stop();
    const next = await startServer({ cwd: project.folder, args: () => ["server.mjs"], port });
    onTestFinished(() => next.stop());
    await page.getByText("1 × tea").waitFor({ state: "detached" });
  });
});
