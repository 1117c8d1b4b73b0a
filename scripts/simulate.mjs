// @ts-check
/**
 * `npm run test:sim -- --minutes N`: plays the simulation (`test/simulation`) from a seed of this moment on, or from `--seed S`, for N
 * minutes or `--seeds N` seeds, on one core. Ends with code 1 at the first seed that breaks the promise, having said which.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";
import { root } from "./entries.mjs";

const REPORT_MS = 10_000;

const { values } = parseArgs({
  options: { minutes: { type: "string" }, seeds: { type: "string" }, seed: { type: "string" } },
});

/**
 * @param {"minutes" | "seeds" | "seed"} name
 * @returns {number | undefined}
 */
function numberOf(name) {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text !== "" && number >= 0 && (name === "minutes" || Number.isSafeInteger(number))) return number;
  console.error(`test:sim: --${name} takes a number; it got ${JSON.stringify(text)}.`);
  process.exit(2);
}

const seeds = numberOf("seeds") ?? Infinity;
const minutes = numberOf("minutes") ?? (seeds < Infinity ? Infinity : 1);
// Any first seed will do that was not played the last time.
const first = numberOf("seed") ?? Date.now() % 1_000_000_000;

/** @typedef {typeof import("../test/simulation/bundle.ts")} BundleModule */
/** @type {{ module: BundleModule }} */
const { module } = await runnerImport(path.join(root, "test/simulation/bundle.ts"), { configFile: false });
/** @type {import("../test/simulation/bundle.ts").Simulation} */
const { explore, describeFind } = await import(await module.bundleSimulation());

console.log(`From seed ${first} on.`);
const began = performance.now();
let saidAt = began;

/** @param {{ seeds: number, messages: number, gaps: number }} tally */
function say({ seeds, messages, gaps }) {
  const perMinute = Math.round((seeds * 60_000) / (performance.now() - began));
  console.log(`${seeds} seeds, ${perMinute} a minute: ${messages} events shown, ${gaps} gaps told`);
}

const { tally, find } = await explore({
  first,
  isEnough(tally) {
    const now = performance.now();
    if (now - saidAt >= REPORT_MS) {
      saidAt = now;
      say(tally);
    }
    return tally.seeds >= seeds || now - began >= minutes * 60_000;
  },
});
say(tally);
if (find) {
  console.error(`\n${await describeFind(find)}`);
  process.exitCode = 1;
} else {
  console.log("Each kept the promise.");
}
