import { existsSync } from "node:fs";
import { defineConfig, type UserConfig } from "tsdown";
import { entries, programs } from "./scripts/entries.mjs";
import { luaPlugin } from "./scripts/lua-plugin.ts";

/**
 * Declarations that speak of `Symbol.asyncDispose` name the library that declares it, so that they hold in a project whose
 * own `lib` does not have it yet.
 */
const disposableTypes: NonNullable<UserConfig["plugins"]> = {
  name: "disposable-types",
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk" && file.fileName.endsWith(".d.ts") && /Symbol\.(asyncD|d)ispose/.test(file.code)) {
        file.code = `/// <reference lib="esnext.disposable" />\n${file.code}`;
      }
    }
  },
};

/** Nobody imports a program. */
const noTypesOfPrograms: NonNullable<UserConfig["plugins"]> = {
  name: "no-types-of-programs",
  generateBundle(_options, bundle) {
    for (const { name } of programs()) delete bundle[`${name}.d.ts`];
  },
};

/** Where code imports another entry, whose types it does not show, the bundler leaves a file of declarations with nothing in it. */
const noEmptyTypes: NonNullable<UserConfig["plugins"]> = {
  name: "no-empty-types",
  generateBundle(_options, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      const isEmpty = file.type === "chunk" && !file.isEntry && /^export ?\{ ?\};?\s*$/.test(file.code);
      if (isEmpty && name.endsWith(".d.ts")) delete bundle[name];
    }
  },
};

const config: UserConfig = defineConfig({
  // From `exports` and `bin` in package.json. A missing source is refused by `npm run check:package`, not here.
  entry: Object.fromEntries(
    [...entries(), ...programs()].filter((entry) => existsSync(entry.source)).map((entry) => [entry.name, entry.source]),
  ),
  format: "esm",
  // Neither Node nor the browser: each entry says itself, by its imports, where it can run.
  platform: "neutral",
  target: "es2022",
  fixedExtension: false,
  dts: { oxc: { stripInternal: true } },
  // The code is shipped unminified, so a stack trace can be read as it is; source maps would double the package.
  sourcemap: false,
  hash: false,
  outputOptions: { chunkFileNames: "shared/[name].js" },
  deps: {
    neverBundle: [/^node:/, /^(react|svelte|vue)($|\/)/, /^ioredis($|\/)/, /^@opentelemetry\/api$/],
    // Nothing else may come from node_modules into the build: a new import of a package fails here.
    onlyBundle: [],
  },
  plugins: [luaPlugin(), disposableTypes, noTypesOfPrograms, noEmptyTypes],
  failOnWarn: true,
  // Output is swapped in by scripts/build.mjs.
  clean: true,
  logLevel: "warn",
});

export default config;
