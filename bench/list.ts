/**
 * What 1,000 events a second cost the main thread of a page that shows the newest 100 of them in a React list: through
 * `useRealtime`, and through a bare `EventSource` with `JSON.parse` and the same list. Beside it the same with one render for each
 * frame, where `useRealtimeState` stands against an `EventSource` that gathers; and without a list, which is what receiving costs.
 *
 * How it avoids lying: the built package, React for production, real Chromium; one server has both streams, at the same pace. Each
 * way has a page and a process of its own, which has received for a while before anything counts. What counts is CPU time of the
 * main thread, not the time in which it had to wait for a core. Turns are short and change places, so that what else the machine
 * does meets all alike; a figure is the median of the ratios of neighbouring turns; and a turn counts only if its page got every
 * order once and in order, and shows the newest 100.
 */
import { readFile, rm } from "node:fs/promises";
import { mkdtempSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { build } from "vite";
import { launchBrowser } from "../test/support/browser.ts";
import { openContender, type Figures } from "./list-contender.ts";
import { startServer } from "./list-server.ts";
import { WAYS, type Way } from "./list-ways.ts";
import { median, ratio, table } from "./measure.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 21);
/** Of each way, before the first round. */
const WARM_UP = 3_000;
/** In a turn. */
const EVENTS = 2_000;
/** Only the ways that have this word in their name. */
const only = process.argv[2] ?? "";

const ways = WAYS.filter((way) => way.includes(only));
const script = await bundlePage();
const browser = await launchBrowser();
const server = await startServer(script);
try {
  const figures = new Map<Way, Figures[]>(ways.map((way) => [way, []]));
  const contenders = new Map(
    await Promise.all(ways.map(async (way) => [way, await openContender(browser, server, way)] as const)),
  );
  for (const contender of contenders.values()) await contender.turn(WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    // Who comes first changes, for what comes after another meets its garbage.
    const order = [...contenders];
    for (const [way, contender] of round % 2 === 0 ? order : order.toReversed())
      figures.get(way)?.push(await contender.turn(EVENTS));
  }
  console.log(report(figures));
  console.log(`${cpus().length} cores, Node ${process.version}, Chromium ${browser.version()}, ${ROUNDS} rounds`);
} finally {
  await browser.close();
  await server.close();
}

function report(figures: ReadonlyMap<Way, readonly Figures[]>): string {
  const rows = [...figures].map(([way, turns]) => {
    const [who = "", rendered = ""] = way.split(" ");
    const of = (name: keyof Figures): string => median(turns.map((turn) => turn[name])).toFixed(1);
    const main = turns.map((turn) => turn.main);
    const bare = figures.get(`bare ${rendered}` as Way)?.map((turn) => turn.main);
    const beyond = main.map((ms, at) => ms - (bare?.[at] as number));
    const comparison = who === "bare" || !bare ? ["", ""] : [ratio(main, bare), median(beyond).toFixed(1)];
    return [who, rendered, of("renders"), of("layouts"), of("layout"), of("main"), ...comparison];
  });
  const head = ["client", "renders", "renders /s", "layouts /s", "layout ms/s", "main thread ms/s", "÷ bare", "− bare ms/s"];
  return table(head, rows);
}

/** As an application bundles it for production. */
async function bundlePage(): Promise<string> {
  // What bundled this file may have left something else there.
  process.env["NODE_ENV"] = "production";
  const outDir = mkdtempSync(path.join(tmpdir(), "tidings-bench-"));
  try {
    await build({
      configFile: false,
      logLevel: "error",
      define: { "process.env.NODE_ENV": '"production"' },
      build: {
        outDir,
        minify: true,
        lib: { entry: path.resolve("bench/list-page.tsx"), formats: ["es"], fileName: () => "page.js" },
        rolldownOptions: { output: { codeSplitting: false } },
      },
    });
    return await readFile(path.join(outDir, "page.js"), "utf8");
  } finally {
    await rm(outDir, { recursive: true });
  }
}
