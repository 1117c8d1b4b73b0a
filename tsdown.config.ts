import { existsSync } from "node:fs";
import { defineConfig, type UserConfig } from "tsdown";
import { entries } from "./scripts/entries.mjs";
import { luaPlugin } from "./scripts/lua-plugin.ts";

const config: UserConfig = defineConfig({
  // From `exports` in package.json. A missing source is refused by `npm run check:package`, not here.
  entry: Object.fromEntries(
    entries()
      .filter((entry) => existsSync(entry.source))
      .map((entry) => [entry.name, entry.source]),
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
    neverBundle: [/^node:/, /^react($|\/)/, /^ioredis($|\/)/],
    // Nothing else may come from node_modules into the build: a new import of a package fails here.
    onlyBundle: [],
  },
  plugins: [luaPlugin()],
  failOnWarn: true,
  // Output is swapped in by scripts/build.mjs.
  clean: true,
  logLevel: "warn",
});

export default config;
