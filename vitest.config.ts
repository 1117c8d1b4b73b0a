import { availableParallelism } from "node:os";
import path from "node:path";
import { configDefaults, defineConfig, type ViteUserConfig } from "vitest/config";
import { luaPlugin } from "./scripts/lua-plugin.ts";
import { peersPlugin } from "./test/support/peers-plugin.ts";

// Test files whose Redis or browser is missing: scripts/test.mjs names them here, and says so at the end.
const leftOut = (process.env.TIDINGS_LEFT_OUT ?? "").split(path.delimiter).filter((file) => file !== "");
const exclude = [...configDefaults.exclude, "**/fixtures/**", ...leftOut];

// What takes long runs by `npm run test:long`.
const LONG = "test/**/*.long.test.ts";
// Faults on real parts, by `npm run test:chaos`.
const CHAOS = "test/chaos/**/*.chaos.test.ts";
const LONG_BROWSER = "test/{browser,examples}/**/*.long.test.ts";

// Most of them wait most of the time, for servers and for clocks.
const waiting = { maxWorkers: Math.max(3, availableParallelism() - 1), sequence: { groupOrder: 0 } };
// A browser or a bundler takes more.
const working = { maxWorkers: Math.max(2, availableParallelism() - 1), sequence: { groupOrder: 1 } };

// A machine of CI is busy with others, and real servers and browsers may miss their time once. The report says `(retry x1)` then;
// what runs on a clock of ours has no such excuse.
const retry = process.env.CI ? 1 : 0;

const config: ViteUserConfig = defineConfig({
  plugins: [luaPlugin(), peersPlugin()],
  test: {
    setupFiles: [path.join(import.meta.dirname, "test/support/patience.ts")],
    projects: [
      {
        extends: true,
        test: {
          ...waiting,
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "src/**/*.test.tsx",
            "scripts/**/*.test.mjs",
            "test/simulation/**/*.test.ts",
            "test/chaos/**/*.test.ts",
          ],
          exclude: [...exclude, LONG, CHAOS],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          ...waiting,
          name: "integration",
          retry,
          include: ["test/integration/**/*.test.ts"],
          exclude: [...exclude, LONG],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...waiting,
          name: "long",
          retry,
          include: [LONG],
          exclude: [...exclude, LONG_BROWSER],
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          // One at a time: they fill the machine, and compare what they see on it.
          maxWorkers: 1,
          name: "chaos",
          retry,
          include: [CHAOS],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          ...working,
          name: "long-browser",
          retry,
          include: [LONG_BROWSER],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          ...working,
          name: "browser",
          retry,
          include: ["test/browser/**/*.test.ts"],
          exclude: [...exclude, LONG],
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      {
        extends: true,
        test: {
          ...working,
          name: "package",
          retry,
          include: ["test/package/**/*.test.ts"],
          exclude: [...exclude, LONG],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});

export default config;
