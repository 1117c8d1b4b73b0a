import type { Browser } from "playwright-core";
import type { Step } from "../tally.ts";

/** A page with a contender's own client, and what it was shown. */
export interface PeerPage extends AsyncDisposable {
  /** Whether it has been shown the event 0, with which it is found out that it listens. */
  readonly isListening: boolean;
  readonly steps: readonly Step[];
  /** The longest time between two steps, in ms. */
  readonly longestSilenceMs: number;
  /** What it was told of its connection since then, each once. */
  readonly statuses: ReadonlySet<string>;
}

/** Opens `url` in a browser of its own, as far as cookies and connections go. */
export async function openPage(browser: Browser, url: string): Promise<PeerPage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const steps: Step[] = [];
  const statuses = new Set<string>();
  let status = "";
  let isListening = false;
  let longestSilenceMs = 0;
  let lastAt = Infinity;
  const add = (step: Step): void => {
    const now = performance.now();
    longestSilenceMs = Math.max(longestSilenceMs, now - lastAt);
    lastAt = now;
    steps.push(step);
  };
  await page.exposeFunction("report", (what: "shown" | "gap" | "status", value: string) => {
    if (what === "status") status = value;
    if (what === "shown" && numberOf(value) === 0) isListening = true;
    else if (isListening && what !== "status") add(what === "gap" ? "gap" : numberOf(value));
    if (isListening) statuses.add(status);
  });
  await page.goto(url);
  return {
    get isListening() {
      return isListening;
    },
    steps,
    get longestSilenceMs() {
      return longestSilenceMs;
    },
    statuses,
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** What an event carries: found among any other bytes, too. */
export const textOf = (n: number): string => `#${n}.`;

function numberOf(text: string): number {
  const n = Number(/^#(\d+)\.$/.exec(text)?.[1]);
  if (Number.isNaN(n)) throw new Error(`a page was shown what nobody published: ${text}`);
  return n;
}
