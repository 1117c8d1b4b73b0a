// @ts-check
/**
 * Starts `npm run demo` as a user does, and holds it to its word: one address within 10 s, a page behind it, an end within
 * a second of Ctrl+C with streams open, and one sentence when it cannot start. Run by `.ci/run` on an otherwise idle
 * machine; no test is timed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import path from "node:path";
import { buildIfStale } from "./build-if-stale.mjs";
import { root } from "./entries.mjs";

const START_MS = 10_000;
const END_MS = 1_000;
/** What the page keeps open: three phones and the raw stream. */
const STREAMS = ["/phones/1/api/realtime", "/phones/2/api/realtime", "/phones/3/plain", "/api/realtime"];

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

/**
 * Starts it in a process group of its own, which `work` is given and does not survive.
 * @template T
 * @param {Record<string, string>} settings environment on top of that of this process
 * @param {(demo: { output(): string, exitCode(): number | null | undefined, signal(name: NodeJS.Signals | 0): boolean }) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withDemo(settings, work) {
  // Without Redis, whatever the machine has: the demo must start with Node and npm alone.
  const { REDIS_URL: _none, PORT: _default, HOST: _local, ...env } = process.env;
  const child = spawn("npm", ["run", "demo"], {
    cwd: root,
    env: { ...env, ...settings },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const group = child.pid;
  if (group === undefined) throw new Error("npm cannot be run");
  /** @param {NodeJS.Signals | 0} name */
  const signal = (name) => {
    try {
      return process.kill(-group, name);
    } catch {
      return false;
    }
  };
  const killAll = () => void signal("SIGKILL");
  process.once("exit", killAll);
  let output = "";
  /** @type {number | null | undefined} */
  let exitCode;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  child.on("close", (code) => (exitCode = code));
  try {
    return await work({ output: () => output, exitCode: () => exitCode, signal });
  } catch (error) {
    console.error(output.trimEnd());
    throw error;
  } finally {
    killAll();
    process.removeListener("exit", killAll);
  }
}

/**
 * What it says for itself, without npm's lines.
 * @param {string} output
 */
const said = (output) => output.split("\n").filter((line) => line !== "" && !/^(> |npm )/.test(line));

/**
 * Opens a stream and keeps it.
 * @param {string} url
 * @returns {Promise<void>} resolves when it is open
 */
async function openStream(url) {
  const request = get(url, { agent: false });
  const [response] = await once(request, "response", { signal: AbortSignal.timeout(5_000) });
  // It ends with the server; a broken connection is how.
  request.on("error", () => {});
  response.on("error", () => {}).resume();
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
}

/** @returns {Promise<string>} what was seen */
function startAndEnd() {
  return withDemo({}, async ({ output, exitCode, signal }) => {
    const addresses = () => output().match(/https?:\/\/\S+:\d+/g) ?? [];
    const startMs = await wait(() => exitCode() !== undefined || addresses().length > 0, START_MS);
    const [url] = addresses();
    if (url === undefined)
      throw new Error(exitCode() === undefined ? `no address within ${START_MS / 1000} s` : "it ended without an address");
    const page = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (!page.ok || !(await page.text()).includes("<html")) throw new Error(`${url} answered ${page.status}, and no page`);
    await Promise.all(STREAMS.map((stream) => openStream(url + stream)));
    const lines = said(output());
    if (lines.length !== 1) throw new Error(`it said ${lines.length} things, and not one address alone`);
    signal("SIGINT");
    const endMs = await wait(() => exitCode() !== undefined && !signal(0), END_MS);
    if (endMs > END_MS) throw new Error(`it runs on ${END_MS / 1000} s after Ctrl+C with ${STREAMS.length} streams open`);
    return `an address after ${Math.round(startMs)} ms, a page at ${url}, ended ${Math.round(endMs)} ms after Ctrl+C with ${STREAMS.length} streams open`;
  });
}

/**
 * @param {Record<string, string>} settings with which it cannot start
 * @returns {Promise<string>} its one sentence
 */
function refuse(settings) {
  return withDemo(settings, async ({ output, exitCode }) => {
    await wait(() => exitCode() !== undefined, START_MS);
    const lines = said(output());
    const [sentence = ""] = lines;
    if (exitCode() !== 1) throw new Error(`it should exit with 1, and gave ${exitCode()}`);
    if (lines.length !== 1 || !/^demo: .+\.$/.test(sentence)) throw new Error("it should say why in one sentence");
    return sentence;
  });
}

/** A port that is taken for as long as this script runs. */
async function takePort() {
  const server = createServer().listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const address = server.address();
  return String(typeof address === "object" ? address?.port : address);
}

/** A port that nothing listens on. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return String(typeof address === "object" ? address?.port : address);
}

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
if (scripts.demo === undefined) {
  console.log("demo: there is none yet");
} else {
  try {
    if (!buildIfStale()) throw new Error("the build failed");
    console.log(`demo: ok, ${await startAndEnd()}`);
    console.log(`demo: ok, PORT taken: ${await refuse({ PORT: await takePort() })}`);
    console.log(`demo: ok, no Redis: ${await refuse({ PORT: "0", REDIS_URL: `redis://127.0.0.1:${await freePort()}` })}`);
  } catch (error) {
    console.error(`demo: FAILED, ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
