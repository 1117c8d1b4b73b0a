import type { BrowserContext, CDPSession } from "playwright-core";
import { launchBrowser } from "../browser.ts";
import { RECORDED_CONSOLE, untilTruthy, type Engine, type Tab } from "./engine.ts";

/** Starts Chromium. Its pages can go into the back/forward cache, which playwright-core turns off. */
export async function launchChromium(): Promise<Engine> {
  const browser = await launchBrowser({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  const context = await browser.newContext();
  const close = (): Promise<void> => browser.close();
  return {
    newTab: (url) => openTab(context, url),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function openTab(context: BrowserContext, url: string): Promise<Tab> {
  const page = await context.newPage();
  const protocol: CDPSession = await context.newCDPSession(page);
  const tab: Tab = {
    evaluate: (expression) => page.evaluate(`(async () => (await (${expression})) ?? null)()`),
    until: (expression) => untilTruthy(tab, expression),
    console: () => tab.evaluate(RECORDED_CONSOLE),
    goto: async (to) => void (await page.goto(to)),
    reload: async () => void (await page.reload()),
    freeze: async () => void (await protocol.send("Page.setWebLifecycleState", { state: "frozen" })),
    thaw: async () => void (await protocol.send("Page.setWebLifecycleState", { state: "active" })),
    async crash() {
      const crashed = page.waitForEvent("crash");
      // It never settles: there is nobody left to answer.
      page.goto("chrome://crash").catch(() => {});
      await crashed;
    },
    close: () => page.close(),
  };
  await tab.goto(url);
  return tab;
}
