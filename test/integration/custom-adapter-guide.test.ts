import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "vite";
import { luaPlugin } from "../../scripts/lua-plugin.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "examples/custom-adapter");
// Both entries have the types of an adapter.
const OWN = { tidings: path.join(root, "src/testing.ts"), "tidings/testing": path.join(root, "src/testing.ts") };

describe("docs/guides/custom-adapter.md", () => {
  let server: RedisServer;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "tidings-custom-adapter-"));
    server = await startRedis();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("F-8: shows the files of the example, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/custom-adapter.md"), "utf8");
    const fences = [...guide.matchAll(/^```ts\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)];
    expect(fences.map(({ groups }) => groups?.["file"])).toEqual(["adapter.ts", "adapter.test.ts"]);
    expect(guide.match(/^```/gm)).toHaveLength(2 * fences.length);
    for (const { groups: { file = "", code } = {} } of fences) {
      expect(code, file).toBe(readFileSync(path.join(example, file), "utf8"));
    }
  });

  it("F-8: which compile", async () => {
    const config = {
      extends: path.join(example, "tsconfig.json"),
      compilerOptions: {
        noEmit: true,
        rootDir: root,
        module: "esnext",
        moduleResolution: "bundler",
        target: "es2022",
        lib: ["es2023", "dom"],
        allowImportingTsExtensions: true,
        types: ["node"],
        typeRoots: [path.join(root, "node_modules/@types")],
        paths: Object.fromEntries(Object.entries(OWN).map(([name, file]) => [name, [file]])),
      },
      include: [`${example}/*.ts`, path.join(root, "src/brokers/redis/lua.d.ts")],
    };
    const file = path.join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    await expect(compiled).resolves.toMatchObject({ stdout: "" });
  });

  it("F-8: and pass the suite under Node's own test runner", async () => {
    await build({
      root: example,
      configFile: false,
      logLevel: "warn",
      plugins: [luaPlugin()],
      resolve: { alias: Object.entries(OWN).map(([name, replacement]) => ({ find: new RegExp(`^${name}$`), replacement })) },
      ssr: { noExternal: true },
      build: { ssr: "adapter.test.ts", outDir: folder, emptyOutDir: false, minify: false },
    });
    const env = { ...process.env, TEST_REDIS_URL: server.url, NODE_TEST_CONTEXT: undefined };
    const { stdout } = await run(process.execPath, ["--test", "--test-reporter=tap", folder], { env });
    expect(stdout).toMatch(/^# pass [1-9]\d$/m);
    expect(stdout).toContain("# fail 0\n# cancelled 0\n# skipped 0\n");
  });
});
