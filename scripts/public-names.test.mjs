// @ts-check
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { undocumentedNames } from "./public-names.mjs";

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-names-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("names what is exported without a word on it, wherever it is declared and whatever it is renamed to", () => {
  const files = {
    "package.json": JSON.stringify({ exports: { ".": { default: "./dist/index.js" }, "./x": { default: "./dist/x.js" } } }),
    "dist/index.d.ts": `
      import { n as inner, m as other } from "./shared/a.js";
      /** Said. */
      export declare const a: number;
      export declare const b: number;
      // Not a doc comment.
      export interface C {}
      export { inner as d, other as e };`,
    "dist/shared/a.d.ts": "/** Said. */\ndeclare const inner: 1;\ndeclare const other: 2;\nexport { inner as n, other as m };",
    "dist/x.d.ts": "/** Said. */\nexport declare function f(): void;",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  expect(undocumentedNames(folder).toSorted()).toEqual([".: C", ".: b", ".: e"]);
});
