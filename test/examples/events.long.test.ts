import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root } from "../package/installed.ts";
import type { Server } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import { startRedis } from "../support/redis-server.ts";
import { prepareExample, type ExampleApp } from "./example-app.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

interface Visitor {
  readonly page: Page;
  /** What the page complained of. */
  readonly complaints: readonly string[];
  /** How many streams it has asked for. */
  streams(): number;
}

/** Opens the page in a browser of its own. */
async function visit(url: string, colorScheme: "light" | "dark"): Promise<Visitor> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 760, height: 560 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  let streams = 0;
  page.on("request", (request) => {
    if (request.url().includes("/api/events/stream?")) streams++;
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, streams: () => streams };
}

/** For whoever changes how it looks. */
const shoot = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: path.join(root, `.cache/example-${name}.png`) });

async function run(name: string): Promise<{ app: ExampleApp; server: Server }> {
  const app = prepareExample(name);
  await app.run("build");
  return { app, server: await app.start("start") };
}

describe("examples/booking", () => {
  let running: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    running = await run("booking");
  });
  afterAll(() => running?.app[Symbol.asyncDispose]());

  it("S-14, S-18, S-25: the host confirms, and both see it live, for this booking alone", async () => {
    const { url } = running.server;
    const [guest, host] = [await visit(url, "light"), await visit(url, "dark")];
    await guest.page.getByRole("button", { name: "I am the guest" }).click();
    await host.page.getByRole("button", { name: "I am the host" }).click();
    const loft = (page: Page) => page.getByRole("article", { name: "Loft above the harbour" });
    const cabin = (page: Page) => page.getByRole("article", { name: "Cabin by the lake" });
    for (const { page } of [guest, host]) {
      for (const booking of [loft(page), cabin(page)]) {
        await booking.getByText("Live", { exact: true }).waitFor();
        await booking.locator(".dot.green").waitFor();
        await booking.getByText("Status: pending").waitFor();
      }
    }
    await loft(host.page).getByRole("button", { name: "Confirm" }).click();
    for (const { page } of [guest, host]) {
      await loft(page).getByText("Status: confirmed").waitFor();
      expect(await cabin(page).getByText("Status: pending").count()).toBe(1);
    }
    await cabin(host.page).getByRole("button", { name: "Decline" }).click();
    for (const { page } of [guest, host]) await cabin(page).getByText("Status: declined").waitFor();
    await shoot(guest.page, "booking-guest");
    await shoot(host.page, "booking-host");
    await host.page.setViewportSize({ width: 390, height: 844 });
    await shoot(host.page, "booking-phone");
    // In one column, and no line of a price or a button is broken.
    const [top, bottom] = [loft(host.page).locator(".place"), loft(host.page).locator(".actions")];
    expect((await bottom.boundingBox())?.x).toBe((await top.boundingBox())?.x);
    expect(await host.page.locator(".price").evaluateAll((all) => all.map((each) => each.getClientRects().length))).toEqual([
      1, 1,
    ]);
    // Two hooks, one connection.
    expect([guest.streams(), host.streams()]).toEqual([1, 1]);
    expect([...guest.complaints, ...host.complaints]).toEqual([]);

    const forged = await guest.page.evaluate(async () => (await fetch("/api/events/stream?userId=host")).status);
    expect(forged).toBe(403);
    const [session] = await guest.page.context().cookies();
    for (const value of ["guest", session?.value.replace("guest", "host") ?? ""]) {
      const answer = await fetch(`${url}/api/session`, { headers: { cookie: `session=${value}` } });
      expect(await answer.json()).toEqual({ user: null });
    }
  });

  it("S-9: on Redis, by one variable, the guest of one server sees what the host of another decides", async () => {
    await using redis = await startRedis();
    const start = (): Promise<Server> => running.app.start("start", { env: { REDIS_URL: redis.url } });
    const [one, two] = [await start(), await start()];
    const [guest, host] = [await visit(one.url, "light"), await visit(two.url, "light")];
    await guest.page.getByRole("button", { name: "I am the guest" }).click();
    await host.page.getByRole("button", { name: "I am the host" }).click();
    const loft = (page: Page) => page.getByRole("article", { name: "Loft above the harbour" });
    for (const { page } of [guest, host]) await loft(page).getByText("Live", { exact: true }).waitFor();
    await loft(host.page).getByRole("button", { name: "Confirm" }).click();
    await loft(guest.page).getByText("Status: confirmed").waitFor();
    expect([...guest.complaints, ...host.complaints]).toEqual([]);
    for (const server of [one, two]) await server.stop();
  });

  it("S-11: a server that ends turns the dot red, and the next one green again, for the same session", async () => {
    const { app, server } = running;
    const guest = await visit(server.url, "light");
    await guest.page.getByRole("button", { name: "I am the guest" }).click();
    const live = (text: string) => guest.page.getByText(text, { exact: true }).first().waitFor();
    await live("Live");
    await server.stop();
    await live("Connecting...");
    await guest.page.locator(".dot.red").first().waitFor();
    running = { app, server: await app.start("start", { port: server.port }) };
    await live("Live");
    await guest.page.reload();
    await guest.page.getByText("signed in as guest").waitFor();
  });
});

describe("examples/agent-status", () => {
  let running: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    running = await run("agent-status");
  });
  afterAll(() => running?.app[Symbol.asyncDispose]());

  it("S-22, S-25: an agent's dot is gray, pulses green while it runs, and is red when it has failed, on every page", async () => {
    const [one, two] = [await visit(running.server.url, "light"), await visit(running.server.url, "dark")];
    const agent = (page: Page, name: string) => page.getByRole("article", { name });
    for (const { page } of [one, two]) {
      for (const name of ["Researcher", "Writer", "Publisher"]) {
        await agent(page, name).locator("[data-live=true]").waitFor();
        await agent(page, name).locator(".dot.gray").waitFor();
      }
    }
    await agent(one.page, "Writer").getByRole("button").click();
    await agent(one.page, "Publisher").getByRole("button").click();
    for (const { page } of [one, two]) {
      await agent(page, "Writer").locator(".dot.green.pulse").waitFor();
      await agent(page, "Writer").getByText("running").waitFor();
      expect(await agent(page, "Researcher").locator(".dot.gray").count()).toBe(1);
    }
    await shoot(one.page, "agent-status-running");
    for (const { page } of [one, two]) {
      await agent(page, "Publisher").locator(".dot.red").waitFor();
      await agent(page, "Writer").getByText("Done").waitFor();
      await agent(page, "Writer").locator(".dot.gray").waitFor();
    }
    await shoot(two.page, "agent-status-dark");
    expect([one.streams(), two.streams()]).toEqual([1, 1]);
    expect([...one.complaints, ...two.complaints]).toEqual([]);
  });

  it("S-9, S-22: on Redis, by one variable, a page of one server sees the agent run on another", async () => {
    await using redis = await startRedis();
    const start = (): Promise<Server> => running.app.start("start", { env: { REDIS_URL: redis.url } });
    const [one, two] = [await start(), await start()];
    const pages = [await visit(one.url, "light"), await visit(two.url, "light")];
    const writer = (page: Page) => page.getByRole("article", { name: "Writer" });
    for (const { page } of pages) await writer(page).locator("[data-live=true]").waitFor();
    await writer((pages[1] as Visitor).page)
      .getByRole("button")
      .click();
    for (const { page } of pages) await writer(page).getByText("Done").waitFor();
    expect(pages.flatMap(({ complaints }) => complaints)).toEqual([]);
    for (const server of [one, two]) await server.stop();
  });

  it("S-11: after the server has started again the page is live by itself, and its button works", async () => {
    const { app, server } = running;
    const { page } = await visit(server.url, "light");
    const agent = page.getByRole("article", { name: "Writer" });
    await agent.locator("[data-live=true]").waitFor();
    await server.stop();
    await agent.locator("[data-live=false]").waitFor();
    running = { app, server: await app.start("start", { port: server.port }) };
    await agent.locator("[data-live=true]").waitFor();
    await agent.getByRole("button").click();
    await agent.locator(".dot.green.pulse").waitFor();
  });
});
