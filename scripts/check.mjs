// @ts-check
/**
 * `npm run check`: everything that can be said about the repository without running it, one line per step. A step that
 * fails prints what its tool said; the others run all the same. `npm run check:lint` runs one step alone.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./entries.mjs";

/**
 * @typedef {object} Step
 * @property {string} title what holds when the step is ok
 * @property {string[][]} commands each a script below the root and its arguments, run with Node
 */

const bin = (/** @type {string} */ file) => path.join("node_modules", file);

/** Pages and the demo import the built package by its name: their types come from it. */
const BUILD = ["scripts/build-if-stale.mjs"];

/** @type {Record<string, Step>} */
const STEPS = {
  format: { title: "every file is formatted", commands: [[bin("oxfmt/bin/oxfmt"), "--check"]] },
  lint: {
    title: "no lint finding",
    commands: [BUILD, [bin("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings"]],
  },
  layers: {
    title: "imports keep to the layers",
    commands: [[bin("dependency-cruiser/bin/dependency-cruise.mjs"), "--config", ".dependency-cruiser.mjs", "src"]],
  },
  types: {
    title: "sources, tests and scripts type-check",
    commands: [
      BUILD,
      [bin("typescript/bin/tsc"), "-p", "."],
      [bin("typescript/bin/tsc"), "-p", "scripts"],
      [bin("typescript/bin/tsc"), "-p", "demo"],
    ],
  },
  unused: {
    title: "no unused file, export or dependency",
    commands: [[bin("knip/bin/knip.js"), "--no-progress", "--treat-config-hints-as-errors"]],
  },
  package: { title: "exports, build and tarball agree", commands: [["scripts/check-package.mjs"]] },
  size: { title: "the client is within its budget", commands: [["scripts/size.mjs"]] },
  contract: { title: "each line of docs/contract.md has its test", commands: [["scripts/check-contract.mjs"]] },
};

/**
 * @param {string[]} command
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run([script = "", ...options]) {
  return new Promise((resolve) => {
    // npm's own variables would make the tools' npm calls depend on how this was started.
    const child = spawn(process.execPath, [path.join(root, script), ...options], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (chunk) => (output += chunk));
    }
    child.on("error", (error) => resolve({ ok: false, output: `${error.message}\n` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * @param {string} name
 * @param {Step} step
 * @returns {Promise<boolean>}
 */
async function check(name, step) {
  const started = performance.now();
  for (const command of step.commands) {
    const { ok, output } = await run(command);
    if (ok) continue;
    console.error(`${output.trimEnd()}\n${name.padEnd(9)} FAILED (npm run check:${name})`);
    return false;
  }
  console.log(`${name.padEnd(9)} ok: ${step.title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return true;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`check: there is no step "${unknown.join('", "')}"; the steps are ${Object.keys(STEPS).join(", ")}.`);
  process.exitCode = 1;
} else {
  /** @type {string[]} */
  const failed = [];
  for (const [name, step] of Object.entries(STEPS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    if (!(await check(name, step))) failed.push(name);
  }
  if (failed.length > 0) console.error(`\ncheck: ${failed.join(", ")} failed`);
  else if (asked.length === 0) console.log("\ncheck: ok");
  process.exitCode = failed.length > 0 ? 1 : 0;
}
