import path from "node:path";
import { build, type Rolldown } from "vite";
import { describe, expect, it } from "vitest";
import { root } from "./installed.ts";

/** What a bundler makes of an application's imports. */
interface Bundled {
  readonly code: string;
  /** The files of which something is left, relative to the root. */
  readonly modules: readonly string[];
}

/** Bundles an application that uses nothing but these exports. */
async function bundleUse(from: string, names: readonly string[]): Promise<Bundled> {
  const app = path.join(root, "app.js");
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [
      {
        name: "app",
        resolveId: (id) => (id === app ? id : null),
        load: (id) => (id === app ? `export { ${names.join()} } from ${JSON.stringify(from)};` : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      rolldownOptions: { input: app, preserveEntrySignatures: "strict", external: [/^(react|svelte|vue)($|\/)/] },
    },
  });
  const chunks = (built as Rolldown.RolldownOutput).output.filter((file) => file.type === "chunk");
  return {
    code: chunks.map(({ code }) => code).join("\n"),
    modules: chunks.flatMap(({ modules }) => Object.keys(modules)).map((file) => path.relative(root, file)),
  };
}

/** A property that bundlers keep, and that nothing but the folded state has. */
const MARK = /\bisStale\b/;
const MODULES = /(folded|follow|realtime)-state\.ts$/;

describe.each([
  ["tidings/client", "src/client/react.ts", "RealtimeProvider"],
  ["tidings/client/svelte", "src/client/svelte.ts", "provideRealtime"],
  ["tidings/client/vue", "src/client/vue.ts", "provideRealtime"],
])("what an application loads of %s", (subpath, source, provider) => {
  it("a provider, `useRealtime` and `createRealtime` bring nothing of the folded state", async () => {
    const names = [provider, "useRealtime", "createRealtime"];
    const { modules } = await bundleUse(path.join(root, source), names);
    expect(modules).toContain("src/client/bindings/follow.ts");
    expect(modules.filter((module) => MODULES.test(module))).toEqual([]);
    expect((await bundleUse(subpath, names)).code).not.toMatch(MARK);
  });

  it.each(["useRealtimeState", "createRealtimeState"])("`%s` brings it, and nothing of `useRealtime`", async (name) => {
    const { modules } = await bundleUse(path.join(root, source), [provider, name]);
    expect(modules.filter((module) => MODULES.test(module))).toContain("src/client/bindings/folded-state.ts");
    expect(modules).not.toContain("src/client/bindings/follow.ts");
    expect((await bundleUse(subpath, [provider, name])).code).toMatch(MARK);
  });
});
