// @ts-check
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { root } from "./entries.mjs";

/**
 * For each rule that the house style depends on, a module that breaks it.
 * @type {Record<string, [file: string, text: string]>}
 */
const BROKEN = {
  "typescript(no-explicit-any)": ["any.ts", "export const a = (b: any): boolean => Boolean(b);"],
  "typescript(no-floating-promises)": ["floating.ts", "export function a(b: Promise<void>): void {\n  b;\n}"],
  "typescript(no-misused-promises)": ["misused.ts", "export const a = (b: Promise<boolean>): number => (b ? 1 : 2);"],
  "typescript(consistent-type-imports)": ["types.ts", `import { Stats } from "node:fs";\nexport type A = Stats;`],
  "typescript(switch-exhaustiveness-check)": [
    "switch.ts",
    `export function a(b: "x" | "y"): number {\n  switch (b) {\n    case "x":\n      return 1;\n  }\n  return 2;\n}`,
  ],
  "typescript(no-namespace)": ["namespace.ts", "export namespace A {\n  export const b = 1;\n}"],
  "import(no-default-export)": ["default.ts", "const a = 1;\nexport default a;"],
  "import(no-mutable-exports)": ["mutable.ts", "export let a = 1;\na += 1;"],
  "tidings(no-export-star)": ["star.ts", `export * from "./clean.ts";`],
  "eslint(max-params)": ["params.ts", "export const a = (b: 1, c: 2, d: 3, e: 4, f: 5): number[] => [b, c, d, e, f];"],
  "eslint(no-console)": ["console.ts", `console.log("x");`],
  "eslint(no-underscore-dangle)": ["underscore.ts", "export const a = (b: { _c: number }): number => b._c;"],
  "eslint(eqeqeq)": ["equal.ts", "export const a = (b: string): boolean => b == `c`;"],
  "unicorn(filename-case)": ["CamelCase.ts", "export const a = 1;"],
  "unicorn(prefer-node-protocol)": ["protocol.ts", `import { readFileSync } from "fs";\nexport const a = readFileSync;`],
};

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-lint-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("the linter refuses what the house style forbids, and nothing of a clean module", { timeout: 30_000 }, () => {
  for (const name of [".oxlintrc.json", "tsconfig.json", "scripts/lint-plugin.mjs"]) {
    cpSync(path.join(root, name), path.join(folder, name));
  }
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  mkdirSync(path.join(folder, "src"));
  writeFileSync(path.join(folder, "src/clean.ts"), "export const a = (b: number): number => b;\n");
  for (const [file, text] of Object.values(BROKEN)) writeFileSync(path.join(folder, "src", file), `${text}\n`);

  const tool = path.join(root, "node_modules/oxlint/bin/oxlint");
  const run = spawnSync(process.execPath, [tool, "--type-aware", "--format", "unix", "src"], { cwd: folder, encoding: "utf8" });
  const lines = run.stdout.split("\n");
  for (const [rule, [file]] of Object.entries(BROKEN)) {
    expect(
      lines.some((line) => line.includes(`src/${file}:`) && line.includes(rule)),
      `${rule}\n${run.stdout}`,
    ).toBe(true);
  }
  expect(lines.filter((line) => line.includes("clean.ts"))).toEqual([]);
});
