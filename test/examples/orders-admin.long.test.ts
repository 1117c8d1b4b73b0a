import path from "node:path";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { root } from "../package/installed.ts";
import type { Server } from "../package/project.ts";
import { launchBrowser } from "../support/browser.ts";
import { connectRaw } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { prepareExample, type ExampleApp } from "./example-app.ts";

const SOON = { timeout: 20_000, interval: 50 };

let browser: Browser;
let redis: RedisServer;
let app: ExampleApp | undefined;

/** An instance of the example, by `next start`. */
const start = (env: Readonly<Record<string, string>>): Promise<Server> =>
  (app as ExampleApp).start("start", {
    args: (port) => ["--port", String(port), "--hostname", "127.0.0.1"],
    env,
  });

beforeAll(async () => {
  [browser, redis] = await Promise.all([launchBrowser(), startRedis()]);
  app = prepareExample("orders-admin");
  await app.run("build", { DB_FILE: "build.db" });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await browser?.close();
  await redis?.stop();
});

interface OrdersPage {
  readonly page: Page;
  readonly complaints: readonly string[];
  /** The requests for streams, and for rows; of these, the ones that were answered. */
  readonly streams: readonly string[];
  readonly fetches: readonly string[];
  readonly answers: readonly string[];
  /** The numbers of the orders that it shows. */
  orders(): Promise<number[]>;
  status(order: number): Promise<string>;
  choose(order: number, status: string): Promise<unknown>;
}

/** Opens the page in a browser of its own, and waits until it is live. */
async function openOrders({ url }: Server, colorScheme: "light" | "dark" = "light"): Promise<OrdersPage> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1100, height: 720 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const [complaints, streams, fetches, answers]: [string[], string[], string[], string[]] = [[], [], [], []];
  const isForRows = (request: Request): boolean => request.url().includes("/api/orders") && request.method() === "GET";
  page.on("request", (request) => {
    if (request.url().includes("/api/flowpanel/stream")) streams.push(request.url());
    if (isForRows(request)) fetches.push(request.url());
  });
  page.on("requestfinished", (request) => {
    if (isForRows(request)) answers.push(request.url());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  const select = (order: number) => page.getByLabel(`Status of order ${order}`, { exact: true });
  await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
  return {
    ...{ page, complaints, streams, fetches, answers },
    orders: () =>
      page.locator("tr[data-order]").evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset["order"]))),
    status: (order) => select(order).inputValue(),
    choose: (order, status) => select(order).selectOption(status),
  };
}

describe("examples/orders-admin, two instances on one Redis", () => {
  let one: Server;
  let two: Server;
  beforeAll(async () => {
    const env = { REDIS_URL: redis.url, DB_FILE: "two-instances.db" };
    one = await start({ ...env, INSTANCE: "one" });
    two = await start({ ...env, INSTANCE: "two" });
  });

  it("P-1, P-4, P-7: what is changed in a browser on one instance is seen in a browser on the other", async () => {
    const [here, there] = [await openOrders(one), await openOrders(two, "dark")];
    expect([here.streams.length, there.streams.length, here.fetches, there.fetches]).toEqual([1, 1, [], []]);
    expect(await there.status(24)).toBe("new");
    await here.choose(24, "packed");
    await vi.waitFor(async () => expect(await there.status(24)).toBe("packed"), SOON);
    await there.choose(23, "shipped");
    await vi.waitFor(async () => expect(await here.status(23)).toBe("shipped"), SOON);

    for (const [label, text] of Object.entries({ Customer: "Katherine G.", Item: "Sencha, 100 g", "Total in euros": "12.50" }))
      await there.page.getByLabel(label, { exact: true }).fill(text);
    await there.page.getByRole("button", { name: "Add order" }).click();
    for (const { orders } of [here, there])
      await vi.waitFor(async () => expect(await orders()).toEqual([25, 24, 23, 22, 21, 20, 19, 18]), SOON);
    expect([...here.complaints, ...there.complaints]).toEqual([]);
    // For whoever changes how it looks.
    await here.page.screenshot({ path: path.join(root, ".cache/example-orders-admin-light.png") });
    await there.page.screenshot({ path: path.join(root, ".cache/example-orders-admin-dark.png") });
  });

  it("fits on a phone: each order's status, the pages and the form", async () => {
    const { page } = await openOrders(one);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: path.join(root, ".cache/example-orders-admin-phone.png"), fullPage: true });
    const reaches = await page
      .locator("select, td, nav button, nav span, form input")
      .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().right));
    expect(reaches.length).toBeGreaterThan(8);
    for (const right of reaches) expect(right).toBeLessThanOrEqual(390);
  });

  it("P-6: only the order's number and what happened to it cross Redis", async () => {
    const here = await openOrders(one);
    using monitor = await connectRaw(redis.port);
    await monitor.command("MONITOR");
    await here.choose(22, "packed");
    await vi.waitFor(
      () => expect(monitor.pushed.map(String).join("\n")).toContain(String.raw`{\"action\":\"update\",\"id\":\"22\"}`),
      SOON,
    );
    expect(monitor.pushed.map(String).join("\n")).not.toMatch(/Edsger|Matcha|packed/);
  });

  it("pages, and shows on each page what is new there", async () => {
    const [here, there] = [await openOrders(one), await openOrders(two)];
    await here.page.getByRole("button", { name: "Next" }).click();
    await vi.waitFor(async () => expect(await here.orders()).toEqual([17, 16, 15, 14, 13, 12, 11, 10]), SOON);
    await there.page.getByRole("button", { name: "Next" }).click();
    await there.choose(15, "new");
    await vi.waitFor(async () => expect(await here.status(15)).toBe("new"), SOON);
    expect([here.streams.length, here.complaints]).toEqual([1, []]);
  });

  it("shows a change at once, and takes it back when the server refuses it", async () => {
    const here = await openOrders(one);
    for (let page = 1; page < 4; page++) await here.page.getByRole("button", { name: "Next" }).click();
    await vi.waitFor(async () => expect(await here.orders()).toContain(1), SOON);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await here.page.route("**/*", async (route) => {
      if (route.request().method() === "POST") await held;
      await route.continue();
    });
    await here.choose(1, "new");
    expect(await here.status(1)).toBe("new");
    release();
    await here.page.getByText("Order 1 could not be changed.").waitFor();
    await vi.waitFor(async () => expect(await here.status(1)).toBe("delivered"), SOON);
  });

  it("P-15: after a loss it shows what changed meanwhile", async () => {
    const [here, there] = [await openOrders(one), await openOrders(two)];
    await here.page.context().setOffline(true);
    await there.choose(21, "packed");
    await vi.waitFor(async () => expect(await there.status(21)).toBe("packed"), SOON);
    await here.page.context().setOffline(false);
    await vi.waitFor(async () => expect(await here.status(21)).toBe("packed"), SOON);
  });
});

describe("examples/orders-admin, one instance in memory", () => {
  it("a write that is the first of all finds its table, and whatever is asked for is a page", async () => {
    const { url } = await start({ DB_FILE: `first-write-${crypto.randomUUID()}.db` });
    const orders = `${url}/api/orders`;
    const order = { customer: "Katherine G.", item: "Sencha, 100 g", total: 1_250 };
    expect((await fetch(orders, { method: "POST", body: JSON.stringify(order) })).status).toBe(201);
    const sizes = ["", "?page=0&pageSize=0", "?pageSize=-1", "?page=x&pageSize=2.5", "?pageSize=1e9", "?page=1e300"].map(
      async (query) => {
        const { rows, total } = (await (await fetch(orders + query)).json()) as { rows: unknown[]; total: number };
        return [rows.length, total];
      },
    );
    expect(await Promise.all(sizes)).toEqual([8, 8, 8, 2, 20, 0].map((rows) => [rows, 25]));
  });

  it("P-2, P-5, P-8: works with no Redis, by the same route; an instance beside it does not hear of it", async () => {
    // Anew with each try.
    const env = { DB_FILE: `in-memory-${crypto.randomUUID()}.db` };
    const [one, two] = [await start(env), await start(env)];
    const [here, beside, elsewhere] = [await openOrders(one), await openOrders(one), await openOrders(two)];
    await here.choose(24, "packed");
    await vi.waitFor(async () => expect(await beside.status(24)).toBe("packed"), SOON);
    // It has read the rows again, too, and has no reason to do so once more.
    await vi.waitFor(() => expect(here.answers.length).toBeGreaterThan(0), SOON);
    await vi.waitFor(() => expect(here.answers.length).toBe(here.fetches.length), SOON);
    const read = here.fetches.length;
    expect(elsewhere.fetches).toEqual([]);
    // Its own changes are heard there, as a proof that it listens.
    await elsewhere.choose(23, "packed");
    await vi.waitFor(() => expect(elsewhere.fetches.length).toBeGreaterThan(0), SOON);
    await vi.waitFor(async () => expect(await elsewhere.status(24)).toBe("packed"), SOON);
    expect([await here.status(23), here.fetches.length]).toEqual(["new", read]);
  });
});
