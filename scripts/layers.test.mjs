// @ts-check
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import config from "../.dependency-cruiser.mjs";
import { root } from "./entries.mjs";

/** Modules that keep to the layers. */
const CLEAN = {
  "src/index.ts": `export { Realtime } from "./realtime/realtime.ts";`,
  "src/node.ts": `export { handle } from "./transports/node.ts";`,
  "src/protocol/cursor.ts": `import type { Code } from "./codes.ts"; export const compare = (a: Code) => a;`,
  "src/protocol/codes.ts": `export type Code = "a";`,
  "src/schema/schema.ts": `import { compare } from "../protocol/cursor.ts"; export type S = string; export const c = compare;`,
  "src/brokers/broker.ts": `export interface Broker { id: string } export const notAType = 1;`,
  "src/brokers/memory.ts": `import type { Broker } from "./broker.ts"; export const memory: Broker = { id: "" };`,
  "src/hub/hub.ts": `import type { Broker } from "../brokers/broker.ts"; export const hub = (b: Broker) => b;`,
  "src/hub/hub.test.ts": `import { it } from "vitest"; import { memory } from "../brokers/memory.ts"; it("", () => { void memory; });`,
  "src/realtime/realtime.ts": `import { hub } from "../hub/hub.ts"; import { memory } from "../brokers/memory.ts"; export const Realtime = [hub, memory];`,
  "src/transports/node.ts": `import type { IncomingMessage } from "node:http"; import { hub } from "../hub/hub.ts"; export const handle = (r: IncomingMessage) => [hub, r];`,
  "src/client/core.ts": `import type { S } from "../schema/schema.ts"; import { compare } from "../protocol/cursor.ts"; export const core = (s: S) => [s, compare];`,
  "src/client/react.ts": `export { provider } from "./react/provider.tsx";`,
  "src/client/react/provider.tsx": `import { useState } from "react"; import { core } from "../core.ts"; export const provider = [useState, core];`,
  "src/client/svelte/context.ts": `import { getContext } from "svelte"; export const context = getContext;`,
  "src/client/vue.ts": `export { inject as context } from "vue";`,
  "src/client/types-a.ts": `import type { B } from "./types-b.ts"; export type A = B | 1;`,
  "src/client/types-b.ts": `import type { A } from "./types-a.ts"; export type B = A[];`,
  "src/cli/main.ts": `import { readFileSync } from "node:fs"; import { Realtime } from "../index.ts"; import { memory } from "../brokers/memory.ts"; void [readFileSync, Realtime, memory];`,
  "src/monitoring/prometheus.ts": `import { Realtime } from "../realtime/realtime.ts"; export const text = Realtime;`,
  "src/monitoring/opentelemetry.ts": `import { trace } from "@opentelemetry/api"; export const spans = trace;`,
  "src/events/clean.ts": `export const a = 1;`,
  "src/bullmq/clean.ts": `export const a = 1;`,
  "test/support/x.ts": `export const x = 1;`,
};

/**
 * For each rule, modules that break it.
 * @type {Record<string, Record<string, string>>}
 */
const BROKEN = {
  "protocol-imports-nothing": {
    "src/protocol/bad-protocol-imports-nothing.ts": `import { hub } from "../hub/hub.ts"; export const a = hub;`,
  },
  "schema-knows-protocol": {
    "src/schema/bad-schema-knows-protocol.ts": `import { hub } from "../hub/hub.ts"; export const a = hub;`,
  },
  "brokers-know-protocol": {
    "src/brokers/bad-brokers-know-protocol.ts": `import type { S } from "../schema/schema.ts"; export const a = (s: S) => s;`,
  },
  "hub-knows-ports": {
    "src/hub/bad-hub-knows-ports.ts": `import { memory } from "../brokers/memory.ts"; export const a = memory;`,
  },
  "hub-takes-types-of-the-port": {
    "src/hub/bad-hub-takes-types-of-the-port.ts": `import { notAType } from "../brokers/broker.ts"; export const a = notAType;`,
  },
  "realtime-knows-no-transport": {
    "src/realtime/bad-realtime-knows-no-transport.ts": `import type { handle } from "../transports/node.ts"; export type A = typeof handle;`,
  },
  "transports-know-no-broker": {
    "src/transports/bad-transports-know-no-broker.ts": `import { memory } from "../brokers/memory.ts"; export const a = memory;`,
  },
  "client-is-for-browsers": {
    "src/client/bad-client-is-for-browsers.ts": `import type { Realtime } from "../realtime/realtime.ts"; export type A = typeof Realtime;`,
  },
  "client-takes-types-of-schema": {
    "src/client/bad-client-takes-types-of-schema.ts": `import { c } from "../schema/schema.ts"; export const a = c;`,
  },
  "cli-is-a-user": {
    "src/cli/bad-cli-is-a-user.ts": `import { hub } from "../hub/hub.ts"; export const a = hub;`,
  },
  "nobody-knows-the-cli": {
    "src/realtime/bad-nobody-knows-the-cli.ts": `import "../cli/main.ts"; export const a = 1;`,
  },
  "only-react-knows-react": {
    "src/client/bad-only-react-knows-react.ts": `import { useState } from "react"; export const a = useState;`,
  },
  "only-svelte-knows-svelte": {
    "src/client/bad-only-svelte-knows-svelte.ts": `import { writable } from "svelte/store"; export const a = writable;`,
  },
  "only-vue-knows-vue": {
    "src/client/svelte/bad-only-vue-knows-vue.ts": `import { ref } from "vue"; export const a = ref;`,
  },
  "other-ways-in-are-users": {
    "src/runs/bad-other-ways-in-are-users.ts": `import { hub } from "../hub/hub.ts"; export const a = hub;`,
  },
  "events-stands-alone": {
    "src/events/bad-events-stands-alone.ts": `import { a } from "../bullmq/clean.ts"; export const b = a;`,
  },
  "resources-stands-alone": {
    "src/resources/bad-resources-stands-alone.ts": `import { a } from "../events/clean.ts"; export const b = a;`,
  },
  "workflow-stands-alone": {
    "src/workflow/bad-workflow-stands-alone.ts": `import { a } from "../events/clean.ts"; export const b = a;`,
  },
  "inngest-stands-alone": {
    "src/inngest/bad-inngest-stands-alone.ts": `import { a } from "../events/clean.ts"; export const b = a;`,
  },
  "bullmq-stands-alone": {
    "src/bullmq/bad-bullmq-stands-alone.ts": `import { a } from "../events/clean.ts"; export const b = a;`,
  },
  "event-hooks-are-for-browsers": {
    "src/events/client/bad-event-hooks-are-for-browsers.ts": `import { Realtime } from "../../index.ts"; export const a = Realtime;`,
  },
  "resources-client-is-for-browsers": {
    "src/resources/client/bad-resources-client-is-for-browsers.ts": `import { Realtime } from "../../index.ts"; export const a = Realtime;`,
  },
  "monitoring-looks-from-outside": {
    "src/monitoring/bad-monitoring-looks-from-outside.ts": `import { hub } from "../hub/hub.ts"; export const a = hub;`,
  },
  "nobody-needs-monitoring": {
    "src/realtime/bad-nobody-needs-monitoring.ts": `import "../monitoring/prometheus.ts"; export const a = 1;`,
  },
  "only-opentelemetry-knows-opentelemetry": {
    "src/realtime/bad-only-opentelemetry-knows-opentelemetry.ts": `import { trace } from "@opentelemetry/api"; export const a = trace;`,
  },
  "node-only-at-the-edge": {
    "src/client/bad-node-only-at-the-edge.ts": `import { readFileSync } from "node:fs"; export const a = readFileSync;`,
  },
  "no-package-but-peers": { "src/realtime/bad-no-package-but-peers.ts": `import { z } from "zod"; export const a = z;` },
  "no-test-in-code": {
    "src/realtime/bad-no-test-in-code.ts": `import { x } from "../../test/support/x.ts"; export const a = x;`,
  },
  "no-cycle": {
    "src/hub/bad-no-cycle.ts": `import { b } from "./worse-no-cycle.ts"; export const a = () => b;`,
    "src/hub/worse-no-cycle.ts": `import { a } from "./bad-no-cycle.ts"; export const b = () => a;`,
  },
  "no-unresolved": { "src/hub/bad-no-unresolved.ts": `import { a } from "./nowhere.ts"; export const b = a;` },
};

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-layers-"));
  for (const name of [".dependency-cruiser.mjs", "tsconfig.json", "package.json"]) {
    cpSync(path.join(root, name), path.join(folder, name));
  }
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Which rules these modules break, each as `"rule: module"`.
 * @param {Record<string, string>} modules
 * @returns {string[]}
 */
function violations(modules) {
  for (const [name, text] of Object.entries(modules)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const tool = path.join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const options = ["--config", ".dependency-cruiser.mjs", "--output-type", "json", "src"];
  const run = spawnSync(process.execPath, [tool, ...options], { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  /** @type {{ summary: { violations: { from: string, rule: { name: string } }[] } }} */
  const { summary } = JSON.parse(run.stdout);
  return summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
}

describe("the layers", { timeout: 30_000 }, () => {
  it("let clean modules pass", () => {
    expect(violations(CLEAN)).toEqual([]);
  });

  it("refuse what breaks them, each rule by its name", () => {
    expect(Object.keys(BROKEN)).toEqual(config.forbidden?.map((rule) => rule.name));
    const found = violations({ ...CLEAN, ...Object.assign({}, ...Object.values(BROKEN)) });
    for (const [rule, modules] of Object.entries(BROKEN)) {
      expect(found).toContain(`${rule}: ${Object.keys(modules)[0]}`);
    }
    expect(found.filter((violation) => !violation.includes("bad-") && !violation.includes("worse-"))).toEqual([]);
  });
});
