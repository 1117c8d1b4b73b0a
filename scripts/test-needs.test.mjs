// @ts-check
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { testNeeds } from "./test-needs.mjs";

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-needs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("reads from its imports what a test needs, through helpers, and through helpers that import each other", () => {
  const files = {
    "src/a.test.ts": `import { a } from "./a.ts";`,
    "src/a.ts": `export const a = "not a test";`,
    "test/support/redis-server.ts": "export const start = 1;",
    "test/support/browser.ts": `import { chromium } from "playwright-core";`,
    "test/support/browsers/firefox.ts": "export const launch = 1;",
    "test/support/browsers/webkit.ts": "export const launch = 1;",
    "test/support/nginx.ts": "export const start = 1;",
    "test/support/proxies.ts": "export const start = 1;",
    "test/support/guide-proxies.ts": `export { start } from "./proxies.ts";`,
    "test/support/two.ts": `import { start } from "./redis-server.ts"; import "./three.ts";`,
    "test/support/three.ts": `import "./two.ts";`,
    "test/integration/memory.test.ts": `import { it } from "vitest";`,
    "test/integration/redis.test.ts": `import { start } from "../support/redis-server.ts";`,
    "test/integration/deep.test.ts": `export { start } from "../support/two.ts";`,
    "test/browser/both.test.ts": `import "../support/two.ts"; const b = await import("../support/browser.ts");`,
    "test/browser/firefox.long.test.ts": `import { launch } from "../support/browsers/firefox.ts";`,
    "test/browser/webkit.long.test.ts": `import { launch } from "../support/browsers/webkit.ts";`,
    "test/chaos/nginx.chaos.test.ts": `import { start } from "../support/nginx.ts";`,
    "test/integration/proxies.long.test.ts": `import { start } from "../support/proxies.ts";`,
    "test/integration/guide.long.test.ts": `import { start } from "../support/guide-proxies.ts";`,
    "test/package/direct.test.ts": `import { chromium } from "playwright-core";`,
    "test/package/node_modules/x/x.test.ts": `import "playwright-core";`,
  };
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const needs = Object.fromEntries([...testNeeds(folder)].map(([file, names]) => [file, [...names].toSorted().join(" ")]));
  expect(needs).toEqual({
    "src/a.test.ts": "",
    "test/integration/memory.test.ts": "",
    "test/integration/redis.test.ts": "redis",
    "test/integration/deep.test.ts": "redis",
    "test/browser/both.test.ts": "chromium redis",
    "test/browser/firefox.long.test.ts": "firefox",
    "test/browser/webkit.long.test.ts": "webkit xvfb",
    "test/chaos/nginx.chaos.test.ts": "nginx",
    "test/integration/proxies.long.test.ts": "haproxy nginx",
    "test/integration/guide.long.test.ts": "caddy haproxy nginx",
    "test/package/direct.test.ts": "chromium",
  });
});
