// @ts-check
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./entries.mjs";
import { bundle, chunk, ROWS } from "./size.mjs";

// The first may have to fetch esbuild.
const SLOW = 120_000;

describe.each([
  ["tidings/client/core", "src/client/core.ts", ""],
  ["tidings/client", "src/client/react.ts", "bindings|react"],
  ["tidings/client/svelte", "src/client/svelte.ts", "bindings|svelte"],
  ["tidings/client/vue", "src/client/vue.ts", "bindings|vue"],
])("what %s ships to a browser", (_name, entry, folders) => {
  const ours = new RegExp(`^src/(protocol/|client/((transports|${folders})/)?)[a-z-]+\\.tsx?$`);

  it(
    "I12 Browser, B-20: no validator, nothing of the server; in production one line on the console, when a listener threw",
    async () => {
      const { code, modules } = await bundle(entry);
      expect(modules.length).toBeGreaterThan(8);
      expect(modules.filter((module) => !ours.test(module))).toEqual([]);
      expect(code.match(/console\.\w+/g)).toEqual(["console.error"]);
    },
    SLOW,
  );
});

describe("what a page loads when it is used", () => {
  it.each([
    ["src/client/transports/shared-tabs.ts", 4],
    ["src/client/transports/long-polling.ts", 1],
  ])("%s is a chunk of its own, with nothing of the core in it, nor is it in the core", async (file, count) => {
    const { modules } = await chunk(file);
    const core = await bundle("src/client/core.ts");
    expect(modules).toContain(file);
    expect(modules).toHaveLength(count);
    expect(modules.filter((module) => core.modules.includes(module))).toEqual([]);
  });

  it("what explains a failure is in no chunk in production", async () => {
    const { code } = await bundle("src/client/core.ts");
    expect(code).not.toContain("explain");
  });
});

describe("what the documents say of sizes", () => {
  /** @type {ReadonlyArray<[file: string, claim: RegExp]>} each with the size in kB */
  const claims = [
    ["README.md", /([\d.]+) kB (?:gzip|of code|min)/g],
    ["docs/guides/tabs.md", /code for it, ([\d.]+) kB/g],
    ["docs/guides/live-lists.md", /([\d.]+) kB gzip/g],
  ];

  it.each(claims)("%s names only budgets that are checked", (file, claim) => {
    const text = readFileSync(path.join(root, file), "utf8");
    const budgets = ROWS.map(({ budget }) => budget / 1_024);
    const named = [...text.matchAll(claim)].map(([, size]) => Number(size));
    expect(named.filter((size) => !budgets.includes(size))).toEqual([]);
  });
});
