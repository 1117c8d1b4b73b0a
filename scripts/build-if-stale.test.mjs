// @ts-check
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { staleReason } from "./build-if-stale.mjs";

/** @type {string} */
let folder;

/**
 * Writes a file that was last changed at `time`, in s.
 * @param {string} name
 * @param {number} time
 * @param {string} [text]
 */
function file(name, time, text = "") {
  const target = path.join(folder, name);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  utimesSync(target, time, time);
  for (let parent = path.dirname(target); parent !== folder; parent = path.dirname(parent)) utimesSync(parent, 100, 100);
}

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-stale-"));
  const exports = { ".": { default: "./dist/index.js" }, "./package.json": { default: "./package.json" } };
  file("package.json", 100, JSON.stringify({ exports }));
  file("src/index.ts", 100);
  file("src/deep/part.ts", 100);
  file("dist/index.js", 200);
  file("dist/index.d.ts", 200);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("leaves a build alone that is newer than everything it was made of", () => {
  expect(staleReason(folder)).toBeUndefined();
});

it.each(["src/deep/part.ts", "package.json", "tsdown.config.ts"])("builds again when %s changes", (name) => {
  const exports = { ".": { default: "./dist/index.js" } };
  file(name, 300, name === "package.json" ? JSON.stringify({ exports }) : "");
  expect(staleReason(folder)).toBe("dist is older than its sources");
});

it("builds again when a source was deleted", () => {
  rmSync(path.join(folder, "src/deep/part.ts"));
  utimesSync(path.join(folder, "src/deep"), 300, 300);
  expect(staleReason(folder)).toBe("dist is older than its sources");
});

it("does not build for a test", () => {
  file("src/deep/part.test.ts", 300);
  expect(staleReason(folder)).toBeUndefined();
});

it("builds when a file of the build is missing", () => {
  rmSync(path.join(folder, "dist/index.d.ts"));
  expect(staleReason(folder)).toBe("dist/index.d.ts is missing");
});
