import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startQStash } from "../../examples/workflow/stand-in/qstash.ts";
import type { Server } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis } from "../support/redis-server.ts";
import { prepareExample, type ExampleApp } from "./example-app.ts";

const STEPS = [
  'fetch-report: {"city":"Lisbon","degrees":21}',
  'write-summary: {"text":"21 °C in Lisbon"}',
  "ask",
  'approval: {"eventData":{"approved":true},"timeout":false}',
  "resolve",
  'publish: {"published":true}',
];

let app: ExampleApp;
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
  app = prepareExample("workflow");
  await app.run("build");
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

/** Starts the server. It ends with the test. */
async function start(env: Readonly<Record<string, string>>): Promise<Server> {
  const args = (port: number) => ["--port", String(port), "--hostname", "127.0.0.1"];
  const server = await app.start("start", { args, env: { QSTASH_TOKEN: "", ...env } });
  onTestFinished(() => server.stop());
  return server;
}

/** A visitor of their own, and the streams that their page has asked for. */
async function visit(url: string): Promise<{ page: Page; streams: string[] }> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const streams: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/realtime")) streams.push(request.url());
  });
  await page.goto(url);
  return { page, streams };
}

const stepsOn = (page: Page): Promise<string[]> => page.locator("li[data-done=true]").allInnerTexts();
const finished = (page: Page) => page.getByText("✅ Workflow Finished!");

describe("examples/workflow", () => {
  it("U-10, U-11: shows each step while it runs, asks, and says when it has finished; who opens it late sees all (U-13)", async () => {
    const { url } = await start({});
    const { page, streams } = await visit(url);
    await page.getByText("Nothing runs yet.").waitFor();
    expect(streams).toEqual([]);
    await page.getByRole("button", { name: "Trigger workflow" }).click();
    await page.getByRole("button", { name: "Approve" }).waitFor();
    expect(await stepsOn(page)).toEqual(expect.arrayContaining(STEPS.slice(0, 2)));
    expect(await finished(page).count()).toBe(0);

    const late = await visit(page.url());
    await late.page.getByRole("button", { name: "Approve" }).click();
    for (const each of [page, late.page]) await finished(each).waitFor();
    const latest = await visit(page.url());
    await finished(latest.page).waitFor();
    for (const each of [page, late.page, latest.page]) expect(await stepsOn(each)).toEqual(STEPS);
    expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
  });

  it("shows the old run until a new one is triggered, and nothing of it then", async () => {
    const { url } = await start({});
    const { page } = await visit(url);
    const trigger = page.getByRole("button", { name: "Trigger workflow" });
    await trigger.click();
    await page.locator("li").first().waitFor();

    await page.route("**/api/trigger", (route) => route.fulfill({ status: 503 }));
    const failed = page.waitForEvent("pageerror");
    await trigger.click();
    expect(String(await failed)).toContain("not triggered: 503");
    await page.unroute("**/api/trigger");

    // The old run goes on while the new one is on its way.
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    await page.route("**/api/trigger", async (route) => {
      await held;
      await route.continue();
    });
    await trigger.click();
    const approve = page.getByRole("button", { name: "Approve" });
    await approve.waitFor();
    expect(await stepsOn(page)).toEqual(expect.arrayContaining(STEPS.slice(0, 2)));
    const old = page.url();
    goOn();
    await expect.poll(() => page.url(), { timeout: 30_000 }).not.toBe(old);
    await approve.waitFor();
    await approve.click();
    await finished(page).waitFor();
    expect(await stepsOn(page)).toEqual(STEPS);
  });

  it("U-14: on Redis, with a QStash that makes every request twice and loses the first answers, shows the same", async () => {
    await using redis = await startRedis();
    await using qstash = await startQStash({
      retryDelayMs: 10,
      async deliver({ retried }, send) {
        const [status] = await Promise.all([send(), send()]);
        return retried === 0 ? 502 : status;
      },
    });
    const server = await start({ QSTASH_URL: qstash.url, QSTASH_TOKEN: qstash.token, REDIS_URL: redis.url });
    const { page } = await visit(server.url);
    await page.getByRole("button", { name: "Trigger workflow" }).click();
    await page.getByRole("button", { name: "Approve" }).click();
    await finished(page).waitFor();
    expect(await stepsOn(page)).toEqual(STEPS);
    expect(server.output()).not.toMatch(/stand-in/);
    const run = new URL(page.url()).searchParams.get("run") ?? "";
    expect(await rawCommand(redis.port, "EXISTS", `tidings:${run}`)).toBe(1);
  });
});
