// @ts-check
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { root } from "./entries.mjs";

const REDIS = `
const socket = process.argv[process.argv.indexOf("--unixsocket") + 1];
require("node:net").createServer((client) => client.on("data", () => client.write("+PONG\\r\\n"))).listen(socket);
`;
const CHROMIUM = `console.error("DevTools listening on ws://127.0.0.1:1/x"); setInterval(() => {}, 1000);`;

const NEEDS_REDIS = `
import { describe, expect, it, vi } from "vitest";
import { mark } from "../support/redis-server.ts";
describe.each([1, 2, 3])("%i", () => {
  it("sees the server that was found, and no other", () => {
    expect([mark, process.env.REDIS_SERVER, process.env.REDIS_URL]).toEqual([1, process.env.EXPECTED, undefined]);
  });
});
`;
const NEEDS_NOTHING = `
import { it } from "vitest";
it("passes", () => {});
it.skip("waits", () => {});
it("can fail", () => {
  if (process.env.FAIL) throw new Error("as told");
});
`;
const HANGS = `
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { it } from "vitest";
it("never ends, and has a child", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  writeFileSync(process.env.PID_FILE, String(child.pid));
  await new Promise(() => {});
});
`;

describe("npm test", { timeout: 60_000 }, () => {
  /** @type {string} */
  let folder;

  /**
   * @param {string} name
   * @param {string} text
   * @returns {string} the file's path
   */
  function file(name, text) {
    const target = path.join(folder, name);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
    if (name.startsWith("bin/")) chmodSync(target, 0o755);
    return target;
  }

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "tidings-npm-test-"));
    cpSync(path.join(root, "scripts"), path.join(folder, "scripts"), { recursive: true });
    const support = ["patience", "peers-plugin", "install-once"].map((name) => `test/support/${name}.ts`);
    for (const name of ["vitest.config.ts", "tsconfig.json", "test/package/installed.ts", ...support])
      cpSync(path.join(root, name), path.join(folder, name));
    symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
    file("package.json", JSON.stringify({ type: "module", exports: {} }));
    mkdirSync(path.join(folder, "src"));
    mkdirSync(path.join(folder, "tmp"));
    file("bin/package.json", "{}");
    file("test/support/redis-server.ts", "export const mark = 1;");
    file("test/integration/redis.test.ts", NEEDS_REDIS);
    file("test/integration/plain.test.ts", NEEDS_NOTHING);
  });
  afterEach(() => {
    expect(readdirSync(path.join(folder, "tmp")), "left behind").toEqual([]);
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * Starts `npm test` on a machine that has only the programs in `bin`.
   * @param {NodeJS.ProcessEnv} [env]
   */
  function start(env = {}) {
    const child = spawn(process.execPath, ["scripts/test.mjs", "test/integration"], {
      cwd: folder,
      env: {
        PATH: path.join(folder, "bin"),
        HOME: folder,
        NO_COLOR: "1",
        TMPDIR: path.join(folder, "tmp"),
        // Chromium of playwright-core would be found in the user's cache.
        PLAYWRIGHT_BROWSERS_PATH: path.join(folder, "none"),
        REDIS_URL: "redis://127.0.0.1:1",
        ...env,
      },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    const ended = new Promise((/** @type {(code: number | null) => void} */ resolve) => child.on("close", resolve));
    return { child, ended, output: () => output };
  }

  it("says what it found, gives it to the tests, hides REDIS_URL, and closes with the counts", async () => {
    const redis = file("bin/redis-server", `#!${process.execPath}\n${REDIS}`);
    const chromium = file("bin/chromium", `#!${process.execPath}\n${CHROMIUM}`);
    const run = start({ EXPECTED: redis });
    expect(await run.ended, run.output()).toBe(0);
    const lines = run.output().trim().split("\n");
    expect(lines[0]).toBe(`redis     ${redis} (version unknown, from PATH)`);
    expect(lines[1]).toBe(`chromium  ${chromium} (version unknown, from PATH)`);
    expect(lines.at(-1)).toBe("5 passed, 0 failed, 1 skipped");
  });

  it("runs what needs nothing, then fails with the number of tests that did not run and one command", async () => {
    file("bin/brew", "#!/bin/sh\nexit 1\n");
    const before = readFileSync(path.join(folder, "test/integration/redis.test.ts"), "utf8");
    const run = start();
    expect(await run.ended, run.output()).toBe(1);
    expect(run.output()).toMatch(/^redis {5}not found\nchromium {2}not found\n/);
    expect(run.output()).toContain("3 tests did NOT RUN: no redis and no chromium here. This command cures it:");
    expect(run.output()).toContain("  brew install redis && npx playwright-core install chromium\n");
    expect(run.output().trim().split("\n").at(-1)).toBe("2 passed, 0 failed, 1 skipped, 3 did NOT RUN");
    expect(readFileSync(path.join(folder, "test/integration/redis.test.ts"), "utf8")).toBe(before);
  });

  it.runIf(process.getuid?.() === 0)(
    "as root with apt-get, says so, installs what is missing, and runs everything",
    async () => {
      const redis = path.join(folder, "bin/redis-server");
      const install = `
      const { appendFileSync, chmodSync, writeFileSync } = require("node:fs");
      const wanted = process.argv.at(-1);
      appendFileSync(${JSON.stringify(path.join(folder, "log"))}, process.argv.slice(2).join(" ") + "\\n");
      const programs = ${JSON.stringify({ "redis-server": REDIS, chromium: CHROMIUM })};
      if (programs[wanted]) {
        const file = ${JSON.stringify(path.join(folder, "bin"))} + "/" + wanted;
        writeFileSync(file, "#!" + process.execPath + "\\n" + programs[wanted]);
        chmodSync(file, 0o755);
      }`;
      file("bin/apt-get", `#!${process.execPath}\n${install}`);
      const run = start({ EXPECTED: redis });
      expect(await run.ended, run.output()).toBe(0);
      expect(run.output()).toContain("redis and chromium missing; this is root on a system with apt-get");
      expect(run.output()).toContain(`redis     ${redis} (version unknown, from PATH)`);
      expect(run.output().trim().split("\n").at(-1)).toBe("5 passed, 0 failed, 1 skipped");
      expect(readFileSync(path.join(folder, "log"), "utf8")).toBe(
        [
          "-q update\n",
          "-q install -y --no-install-recommends redis-server\n",
          "-q install -y --no-install-recommends chromium\n",
        ].join(""),
      );
    },
  );

  it("counts a failed test, and a file that cannot be read", async () => {
    file("bin/redis-server", `#!${process.execPath}\n${REDIS}`);
    file("bin/chromium", `#!${process.execPath}\n${CHROMIUM}`);
    file("test/integration/broken.test.ts", `throw new Error("at once");`);
    const run = start({ EXPECTED: path.join(folder, "bin/redis-server"), FAIL: "1" });
    expect(await run.ended).toBe(1);
    expect(run.output().trim().split("\n").at(-1)).toBe("4 passed, 2 failed, 1 skipped");
  });

  it("ends everything it started when it is interrupted", async () => {
    file("bin/redis-server", `#!${process.execPath}\n${REDIS}`);
    file("bin/chromium", `#!${process.execPath}\n${CHROMIUM}`);
    file("test/integration/hangs.test.ts", HANGS);
    const pidFile = path.join(folder, "pid");
    const run = start({ PID_FILE: pidFile, EXPECTED: path.join(folder, "bin/redis-server") });
    const pid = await vi.waitFor(
      () => {
        const text = readFileSync(pidFile, "utf8");
        expect(text).not.toBe("");
        return Number(text);
      },
      { timeout: 20_000 },
    );
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    // A killed orphan stays visible until init has collected it, which can take seconds.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 20_000 });
  });
});
