import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { root } from "../package/installed.ts";
import { startServer, type Server } from "../package/project.ts";
import { bunPath } from "../support/bun.ts";
import { launchBrowser } from "../support/browser.ts";
import { freshProject, type FreshProject, type Origin } from "./fresh-project.ts";

interface Fresh {
  readonly name: string;
  readonly origin: Origin;
  /** Where the page is. */
  readonly page: string;
  /** Does by hand what `init` said; builds; starts what was built. */
  run(project: FreshProject, printed: string): Promise<Pick<Server, "url" | "stop">>;
}

/** The lines for the file of a server: those that load, and those that take over. */
function mountLines(printed: string): { readonly load: string; readonly mount: string } {
  const steps = [...printed.matchAll(/^\d+\. In .+:\n {5}(.+Routes\b.+)\n {5}(.+Routes\b.*)$/gm)];
  const lines = (at: number): string => steps.map((step) => step[at]).join("\n");
  return { load: lines(1), mount: lines(2) };
}

const FRESH: readonly Fresh[] = [
  {
    name: "next",
    // Its version is that of Next.js. With `--empty` for the fonts of its page, which would be fetched.
    origin: {
      create: [
        ...["create-next-app@16.3.0", "fresh", "--ts", "--app", "--no-src-dir", "--import-alias", "@/*", "--yes"],
        ...["--no-eslint", "--tailwind", "--empty", "--skip-install", "--disable-git"],
      ],
    },
    page: "/realtime-demo",
    async run(project) {
      await project.run("next", "build");
      return startServer({
        cwd: project.folder,
        args: (port) => project.program("next", "start", "--port", String(port), "--hostname", "127.0.0.1"),
      });
    },
  },
  {
    name: "tanstack-start",
    origin: { create: ["@tanstack/create-start@0.59.43", "fresh", "--no-install", "--no-git", "--package-manager", "npm"] },
    page: "/realtime-demo",
    async run(project) {
      await project.run("vite", "build");
      await project.run("tsc", "--noEmit");
      return startServer({ cwd: project.folder, args: () => [".output/server/index.mjs"], env: { HOST: "127.0.0.1" } });
    },
  },
  {
    name: "sveltekit",
    origin: {
      create: ["sv@0.17.1", "create", "fresh", "--template", "minimal", "--types", "ts", "--no-add-ons", "--no-install"],
    },
    page: "/realtime-demo",
    async run(project) {
      await project.run("svelte-kit", "sync");
      await project.run("svelte-check", "--tsconfig", "./tsconfig.json");
      await project.run("vite", "build");
      return startServer({
        cwd: project.folder,
        args: (port) => project.program("vite", "preview", "--port", String(port), "--host", "127.0.0.1"),
      });
    },
  },
  {
    name: "nuxt",
    origin: { fixture: "nuxt" },
    page: "/",
    async run(project, printed) {
      expect(printed).toContain("<RealtimeDemo />");
      project.edit("app/app.vue", (text) => text.replace("<NuxtRouteAnnouncer />", "<RealtimeDemo />"));
      await project.run("nuxt", "build");
      return startServer({ cwd: project.folder, args: () => [".output/server/index.mjs"], env: { HOST: "127.0.0.1" } });
    },
  },
  {
    name: "hono",
    origin: { fixture: "hono" },
    page: "/realtime-demo",
    async run(project, printed) {
      const { load, mount } = mountLines(printed);
      project.edit("src/index.ts", (text) => `${load}\n${text.replace("serve(", `${mount}\n\nserve(`)}`);
      await project.run("tsc");
      return startServer({ cwd: project.folder, args: () => ["dist/index.js"] });
    },
  },
  {
    name: "express",
    origin: { fixture: "express" },
    page: "/realtime-demo",
    async run(project, printed) {
      const { load, mount } = mountLines(printed);
      project.edit("src/server.ts", (text) => `${load}\n${text.replace("app.listen(", `${mount}\n\napp.listen(`)}`);
      await project.run("tsc");
      return startServer({ cwd: project.folder, args: () => ["dist/server.js"] });
    },
  },
  {
    // CommonJS, and no TypeScript.
    name: "fastify",
    origin: { create: ["fastify-cli@7.4.1", "generate", "fresh"] },
    page: "/realtime-demo",
    async run(project, printed) {
      const { load, mount } = mountLines(printed);
      project.edit("app.js", (text) =>
        text
          .replace("'use strict'", `'use strict'\n${load}`)
          .replace("// Place here", `${mount.replaceAll("app.", "fastify.")}\n// `),
      );
      return startServer({
        cwd: project.folder,
        args: (port) => project.program("fastify", "start", "--port", String(port), "--address", "127.0.0.1", "app.js"),
      });
    },
  },
  {
    name: "bun",
    origin: { fixture: "bun" },
    page: "/realtime-demo",
    async run(project, printed) {
      const { load } = mountLines(printed);
      project.edit(
        "index.ts",
        (text) => `${load}\n\n${text.replace("routes: {", "routes: { ...realtimeRoutes, ...adminRoutes,")}`,
      );
      await project.run("tsc");
      return startServer({ cwd: project.folder, program: bunPath(), args: () => ["index.ts"] });
    },
  },
];

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** `TIDINGS_FRESH=hono,next` runs only these. */
const chosen = process.env.TIDINGS_FRESH?.split(",") ?? FRESH.map(({ name }) => name);

describe.each(FRESH.filter(({ name }) => chosen.includes(name)).map((fresh) => [fresh.name, fresh] as const))(
  "npx tidings init in a fresh project of %s",
  (name, { origin, page, run }) => {
    it("writes what builds, runs, and shows an event in another window; a second time it changes nothing", async () => {
      const project = freshProject(name, origin);
      const events = await project.init();
      const lists = await project.init("--resources");
      const printed = `${events}\n${lists}`;
      const files = [...printed.matchAll(/^ {2}written +(.+)$/gm)].map(([, file = ""]) => file);
      expect(files.length).toBeGreaterThan(2);
      project.install(printed);
      const again = `${await project.init()}\n${await project.init("--resources")}`;
      expect([...again.matchAll(/^ {2}unchanged +(.+)$/gm)].map(([, file = ""]) => file)).toEqual(files);
      // What it said to install is there now.
      expect(again).not.toMatch(/^ {5}npm i /m);

      const server = await run(project, printed);
      onTestFinished(() => server.stop());
      await hearsOfResources(server.url);
      const [one, two] = [await open(server.url + page), await open(server.url + page)];
      for (const { window } of [one, two]) await saysConnected(window);
      await one.window.getByLabel("Message").fill("a first event");
      await one.window.getByRole("button", { name: "Send" }).click();
      for (const { window } of [one, two]) await window.locator("li", { hasText: "a first event" }).waitFor();
      // Blanks pass the page, and not the schema: that is no failure of the server.
      const refused = one.window.waitForResponse((response) => response.request().method() === "POST");
      await one.window.getByLabel("Message").fill("   ");
      await one.window.getByRole("button", { name: "Send" }).click();
      expect((await refused).status()).toBeLessThan(500);
      if (files.some((file) => file.includes("realtime-routes"))) await refusesNoJson(server.url + page);
      else await one.window.locator("p[role=alert]").waitFor();
      expect([...one.complaints, ...two.complaints]).toEqual([]);
      // Also where a style sheet resets everything, as Tailwind's does.
      expect(await two.window.evaluate(looks)).toEqual({ borders: [true, true], isHeading: true, autocomplete: "off" });
      await two.window.screenshot({ path: path.join(root, `.cache/init-${name}.png`) });
      for (const { window } of [one, two]) await window.close();
    });
  },
);

/** P-5, P-11: the route of live lists is at its address, and streams. */
async function hearsOfResources(url: string): Promise<void> {
  const leaving = new AbortController();
  const response = await fetch(`${url}/api/flowpanel/stream?channel=resource.orders`, { signal: leaving.signal });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/event-stream")]);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("data: {}\n\n")) break;
  }
  expect(text).toMatch(/^(:.*\n+)*event: ready\ndata: {}\n\n/m);
  leaving.abort();
}

/** A body that is no JSON is no failure of the server either. */
async function refusesNoJson(url: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  expect((await fetch(url, { method: "POST", headers, body: "{" })).status).toBe(400);
}

async function open(url: string): Promise<{ readonly window: Page; readonly complaints: readonly string[] }> {
  const window = await browser.newPage();
  onTestFinished(() => window.close());
  // What a template fetches from elsewhere is no business of the test's.
  await window.route(/^https:\/\/fonts\./, (route) => route.fulfill({ contentType: "text/css", body: "" }));
  const complaints: string[] = [];
  window.on("pageerror", (error) => complaints.push(String(error)));
  await window.goto(url);
  return { window, complaints };
}

/** Runs in the page. */
function looks(): object {
  const [input, button, heading, text] = ["input", "form button", "h1", "p"].map((each) => document.querySelector(each));
  const style = (each: Element | null | undefined): CSSStyleDeclaration => getComputedStyle(each ?? document.body);
  const borders = [input, button].map((each) => Number.parseFloat(style(each).borderTopWidth) > 0);
  const isHeading = Number.parseFloat(style(heading).fontSize) > Number.parseFloat(style(text).fontSize);
  return { borders, isHeading, autocomplete: input?.getAttribute("autocomplete") };
}

const saysConnected = (window: Page): Promise<void> =>
  vi.waitFor(async () => expect(await window.getByRole("status").textContent()).toBe("connected"), { timeout: 45_000 });
