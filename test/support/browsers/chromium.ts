import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type BrowserContext, type CDPSession, type Page } from "playwright-core";
import { chromiumPath, SWITCHES } from "../browser.ts";
import { byEvaluating, type Engine, type Tab } from "./engine.ts";
import { startProgram } from "./programs.ts";

const ADDRESS = /^DevTools listening on (ws:\S+)/m;

/**
 * Starts Chromium. One that playwright-core starts has no back/forward cache, does not slow down what is hidden, and takes every page
 * for visible, which keeps it from being frozen: this one is as a user's.
 */
export async function launchChromium(): Promise<Engine> {
  const profile = mkdtempSync(path.join(tmpdir(), "tidings-chromium-"));
  const program = startProgram(chromiumPath(), [
    ...SWITCHES,
    ...["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
  ]);
  const close = async (): Promise<void> => {
    await program.kill();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    const browser = await chromium.connectOverCDP(await program.ready(async () => ADDRESS.exec(program.printed)?.[1]), {
      noDefaults: true,
    });
    const [context] = browser.contexts() as [BrowserContext];
    const protocol = await browser.newBrowserCDPSession();
    let last: Promise<unknown> = Promise.resolve();
    // One after the other: a page that opens does not say for whom.
    const newPage = (): Promise<Page> => {
      const opening = last.then(() => openWindow(context, protocol));
      last = opening.catch(() => {});
      return opening;
    };
    const newTab = async (url: string): Promise<Tab> => createTab(context, await newPage(), url);
    return { newTab, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openWindow(context: BrowserContext, browser: CDPSession): Promise<Page> {
  const [page] = await Promise.all([
    context.waitForEvent("page"),
    browser.send("Target.createTarget", { url: "about:blank", newWindow: true }),
  ]);
  return page;
}

async function createTab(context: BrowserContext, page: Page, url: string): Promise<Tab> {
  const protocol = await context.newCDPSession(page);
  const { windowId } = await protocol.send("Browser.getWindowForTarget");
  const resize = (windowState: "minimized" | "normal"): Promise<unknown> =>
    protocol.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
  let frozen = false;

  async function evaluate<T>(expression: string): Promise<T> {
    // The debugger could, but what it finds is no page as users have it.
    if (frozen) throw new Error("the tab is frozen");
    return await page.evaluate(`(async () => (await (${expression})) ?? null)()`);
  }

  const waiting = byEvaluating(evaluate);
  await page.goto(url);
  return {
    ...waiting,
    evaluate,
    goto: async (to) => void (await page.goto(to)),
    reload: async () => void (await page.reload()),
    async freeze() {
      // Chromium freezes nothing that is visible.
      await resize("minimized");
      await waiting.until("document.hidden");
      await protocol.send("Page.setWebLifecycleState", { state: "frozen" });
      frozen = true;
    },
    async thaw() {
      await protocol.send("Page.setWebLifecycleState", { state: "active" });
      frozen = false;
      await resize("normal");
    },
    async crash() {
      const crashed = page.waitForEvent("crash");
      // It never settles: there is nobody left to answer.
      page.goto("chrome://crash").catch(() => {});
      await crashed;
    },
    close: () => page.close(),
  };
}
