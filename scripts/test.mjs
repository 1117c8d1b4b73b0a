// @ts-check
/**
 * `npm test`: says what it found, builds if it has to, runs the tests, and closes with one line. Arguments go to vitest
 * (`npm test -- src/hub`). What takes long (`*.long.test.ts`) runs with `npm run test:long`, faults on real parts (`*.chaos.test.ts`)
 * with `npm run test:chaos`; with `--short`, as CI does it, a part of it, with little but what `npm test` needs. `REDIS_URL` never
 * reaches a test: tests kill and flush.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildIfStale } from "./build-if-stale.mjs";
import { cureCommand, installDebian, mayInstall } from "./cure-tools.mjs";
import { root } from "./entries.mjs";
import { CHAOS_TOOL_NAMES, findTools, LONG_TOOL_NAMES, NAMES, TOOL_NAMES } from "./find-tools.mjs";
import { testNeeds } from "./test-needs.mjs";

/** @import { Tool, ToolName } from "./find-tools.mjs" */

const vitest = path.join(root, "node_modules/vitest/vitest.mjs");

/**
 * @param {Tool[]} tools
 */
function report(tools) {
  for (const { name, path: file, source, version, failures } of tools) {
    const text = file === undefined ? "not found" : `${file} (${version ?? "version unknown"}, from ${source})`;
    console.log(`${name.padEnd(9)} ${text}`);
    for (const failure of failures) console.log(`${" ".repeat(10)}not ${failure.path} (${failure.source}): ${failure.reason}`);
  }
}

/**
 * @param {Tool[]} tools
 * @returns {ToolName[]}
 */
function missingOf(tools) {
  return tools.filter((tool) => tool.path === undefined).map((tool) => tool.name);
}

/**
 * What the tests see: the tools by their paths, and no Redis but their own.
 * @param {Tool[]} tools
 * @returns {NodeJS.ProcessEnv}
 */
function testEnv(tools) {
  const { REDIS_URL: _never, ...env } = process.env;
  for (const { name, path: file } of tools) {
    const { variable } = NAMES[name];
    if (file === undefined) delete env[variable];
    else env[variable] = file;
  }
  return env;
}

/**
 * Runs vitest in a process group of its own, and leaves nothing of that group behind: neither after Ctrl+C nor when a test
 * forgot a server.
 * @param {string[]} options
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
function runVitest(options, env) {
  const group = process.platform !== "win32";
  const child = spawn(process.execPath, [vitest, ...options], {
    cwd: root,
    env,
    detached: group,
    stdio: ["ignore", "inherit", "inherit"],
  });
  /** @param {NodeJS.Signals} signal */
  const toAll = (signal) => {
    if (child.pid === undefined) return;
    try {
      process.kill(group ? -child.pid : child.pid, signal);
    } catch {
      // Nothing of it is left.
    }
  };
  let asked = false;
  /** @param {NodeJS.Signals} signal */
  const end = (signal) => {
    toAll(asked ? "SIGKILL" : signal);
    asked = true;
    // Whoever does not end when asked is ended.
    setTimeout(() => toAll("SIGKILL"), 5_000).unref();
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.on("SIGHUP", end);
  process.on("exit", () => toAll("SIGKILL"));
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`test: vitest cannot be run: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      toAll("SIGKILL");
      resolve(asked ? 130 : signal === null ? (code ?? 1) : 1);
    });
  });
}

/**
 * How many tests the files hold, counted by vitest without running them. A file that cannot be read counts as one.
 * @param {string[]} files
 * @param {NodeJS.ProcessEnv} env
 * @param {string} listFile where vitest writes the list: `--json` alone would take the next argument, a test, as its output
 * @returns {number}
 */
function countTests(files, env, listFile) {
  spawnSync(process.execPath, [vitest, "list", `--json=${listFile}`, ...files], { cwd: root, env });
  try {
    /** @type {{ file: string }[]} */
    const all = JSON.parse(readFileSync(listFile, "utf8"));
    // A name given to vitest is a filter, so it can match more than the file meant.
    const tests = all.map((test) => path.relative(root, test.file)).filter((file) => files.includes(file));
    return tests.length + files.filter((file) => !tests.includes(file)).length;
  } catch {
    return files.length;
  }
}

/**
 * @param {string} file of vitest's JSON reporter
 * @returns {{ passed: number, failed: number, skipped: number } | undefined} nothing when the run ended before it was written
 */
function readResults(file) {
  try {
    const results = JSON.parse(readFileSync(file, "utf8"));
    /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
    const files = results.testResults;
    // A file that fails before its first test has no failed test to count.
    const broken = files.filter(
      (one) => one.status === "failed" && !one.assertionResults.some((test) => test.status === "failed"),
    ).length;
    return {
      passed: results.numPassedTests,
      failed: results.numFailedTests + broken,
      skipped: results.numPendingTests + results.numTodoTests,
    };
  } catch {
    return undefined;
  }
}

/**
 * @typedef {object} Suite
 * @property {string[]} vitest its options
 * @property {ToolName[]} tools that it needs besides those that all need
 * @property {string[]} short what of it runs with `--short`
 * @property {ToolName[]} shortTools that this part needs besides those that all need
 */

/** @type {Record<"usual" | "long" | "chaos", Suite>} */
const SUITES = {
  usual: {
    // By name: of two that are left out by a `!`, each lets the other in.
    vitest: ["unit", "integration", "browser", "package"].map((name) => `--project=${name}`),
    tools: [],
    short: [],
    shortTools: [],
  },
  // Each kind once, and with no other browser than Chromium.
  long: {
    vitest: ["--project=long*"],
    tools: LONG_TOOL_NAMES,
    short: ["test/examples", "engines-chromium", "redis-cluster", "page-bun", "doctor", "production", "resources-mysql"],
    shortTools: ["nginx", "haproxy", "caddy", "mariadb"],
  },
  // Each of them has a short form of its own, and reads in the environment that it is wanted. A thousand clients each say that their
  // stream broke: that is of use only when a test fails.
  chaos: {
    vitest: ["--project=chaos", "--silent=passed-only"],
    tools: CHAOS_TOOL_NAMES,
    short: [
      "chaos/redis",
      "chaos/servers",
      "chaos/scenarios",
      "chaos/peers",
      "chaos/slow",
      "chaos/flood",
      "chaos/drain",
      "chaos/return",
      "chaos/leaks",
    ],
    shortTools: [],
  },
};

/** @param {string} file */
function suiteOf(file) {
  if (file.includes(".long.test.")) return SUITES.long;
  return file.includes(".chaos.test.") ? SUITES.chaos : SUITES.usual;
}

/**
 * @param {string[]} options for vitest
 * @returns {Promise<number>} the exit code
 */
async function main(options) {
  const names = [...TOOL_NAMES, ...(isShort ? suite.shortTools : suite.tools)];
  let tools = await findTools({}, names);
  report(tools);
  if (missingOf(tools).length > 0 && mayInstall()) {
    console.log(
      `${missingOf(tools).join(" and ")} missing; this is root on a system with apt-get, so the packages are installed.`,
    );
    installDebian(missingOf(tools));
    tools = await findTools({}, names);
    report(tools);
  }
  if (!buildIfStale()) return 1;

  const missing = missingOf(tools);
  const left = [...testNeeds()]
    .filter(([file, needs]) => suiteOf(file) === suite && missing.some((name) => needs.has(name)))
    .map(([file]) => file);
  const env = testEnv(tools);
  const folder = mkdtempSync(path.join(os.tmpdir(), "tidings-test-"));
  if (isShort) env.CHAOS_SHORT = "1";
  // Everything that a test puts into the temporary folder goes with it, however the run ends.
  env.TMPDIR = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  const resultFile = path.join(folder, "results.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultFile}`];
  let code = await runVitest(["run", ...reporters, ...options], { ...env, TIDINGS_LEFT_OUT: left.join(path.delimiter) });
  const results = readResults(resultFile);

  let closing = results
    ? `${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`
    : "the run was ended before it was over";
  if (code !== 130 && left.length > 0) {
    const count = countTests(left, env, path.join(folder, "list.json"));
    closing += `, ${count} did NOT RUN`;
    console.error(
      `\n${count} tests did NOT RUN: no ${missing.join(" and no ")} here. This command cures it:\n  ${cureCommand(missing)}`,
    );
    code ||= 1;
  }
  // Tests can pass and the run still fail: an unhandled rejection, a filter that matches nothing.
  if (code !== 0 && results?.failed === 0 && left.length === 0) closing += ` (but vitest ended with code ${code}, see above)`;
  console.log(`\n${closing}`);
  return code;
}

const options = process.argv.slice(2);
/** @param {string} option */
const take = (option) => options.includes(option) && options.splice(options.indexOf(option), 1).length > 0;
const suite = take("--chaos") ? SUITES.chaos : take("--long") ? SUITES.long : SUITES.usual;
const isShort = take("--short");
process.exit(await main([...suite.vitest, ...(isShort ? suite.short : []), ...options]));
