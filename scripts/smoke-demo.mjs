// @ts-check
/**
 * Starts `npm run demo` as a user does, and holds it to its word: an address within 10 s, a page behind it, and an end
 * within a second of Ctrl+C. Run by `.ci/run` on an otherwise idle machine; no test is timed.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { buildIfStale } from "./build-if-stale.mjs";
import { root } from "./entries.mjs";

const START_MS = 10_000;
const END_MS = 1_000;

/**
 * @param {() => boolean} done
 * @param {number} ms
 * @returns {Promise<number>} how long it took, in ms; more than `ms` when it did not happen
 */
async function wait(done, ms) {
  const started = performance.now();
  while (!done() && performance.now() - started <= ms) await new Promise((resolve) => setTimeout(resolve, 10));
  return performance.now() - started;
}

/** @returns {Promise<string>} what was seen */
async function smoke() {
  if (!buildIfStale()) throw new Error("the build failed");
  // Without Redis, whatever the machine has: the demo must start with Node and npm alone.
  const { REDIS_URL: _none, PORT: _default, HOST: _local, ...env } = process.env;
  const child = spawn("npm", ["run", "demo"], { cwd: root, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const group = child.pid;
  if (group === undefined) throw new Error("npm cannot be run");
  /** @param {NodeJS.Signals | 0} signal */
  const toAll = (signal) => {
    try {
      return process.kill(-group, signal);
    } catch {
      return false;
    }
  };
  process.once("exit", () => toAll("SIGKILL"));
  let output = "";
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  child.on("close", () => (ended = true));
  try {
    const address = () => /https?:\/\/[^\s/]+:\d+/.exec(output)?.[0];
    const startMs = await wait(() => ended || address() !== undefined, START_MS);
    const url = address();
    if (url === undefined) throw new Error(ended ? "it ended without an address" : `no address within ${START_MS / 1000} s`);
    const page = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (!page.ok || !(await page.text()).includes("<html")) throw new Error(`${url} answered ${page.status}, and no page`);
    toAll("SIGINT");
    const endMs = await wait(() => ended && !toAll(0), END_MS);
    if (endMs > END_MS) throw new Error(`it runs on ${END_MS / 1000} s after Ctrl+C`);
    return `an address after ${Math.round(startMs)} ms, a page at ${url}, ended ${Math.round(endMs)} ms after Ctrl+C`;
  } catch (error) {
    console.error(output.trimEnd());
    throw error;
  } finally {
    toAll("SIGKILL");
  }
}

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
if (scripts.demo === undefined) {
  console.log("demo: there is none yet");
} else {
  try {
    console.log(`demo: ok, ${await smoke()}`);
  } catch (error) {
    console.error(`demo: FAILED, ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
