import type { Browser, CDPSession, Page } from "playwright-core";
import type { ListServer } from "./list-server.ts";
import type { Way } from "./list-ways.ts";

/** For 1,000 events, which is a second: milliseconds of CPU time, and how many times. */
export interface Figures {
  readonly main: number;
  /** Styles and layout. */
  readonly layout: number;
  /** About as many as there were frames. */
  readonly layouts: number;
  readonly renders: number;
}

/** One way to receive, in a page and a process of its own. */
export interface Contender {
  /**
   * Sends it so many orders, and waits until the last of them is shown.
   *
   * @throws Error when the page did not get each order once and in order, or does not show the newest; and what the page threw
   */
  turn(count: number): Promise<Figures>;
}

/** Opens its page. It ends with the browser. */
export async function openContender(browser: Browser, server: ListServer, way: Way): Promise<Contender> {
  const page = await browser.newPage();
  const broken = new Promise<never>((_, reject) => page.on("pageerror", reject));
  const protocol = await page.context().newCDPSession(page);
  // The thread's own clock stands still while others have the core.
  await protocol.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(`${server.url}/?${encodeURIComponent(way)}`);
  await Promise.race([page.evaluate(() => window.bench.ready), broken]);
  let sent = 0;

  async function turn(count: number): Promise<Figures> {
    const before = await readMetrics(protocol, page);
    // One question for all of the time: asking again and again would cost the thread that is measured.
    const shown = page.evaluate((n) => window.bench.until(n), sent + count - 1);
    await server.send(way, sent, count);
    sent += count;
    await shown;
    const after = await readMetrics(protocol, page);
    await verify(page, way, sent);
    const spent = (name: string): number => ((after[name] as number) - (before[name] as number)) / (count / 1_000);
    return {
      // There is a figure for scripts, too, but microtasks are not in it, in which a stream is read that comes by `fetch`.
      main: spent("TaskDuration") * 1_000,
      layout: (spent("LayoutDuration") + spent("RecalcStyleDuration")) * 1_000,
      layouts: spent("LayoutCount"),
      renders: spent("renders"),
    };
  }

  return { turn: (count) => Promise.race([turn(count), broken]) };
}

/** The metrics of the page, its times in seconds, and how often React has rendered the list. */
async function readMetrics(protocol: CDPSession, page: Page): Promise<Readonly<Record<string, number>>> {
  const renders = await page.evaluate(() => window.bench.report.renders);
  const { metrics } = await protocol.send("Performance.getMetrics");
  return { renders, ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])) };
}

async function verify(page: Page, way: Way, sent: number): Promise<void> {
  const { received, misplaced } = await page.evaluate(() => window.bench.report);
  const rows = await page.evaluate(() => window.bench.rows());
  if (received !== sent || misplaced > 0) throw new Error(`${way}: ${sent} sent, ${received} received, ${misplaced} misplaced`);
  const expected = way.endsWith("none") ? [] : Array.from({ length: 100 }, (_, at) => sent - 100 + at);
  if (rows.join() !== expected.join()) throw new Error(`${way}: the list shows ${rows.join()}`);
}
