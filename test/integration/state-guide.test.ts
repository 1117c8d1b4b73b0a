import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { installFramework } from "../support/frameworks.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "test/integration/fixtures/state");
const read = (file: string): string => readFileSync(path.join(example, file), "utf8");
const requireOf = (framework: "svelte5" | "vue3") => createRequire(path.join(installFramework(framework), "package.json"));

describe("docs/guides/state.md", () => {
  const folder = path.join(root, `.cache/state-guide-${process.pid}`);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("shows these programs, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/state.md"), "utf8");
    const fences = [
      ...guide.matchAll(/^```(?:tsx?|svelte|vue)\n(?:\/\/|<!--) (?<file>[\w.-]+)(?: -->)?\n(?<code>[\s\S]*?)^```$/gm),
    ];
    expect(guide.match(/^```/gm)).toHaveLength(2 * fences.length);
    for (const { groups: { file = "", code } = {} } of fences) expect(code, file).toBe(read(file));
    expect(fences.map(({ groups }) => groups?.["file"] ?? "").toSorted()).toEqual(readdirSync(example).toSorted());
  });

  it("whose list takes an order twice as once", async () => {
    const { put } = (await import(path.join(example, "order-state.ts"))) as { put(list: unknown[], order: unknown): unknown[] };
    const [tea, jam] = [
      { id: "1", item: "tea", state: "open" },
      { id: "2", item: "jam", state: "open" },
    ];
    const sent = { ...tea, state: "sent" };
    expect(put(put([], tea), jam)).toEqual([tea, jam]);
    expect(put([tea, jam], sent)).toEqual([sent, jam]);
    expect(put([sent, jam], sent)).toEqual([sent, jam]);
  });

  it("F-62: which compile; that of Vue and that of Svelte with the compiler of theirs, too", async () => {
    const { parse, compileScript } = requireOf("vue3")("vue/compiler-sfc") as {
      parse(source: string, options: object): { readonly descriptor: unknown };
      compileScript(descriptor: unknown, options: object): { readonly content: string };
    };
    const { descriptor } = parse(read("OrderList.vue"), { filename: "OrderList.vue" });
    const { content } = compileScript(descriptor, { id: "OrderList" });
    const { compile } = requireOf("svelte5")("svelte/compiler") as {
      compile(source: string, options: object): { readonly warnings: readonly unknown[] };
    };
    expect(compile(read("OrderList.svelte"), { filename: "OrderList.svelte", runes: true }).warnings).toEqual([]);
    const [, svelte = ""] = /<script lang="ts">\n([\s\S]*?)<\/script>/.exec(read("OrderList.svelte")) ?? [];

    mkdirSync(folder, { recursive: true });
    const near = (code: string): string => code.replaceAll('from "./', `from "${example}/`);
    writeFileSync(path.join(folder, "vue.ts"), near(content));
    writeFileSync(path.join(folder, "svelte.ts"), `declare function $props(): any;\n${near(svelte)}\nexport { orders };\n`);
    const own = { "": "index", "/client": "client/react", "/client/svelte": "client/svelte", "/client/vue": "client/vue" };
    const config = {
      compilerOptions: {
        ...{ target: "es2022", module: "esnext", moduleResolution: "bundler", jsx: "react-jsx" },
        ...{ lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"], types: ["node"] },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true, noEmit: true },
        ...{ allowImportingTsExtensions: true, rootDir: root, typeRoots: [path.join(root, "node_modules/@types")] },
        paths: {
          ...Object.fromEntries(
            Object.entries(own).map(([name, file]) => [`tidings${name}`, [path.join(root, `src/${file}.ts`)]]),
          ),
          vue: [path.join(installFramework("vue3"), "node_modules/vue")],
        },
      },
      files: [
        ...["realtime.ts", "orders.ts", "order-state.ts", "order-list.tsx"].map((file) => path.join(example, file)),
        ...["vue.ts", "svelte.ts"].map((file) => path.join(folder, file)),
        ...["src/brokers/redis/lua.d.ts", "src/client/svelte/svelte.d.ts"].map((file) => path.join(root, file)),
      ],
    };
    const file = path.join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    const output = await compiled.catch((error: { stdout: string }) => error);
    expect(output.stdout).toBe("");
  }, 240_000);
});
