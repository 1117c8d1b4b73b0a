import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from "vitest";
import { Ledger, type Balance, type Standing } from "../../demo/page/ledger.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Waits for what a cut, a restart and a phone's own patience may take. */
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 40_000, interval: 100 });

interface Demo {
  readonly atEnd: AtEnd;
  readonly child: ChildProcess;
  /** Everything it printed. */
  output(): string;
  /** Its address; rejects when it ends without one. */
  readonly url: Promise<string>;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** Runs when the test is over. */
type AtEnd = TestContext["onTestFinished"];

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
});

/** What `npm run demo` runs, in a process group of its own; on any free port unless told otherwise. */
function startDemo(atEnd: AtEnd, env: Readonly<Record<string, string>> = { PORT: "0" }): Demo {
  const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as { scripts: { demo: string } };
  const { PORT: _port, HOST: _host, REDIS_URL: _redis, ...inherited } = process.env;
  const [, script = ""] = /^node (\S+)$/.exec(scripts.demo) ?? [];
  const child = spawn(process.execPath, [script], {
    cwd: root,
    env: { ...inherited, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const url = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, address] = /^demo: (http\S+)$/m.exec(output) ?? [];
      if (address) resolve(address);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    void ended.then(() => reject(new Error(`the demo ended: ${output}`)));
  });
  // Who wants the address is told; a demo that is meant to end is no unhandled rejection.
  url.catch(() => {});
  atEnd(async () => {
    child.kill("SIGINT");
    await ended;
  });
  return { atEnd, child, output: () => output, url, ended };
}

interface Opened {
  readonly page: Page;
  /** Errors of the page, without the requests that were cut off or refused on purpose. */
  readonly errors: string[];
}

/** Opens the page, and waits until each phone has shown an order. */
async function open(demo: Demo, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  demo.atEnd(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    const isExpected = /^Failed to load resource: (net::ERR_|the server responded with a status of 422)/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isExpected) errors.push(message.text());
  });
  await page.goto(await demo.url);
  for (const phone of [1, 2, 3]) await page.waitForSelector(`#phone-${phone}[data-lamp="live"] .row`);
  return { page, errors };
}

const ledgerOf = (page: Page, phone: number): Promise<Omit<Balance, "waiting">> =>
  page.$$eval(
    `#phone-${phone} .ledger div`,
    (cells) =>
      Object.fromEntries(cells.map((cell) => [cell.className, Number(cell.querySelector("dd")?.textContent)])) as never,
  );
/** The numbers of the orders in a phone's list, oldest first. */
const numbersOf = (page: Page, phone: number, kind = ".row"): Promise<number[]> =>
  page.$$eval(`#phone-${phone} ${kind}`, (rows) => rows.map((row) => Number((row as HTMLElement).dataset["n"])).toReversed());
const textOf = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();
const lampOf = (page: Page, phone: number): Promise<string | null> => page.getAttribute(`#phone-${phone}`, "data-lamp");
const countOf = (page: Page, selector: string): Promise<number> => page.locator(selector).count();

/** From the first to the last, without a hole. */
const isRun = (numbers: readonly number[]): boolean => numbers.every((n, index) => n === (numbers[0] ?? 0) + index);

interface State {
  readonly placed: number;
  readonly paused: boolean;
  readonly redis: boolean;
  readonly servers: ReadonlyArray<{ readonly port: number }>;
  readonly phones: ReadonlyArray<{ readonly cut: boolean }>;
}

async function stateOf(demo: Demo): Promise<State> {
  return (await (await fetch(`${await demo.url}/demo/state`)).json()) as State;
}

/** Stops the orders and waits until the phones say that all is accounted for. */
async function settle(page: Page, demo: Demo, phones: readonly number[]): Promise<void> {
  if (await page.isChecked("#auto")) await page.click("#auto");
  await eventually(async () => expect((await stateOf(demo)).paused).toBe(true));
  const { placed } = await stateOf(demo);
  for (const phone of phones) {
    await eventually(async () => expect((await numbersOf(page, phone)).at(-1)).toBe(placed));
    await eventually(async () =>
      expect((await ledgerOf(page, phone)).sent).toBe(placed - ((await numbersOf(page, phone))[0] ?? 0) + 1),
    );
  }
}

async function expectNothingMissing(page: Page, phones: readonly number[]): Promise<void> {
  for (const phone of phones) {
    const numbers = await numbersOf(page, phone);
    expect(isRun(numbers), `phone ${phone} shows ${numbers.join()}`).toBe(true);
    expect(await ledgerOf(page, phone)).toEqual({ sent: numbers.length, shown: numbers.length, lost: 0, doubled: 0 });
  }
}

/** The text of a gap's line when the list was fetched. */
const GAP = (reason: string, filled = "(none missing|[1-9]\\d* filled in)"): RegExp =>
  new RegExp(`^gap \\(${reason}\\)\\s+list fetched, ${filled}$`);

/** The name of the focused control, as assistive technology hears it. */
async function focusedName(page: Page): Promise<string> {
  const snapshot = await page.locator(":focus").ariaSnapshot();
  return /"(.*)"/.exec(snapshot)?.[1] ?? snapshot;
}

const fitsTheWidth = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
const fitsTheHeight = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollHeight <= document.documentElement.clientHeight);

describe("the ledger", () => {
  const standing = (placed: number, due = 0, fetching = false): Standing => ({ placed, due, fetching, unknown: new Set() });

  it("counts what a later order has passed as lost, and what may still come as waiting", () => {
    const ledger = new Ledger();
    expect(ledger.balance(standing(3))).toBeUndefined();
    for (const n of [4, 5, 8]) expect(ledger.event(n)).toBe(true);
    expect(ledger.balance(standing(10))).toEqual({ sent: 7, shown: 3, lost: 2, doubled: 0, waiting: 2 });
    expect(ledger.balance(standing(10, 9))).toEqual({ sent: 7, shown: 3, lost: 3, doubled: 0, waiting: 1 });
    expect(ledger.balance(standing(10, 9, true))).toMatchObject({ lost: 0, waiting: 4 });
  });

  it("counts an event that comes again as doubled, and an order that was fetched as shown", () => {
    const ledger = new Ledger();
    for (const n of [1, 3]) ledger.event(n);
    expect(ledger.event(3)).toBe(false);
    ledger.show(2);
    expect(ledger.balance(standing(3))).toEqual({ sent: 3, shown: 3, lost: 0, doubled: 1, waiting: 0 });
    // The list was quicker than the event.
    ledger.show(4);
    expect(ledger.event(4)).toBe(false);
    expect(ledger.balance(standing(4))).toEqual({ sent: 4, shown: 4, lost: 0, doubled: 1, waiting: 0 });
  });

  it("does not ask for an order of which nobody knows whether it was placed", () => {
    const ledger = new Ledger();
    ledger.event(1);
    expect(ledger.skippedBefore(4, new Set([2]))).toEqual([3]);
    ledger.event(4);
    expect(ledger.balance({ ...standing(4), unknown: new Set([2]) })).toMatchObject({ sent: 3, lost: 1 });
  });
});

// Each has a demo and a browser context of its own, and mostly waits.
describe.concurrent("the demo on memory", () => {
  it("a cut phone gets what it missed, in order; the plain one lost it", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo);
    const before = await numbersOf(page, 1);

    for (const phone of [1, 2, 3]) await page.click(`#phone-${phone} .cut`);
    for (const phone of [1, 2, 3]) await eventually(async () => expect(await lampOf(page, phone)).toBe("away"));
    await eventually(async () => expect(await textOf(page, "#phone-1 .state-text")).toMatch(/^cut off, \d s · [2-9] wait$/));
    await eventually(async () => expect(await textOf(page, "#phone-3 .state-text")).toMatch(/^cut off, \d s · [2-9] missed$/));
    expect(await textOf(page, "#phone-1 .note")).toBe("What it misses waits in the log.");
    expect(await textOf(page, "#phone-3 .note")).toBe("What it misses is kept nowhere.");
    expect(await page.getAttribute("#phone-1 .cut", "aria-disabled")).toBe("true");
    for (const phone of [1, 2, 3]) await eventually(async () => expect(await lampOf(page, phone)).toBe("live"));

    await eventually(async () => expect(await textOf(page, "#phone-3 .note")).toMatch(/^Back\. \d+ orders lost for good/));
    await eventually(async () =>
      expect(await textOf(page, "#phone-1 .note")).toMatch(/^Back\. \d+ missed orders replayed, in order\./),
    );
    await eventually(async () => {
      const count = await countOf(page, "#phone-1 .row.replayed");
      expect(await textOf(page, "#phone-1 .note")).toBe(`Back. ${count} missed orders replayed, in order.`);
    });
    const replayed = await numbersOf(page, 1, ".row.replayed");
    expect(replayed.length).toBeGreaterThan(2);
    expect(isRun(replayed)).toBe(true);
    expect(replayed[0]).toBeGreaterThan(before.at(-1) ?? 0);
    expect(await countOf(page, "#phone-1 .gap, #phone-2 .gap")).toBe(0);
    expect(await countOf(page, "#phone-3 .hole")).toBe(1);

    await settle(page, demo, [1, 2, 3]);
    await expectNothingMissing(page, [1, 2]);
    const plain = await ledgerOf(page, 3);
    expect(plain.lost).toBeGreaterThan(2);
    expect(plain).toEqual({
      sent: plain.shown + plain.lost,
      shown: (await numbersOf(page, 3)).length,
      lost: plain.lost,
      doubled: 0,
    });
    expect(errors).toEqual([]);
  });

  it("a restart is one honest gap and a reason; the list is fetched, and the buttons work on", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo);
    expect(await textOf(page, "#mode")).toMatch(/^Node alone, log in memory: server A :\d+$/);
    // A loss of before must not pass for one of the restart, nor hide it.
    await page.click("#phone-3 .cut");
    await eventually(async () => expect(await textOf(page, "#phone-3 .note")).toMatch(/^Back\. \d+ orders lost for good/));
    const lostBefore = (await ledgerOf(page, 3)).lost;

    await page.click("#restart");
    await eventually(async () => expect(await textOf(page, "#phone-1 .state-text")).toMatch(/^server A is down/));
    expect(await textOf(page, "#phone-1 .note")).toBe("The log died with the server.");
    for (const phone of [1, 2]) {
      await eventually(async () => expect(await textOf(page, `#phone-${phone} .gap`)).toMatch(GAP("reset")));
      expect(await countOf(page, `#phone-${phone} .gap`)).toBe(1);
      expect(await textOf(page, `#phone-${phone} .note`)).toMatch(/^One gap: the log died with the server; list fetched, /);
    }
    expect(await textOf(page, "#restart-why")).toBe(
      "The log died with it. Phones 1 and 2 are told, and fetch the list; phone 3 is not. With REDIS_URL the log would live on.",
    );
    // Nobody tells the plain phone; what it says of itself is what its ledger says.
    await eventually(async () => {
      const lost = (await ledgerOf(page, 3)).lost - lostBefore;
      const said = lost > 0 ? `${lost} order${lost === 1 ? "" : "s"} lost for good, and nobody told it.` : "By luck there was";
      expect(await textOf(page, "#phone-3 .note")).toContain(`Back. ${said}`);
    });
    await settle(page, demo, [1, 2]);
    await expectNothingMissing(page, [1, 2]);

    await page.click("#auto");
    await expectKeepOnly3(page, demo);
    expect(errors).toEqual([]);
  });

  it("every button does what it says, and the ledgers agree", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo);
    await expectEveryButton(page, demo);
    expect(errors).toEqual([]);
  });

  it("a cut destroys the stream; an attempt meanwhile, or while the server is down, is answered afterwards", async ({
    onTestFinished,
  }) => {
    const demo = startDemo(onTestFinished);
    const url = await demo.url;
    const press = (path: string): Promise<Response> =>
      fetch(`${url}/demo/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ phone: "1" }),
      });
    const attempt = (): Promise<Response> => fetch(`${url}/phones/1/api/realtime`);
    const first = await attempt();
    expect((await press("cut")).status).toBe(202);
    await expect(first.text()).rejects.toThrow("terminated");
    const second = await attempt();
    expect(second.status).toBe(200);
    expect((await stateOf(demo)).phones[0]?.cut).toBe(false);

    await press("restart");
    await expect(second.text()).rejects.toThrow("terminated");
    const third = await attempt();
    expect(third.status).toBe(200);
    await third.body?.cancel();
  });

  it("a phone that was cut off in quick succession comes back with each end, or says that it backs off", async ({
    onTestFinished,
  }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo);
    const attempts: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/phones/1/")) attempts.push(request.url());
    });
    for (const cuts of [1, 2]) {
      await page.click("#phone-1 .cut");
      await eventually(async () => expect(await lampOf(page, 1)).toBe("away"));
      await eventually(async () => expect(await lampOf(page, 1)).toBe("live"));
      // The attempt that had no answer got through: it did not fail, and so nothing is waited for after it.
      expect(attempts).toHaveLength(cuts);
      await eventually(async () => expect(await page.getAttribute("#phone-1 .cut", "aria-disabled")).toBe("false"));
    }

    // Where each attempt fails at once, with the longest pauses that chance has.
    await page.evaluate(() => (Math.random = () => 0.999));
    await page.route("**/phones/1/**", (route) => route.abort());
    await page.click("#phone-1 .cut");
    await eventually(async () => expect(await textOf(page, "#phone-1 .state-text")).toMatch(/^backing off, \d+ s · \d+ wait$/));
    await eventually(async () =>
      expect(await textOf(page, "#phone-1 .note")).toMatch(/^Each try that fails makes it wait longer/),
    );
    await page.unroute("**/phones/1/**");
    await eventually(async () => expect(await textOf(page, "#phone-1 .note")).toMatch(/^Back\. \d+ missed orders replayed/));
    await settle(page, demo, [1, 2]);
    await expectNothingMissing(page, [1, 2]);
    expect(errors).toEqual([]);
  });

  it("nothing is covered or clipped, with the raw stream open, a gap and a hole; the form works on", async ({
    onTestFinished,
  }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo, { viewport: { width: 1440, height: 900 } });
    await page.click("#phone-3 .cut");
    await page.click("#keep-few");
    await eventually(async () => expect(await textOf(page, "#phone-1 .gap")).toMatch(GAP("trimmed")));
    await eventually(async () => expect(await countOf(page, "#phone-3 .hole")).toBe(1));
    await page.click("#raw-open");

    for (const [width, height] of [
      [1440, 900],
      [1280, 720],
      [1024, 768],
      [768, 1024],
      [390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      const size = `at ${width} x ${height}`;
      expect(await fitsTheWidth(page), size).toBe(true);
      // With one column, the page scrolls.
      expect(width <= 960 || (await fitsTheHeight(page)), size).toBe(true);
      const raw = await boxOf(page, "#raw");
      for (const other of ["#server", "#phones", "body > footer"])
        expect(overlap(raw, await boxOf(page, other)), `${other} ${size}`).toBe(false);
      expect(raw.height, size).toBeGreaterThan(150);
      // The lists may scroll down, and nothing else may scroll.
      expect(
        await clipped(page, ".gap, .hole, .note, .kind, .state, .ledger, .ledger div, .phone > header, .deeds p"),
        size,
      ).toEqual([]);
      for (const list of await page.$$eval(".rows", (lists) => lists.map((each) => each.scrollWidth - each.clientWidth)))
        expect(list, size).toBe(0);
    }

    await page.setViewportSize({ width: 1440, height: 900 });
    await page.fill("[name=quantity]", "19");
    await page.click("#order-form button");
    await eventually(async () => expect(await textOf(page, "#order-answer")).toMatch(/^Order #\d+ is in the log\.$/));
    await eventually(async () => expect(await textOf(page, "#raw-text")).toContain('"quantity":19}'));
    expect(await page.isVisible("#shop-code")).toBe(true);
    expect(errors).toEqual([]);
  });

  it("the form is typed by the schema, and shows the server's error as it came", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo);
    expect(await page.$$eval("[name=item] option", (options) => options.map((option) => option.textContent))).toEqual([
      "tea",
      "mocha",
      "cake",
    ]);
    await page.click("#auto");
    await eventually(async () => expect(await page.isChecked("#auto")).toBe(false));

    await page.fill("[name=quantity]", "0");
    await page.click("#order-form button");
    await eventually(async () => expect(await textOf(page, "#order-answer")).toMatch(/^invalid_payload\s+quantity: .*>=1/));
    expect(await page.getAttribute("[name=quantity]", "aria-invalid")).toBe("true");

    await page.selectOption("[name=item]", "cake");
    await page.fill("[name=quantity]", "7");
    await page.click("#order-form button");
    for (const phone of [1, 2, 3])
      await eventually(async () => expect(await textOf(page, `#phone-${phone} .row:first-child .what`)).toBe("7 × cake"));
    expect(await countOf(page, "[aria-invalid]")).toBe(0);
    await settle(page, demo, [1, 2, 3]);
    await expectNothingMissing(page, [1, 2, 3]);
    expect(errors).toEqual([]);
  });

  it("the code it shows is the code that runs, and the raw stream is what curl prints", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo, { permissions: ["clipboard-read", "clipboard-write"] });
    const linesOf = async (id: string): Promise<string[]> => ((await page.textContent(id)) ?? "").trimEnd().split("\n");
    const shop = await linesOf("#shop-code");
    expect(shop).toHaveLength(10);
    expect(readFileSync(`${root}/demo/shop/shop.mjs`, "utf8")).toContain(shop.join("\n"));

    await page.click("text=Its 15 lines");
    const server = await linesOf("#plain-server");
    const client = await linesOf("#plain-client");
    expect(server.length + client.length).toBe(15);
    expect(readFileSync(`${root}/demo/shop/plain.mjs`, "utf8")).toContain(server.join("\n"));
    expect(readFileSync(`${root}/demo/page/plain-phone.ts`, "utf8")).toContain(client.join("\n  "));
    await page.click("#plain button");
    await eventually(async () => expect(await page.isVisible("#plain")).toBe(false));

    await page.click("#raw-open");
    await eventually(async () =>
      expect(await textOf(page, "#raw-text")).toMatch(/event: connected\ndata: \{"channel":"default"[^]*\ndata: \{"id":"/),
    );
    expect(await textOf(page, "#raw-curl")).toBe(`curl -N "${await demo.url}/api/realtime"`);
    await page.click("#raw-copy");
    const curl = await textOf(page, "#raw-curl");
    await eventually(async () => expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(curl));
    await page.click("#raw-close");
    expect(await page.isVisible("#raw")).toBe(false);
    expect(await textOf(page, "#size")).toMatch(/^\d+\.\d kB$/);
    expect(errors).toEqual([]);
  });

  it("it works by keyboard, at 390 px and without motion; two tabs do not fight for connections", async ({
    onTestFinished,
  }) => {
    const demo = startDemo(onTestFinished);
    const { page, errors } = await open(demo, { viewport: { width: 390, height: 844 }, reducedMotion: "reduce" });
    expect(await fitsTheWidth(page)).toBe(true);
    expect(await page.$eval(".row", (row) => getComputedStyle(row).animationName)).toBe("none");

    const reached: string[] = [];
    await page.locator("h1").click();
    for (let presses = 0; presses < 40 && !reached.includes("Cut 5 s, phone 1"); presses += 1) {
      await page.keyboard.press("Tab");
      reached.push(await focusedName(page));
    }
    expect(reached).toContain("Place order");
    expect(reached).toContain("Restart the server");
    await page.keyboard.press("Enter");
    await eventually(async () => expect(await lampOf(page, 1)).toBe("away"));
    expect(await focusedName(page)).toBe("Cut 5 s, phone 1");
    await eventually(async () => expect(await textOf(page, "#phone-1 .note")).toMatch(/replayed, in order/));

    await page.focus("#raw-open");
    await page.keyboard.press("Enter");
    await eventually(async () => expect(await page.isVisible("#raw")).toBe(true));
    expect(await fitsTheWidth(page)).toBe(true);
    await page.keyboard.press("Escape");
    await eventually(async () => expect(await page.isVisible("#raw")).toBe(false));
    expect(await focusedName(page)).toBe("Raw stream");

    // The same key closes it from anywhere, and leaves the focus there.
    await page.keyboard.press("Enter");
    await page.focus("[name=quantity]");
    await page.keyboard.press("Escape");
    await eventually(async () => expect(await page.isVisible("#raw")).toBe(false));
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("quantity");

    const second = await page.context().newPage();
    await second.goto(await demo.url);
    await eventually(async () => expect(await page.isVisible("#elsewhere")).toBe(true));
    await second.waitForSelector('#phone-1[data-lamp="live"] .row');
    expect(errors).toEqual([]);
  });
});

/** Where an element is, in pixels of the page. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

async function boxOf(page: Page, selector: string): Promise<Box> {
  const box = await page.locator(selector).boundingBox();
  if (!box) throw new Error(`${selector} is not to be seen`);
  return box;
}

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Elements with an edge that cuts their own text off. */
const clipped = (page: Page, selector: string): Promise<string[]> =>
  page.$$eval(selector, (elements) =>
    elements
      .filter(
        ({ scrollWidth, clientWidth, scrollHeight, clientHeight }) => scrollWidth > clientWidth || scrollHeight > clientHeight,
      )
      .map((element) => element.textContent ?? ""),
  );

/** The names of all that can be pressed now, as assistive technology hears them. */
async function buttonsOf(page: Page): Promise<string[]> {
  const snapshot = await page.locator("body").ariaSnapshot();
  return [...snapshot.matchAll(/- (?:button|switch) "([^"]*)"/g)].map(([, name = ""]) => name);
}

/** Presses every button that there is, waits for what it does, and reads the ledgers. */
async function expectEveryButton(page: Page, demo: Demo): Promise<void> {
  const seen = new Set<string>();
  const pressed = new Set<string>();
  const press = async (name: string, within = "body"): Promise<void> => {
    // "Copied" is what "Copy" says of itself for a moment.
    for (const each of await buttonsOf(page)) seen.add(each.replace("Copied", "Copy"));
    await page.locator(within).getByRole("button", { name, exact: true }).click();
    pressed.add(name);
  };
  const { redis } = await stateOf(demo);

  await press("Raw stream");
  await press("Copy");
  await eventually(async () => expect(await textOf(page, "#raw-text")).toContain('"event":"order.placed"'));
  await press("Close", "#raw");
  await press("Its 15 lines, phone 3");
  await press("Close", "#plain");

  for (const phone of [1, 2, 3]) await press(`Cut 5 s, phone ${phone}`);
  for (const phone of [1, 2]) {
    await eventually(async () =>
      expect(await textOf(page, `#phone-${phone} .note`)).toMatch(/^Back\. \d+ missed orders replayed, in order\.$/),
    );
  }
  await eventually(async () => expect(await textOf(page, "#phone-3 .note")).toMatch(/^Back\. \d+ orders lost for good/));
  await settle(page, demo, [1, 2, 3]);
  await expectNothingMissing(page, [1, 2]);
  expect((await ledgerOf(page, 3)).lost).toBeGreaterThan(2);

  const before = await ledgerOf(page, 1);
  const lostBefore = (await ledgerOf(page, 3)).lost;
  await press("Place order");
  await eventually(async () => expect((await ledgerOf(page, 1)).shown).toBe(before.shown + 1));
  await settle(page, demo, [1, 2, 3]);
  await expectNothingMissing(page, [1, 2]);

  await page.getByRole("switch", { name: "An order places itself every second", exact: true }).click();
  pressed.add("An order places itself every second");
  await press("Restart the server");
  for (const phone of [1, 2]) await eventually(async () => expect(await lampOf(page, phone)).toBe("away"));
  for (const phone of [1, 2]) {
    const told = redis ? /^Back\. \d+ missed orders? replayed, in order\.$/ : /^One gap: the log died with the server; /;
    await eventually(async () => expect(await textOf(page, `#phone-${phone} .note`)).toMatch(told));
  }
  await eventually(async () => expect(await page.getAttribute("#restart", "aria-disabled")).toBe("false"));
  await settle(page, demo, [1, 2]);
  await expectNothingMissing(page, [1, 2]);
  expect(await countOf(page, ".gap")).toBe(redis ? 0 : 2);
  // With two servers, orders are placed while the first of them is down; with one, it may be that none is.
  const surelyLost = redis ? 1 : 0;
  await eventually(async () => expect((await ledgerOf(page, 3)).lost).toBeGreaterThanOrEqual(lostBefore + surelyLost));

  await page.click("#auto");
  await expectKeepOnly3(page, demo, () => press("Keep only 3, then cut"));

  const second = await page.context().newPage();
  await second.goto(await demo.url);
  await eventually(async () => expect(await page.isVisible("#elsewhere")).toBe(true));
  await press("Run it here");
  await eventually(async () => expect(await second.isVisible("#elsewhere")).toBe(true));
  for (const phone of [1, 2, 3]) await eventually(async () => expect(await lampOf(page, phone)).toBe("live"));

  expect([...pressed].sort()).toEqual([...seen].sort());
}

/** Presses "Keep only 3, then cut". */
async function expectKeepOnly3(page: Page, demo: Demo, press = () => page.click("#keep-few")): Promise<void> {
  const replayedBefore = await countOf(page, "#phone-1 .row.replayed");
  const gapsBefore = [await countOf(page, "#phone-1 .gap"), await countOf(page, "#phone-2 .gap")] as const;
  await press();
  await eventually(async () => expect(await lampOf(page, 1)).toBe("away"));
  await eventually(async () =>
    expect(await textOf(page, "#phone-1 .gap >> nth=0")).toMatch(GAP("trimmed", "[1-9]\\d* filled in")),
  );
  await eventually(async () => expect(await page.getAttribute("#keep-few", "aria-disabled")).toBe("false"));
  await settle(page, demo, [1, 2]);
  expect(await countOf(page, "#phone-1 .gap")).toBe(gapsBefore[0] + 1);
  expect(await countOf(page, "#phone-2 .gap")).toBe(gapsBefore[1]);
  expect(await countOf(page, "#phone-1 .row.fetched")).toBeGreaterThan(0);
  expect(await countOf(page, "#phone-1 .row.replayed")).toBe(replayedBefore + 3);
  await expectNothingMissing(page, [1, 2]);
}

describe.concurrent("the demo on Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis?.stop();
  });

  it("every button does what it says, and the ledgers agree", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished, { PORT: "0", REDIS_URL: redis.url });
    const { page, errors } = await open(demo);
    const [, a, b] = /^Redis, two processes: server A :(\d+), server B :(\d+)$/.exec(await textOf(page, "#mode")) ?? [];
    expect(await textOf(page, "#phone-1 .kind")).toBe(`tidings\nserver A :${a}`);
    expect(await textOf(page, "#phone-2 .kind")).toBe(`tidings\nserver B :${b}`);
    await expectEveryButton(page, demo);
    expect(errors).toEqual([]);
  });

  it("Redis unreachable is one sentence and exit 1, and never memory instead", async ({ onTestFinished }) => {
    const port = await freePort();
    const frozen = await startRedis();
    onTestFinished(() => frozen.stop());
    frozen.freeze();
    for (const [address, cause] of [
      [`127.0.0.1:${port}`, "ECONNREFUSED"],
      [`127.0.0.1:${frozen.port}`, "no answer"],
    ] as const) {
      const demo = startDemo(onTestFinished, { PORT: "0", REDIS_URL: `redis://user:secret@${address}` });
      expect(await demo.ended).toBe(1);
      expect(demo.output()).toBe(
        `demo: the Redis of REDIS_URL cannot be reached at ${address} (${cause}): start it, or leave REDIS_URL out to run on memory.\n`,
      );
    }
    const lost = startDemo(onTestFinished, { PORT: "0", REDIS_URL: "redis://user:secret@127.0.0.1:99999" });
    expect(await lost.ended).toBe(1);
    expect(lost.output()).toBe(
      "demo: REDIS_URL is no address of a Redis: give it like redis://localhost:6379, or leave it out to run on memory.\n",
    );
  });

  it("it leaves no key behind", async ({ onTestFinished }) => {
    // A database of its own: other demos run beside this one.
    const url = `${redis.url}/1`;
    const demo = startDemo(onTestFinished, { PORT: "0", REDIS_URL: url });
    await open(demo);
    demo.child.kill("SIGINT");
    await demo.ended;
    const { Redis } = await import("ioredis");
    const client = new Redis(url);
    const left = await client.keys("tidings-demo:*");
    client.disconnect();
    expect(left).toEqual([]);
  });
});

describe("the command", () => {
  it("takes the next port when 3000 is taken", async ({ onTestFinished }) => {
    await block(3000, onTestFinished);
    const demo = startDemo(onTestFinished, {});
    const { port } = new URL(await demo.url);
    expect(Number(port)).toBeGreaterThan(3000);
    expect(Number(port)).toBeLessThan(3100);
    expect((await fetch(await demo.url)).status).toBe(200);
  });

  it("says in one sentence that PORT is taken, and exits with 1", async ({ onTestFinished }) => {
    const port = await block(0, onTestFinished);
    const demo = startDemo(onTestFinished, { PORT: String(port) });
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toBe(
      `demo: port ${port} is taken: name another with PORT=…, or leave PORT out to take the next free one.\n`,
    );
  });

  it("listens on localhost, or on HOST and nowhere else, and says where once", async ({ onTestFinished }) => {
    const local = startDemo(onTestFinished);
    const { hostname, port: localPort } = new URL(await local.url);
    expect(hostname).toBe("localhost");
    expect(await opens("127.0.0.1", localPort)).toBe(true);
    for (const outside of addressesOfThisMachine()) expect(await opens(outside, localPort)).toBe(false);

    // Of the addresses that only this machine has, Linux gives more than one by itself.
    const host = process.platform === "linux" ? "127.0.0.2" : "::1";
    const demo = startDemo(onTestFinished, { PORT: "0", HOST: host });
    const { port } = new URL(await demo.url);
    expect(await demo.url).toBe(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
    expect(await opens(host, port)).toBe(true);
    expect(await opens("127.0.0.1", port)).toBe(false);
    expect(demo.output().match(/http/g)).toHaveLength(1);

    const lost = startDemo(onTestFinished, { PORT: "0", HOST: "nowhere.invalid" });
    expect(await lost.ended).toBe(1);
    expect(lost.output()).toMatch(/^demo: HOST is "nowhere\.invalid", where nothing can listen \(\w+\)\.\n$/);
  });

  it.for(["SIGINT", "SIGTERM"] as const)(
    "ends on %s with streams open, and leaves no process behind",
    async (signal, { onTestFinished }) => {
      const demo = startDemo(onTestFinished);
      await open(demo);
      demo.child.kill(signal);
      expect(await demo.ended).toBe(0);
      const group = -(demo.child.pid ?? 0);
      await eventually(async () => expect(isAlive(group)).toBe(false));
    },
  );

  it("its servers end with it, also when it is killed", async ({ onTestFinished }) => {
    const demo = startDemo(onTestFinished);
    await open(demo);
    const { servers } = await stateOf(demo);
    expect(servers).toHaveLength(1);
    demo.child.kill("SIGKILL");
    await demo.ended;
    for (const { port } of servers) await eventually(async () => expect(await answers(port)).toBe(false));
  });
});

/** Takes a port, unless another already has. */
async function block(port: number, atEnd: AtEnd): Promise<number> {
  const blocker = createServer();
  atEnd(() => void blocker.close());
  return await new Promise((resolve) => {
    blocker.once("error", () => resolve(port));
    blocker.listen(port, "127.0.0.1", () => resolve((blocker.address() as { port: number }).port));
  });
}

/** Whether anything listens there. */
function opens(host: string, port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => resolve(true));
    socket.once("error", () => resolve(false)).once("connect", () => socket.destroy());
  });
}

/** Its addresses that others can reach. */
function addressesOfThisMachine(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address);
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/form`).then(
    () => true,
    () => false,
  );
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
