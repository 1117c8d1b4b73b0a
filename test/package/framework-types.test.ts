import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installFramework, type Framework } from "../support/frameworks.ts";
import { root, runNode } from "./installed.ts";

/** Type tests by framework, and where the framework says what it is. */
const FRAMEWORKS: readonly (readonly [Framework, string, string])[] = [
  ["svelte4", "svelte.test-d.ts", "node_modules/svelte/types/index.d.ts"],
  ["svelte5", "svelte.test-d.ts", "node_modules/svelte/types/index.d.ts"],
  ["vue3", "vue.test-d.ts", "node_modules/vue/dist/vue.d.ts"],
];

describe("types of a framework that is not installed here", () => {
  const folder = path.join(root, `.cache/framework-types-${process.pid}`);
  beforeAll(() => void mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(FRAMEWORKS)("F-33, F-62: of %s fit what we declare of it, and %s holds with them", async (name, test, types) => {
    const real = path.join(installFramework(name), types);
    const config = {
      extends: path.join(root, "tsconfig.json"),
      // Svelte's file declares its modules; Vue's is one.
      compilerOptions: { types: ["node"], ...(name === "vue3" && { paths: { vue: [real] } }) },
      files: [path.join(root, "test/types", test), real, path.join(root, "src/brokers/redis/lua.d.ts")],
      include: [],
    };
    const file = path.join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(config));
    const { output } = await runNode(root, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    expect(output).toBe("");
  });
});
