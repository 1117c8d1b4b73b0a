// @ts-check
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { candidates, findTools, LONG_TOOL_NAMES } from "./find-tools.mjs";

/** Answers like a server, and ends only when it is killed. */
const REDIS = (/** @type {string} */ version) => `
const socket = process.argv[process.argv.indexOf("--unixsocket") + 1];
require("node:net")
  .createServer((client) => client.on("data", () => client.write("$9\\r\\n${version}\\r\\n\\r\\n+PONG\\r\\n")))
  .listen(socket);
`;
const CHROMIUM = `console.error("\\nDevTools listening on ws://127.0.0.1:1/devtools/browser/x"); setInterval(() => {}, 1000);`;
const FIREFOX = `
if (process.argv.includes("--version")) console.log("Mozilla Firefox 153.7.0esr");
else setInterval(() => console.error("WebDriver BiDi listening on ws://127.0.0.1:1"), 10);`;
const WEBKIT_DRIVER = `
const port = process.argv.find((option) => option.startsWith("--port=")).slice(7);
require("node:http").createServer((request, response) => response.end("{}")).listen(port, "127.0.0.1");`;
const XVFB = `console.log("97"); setInterval(() => {}, 1000);`;

describe("findTools", () => {
  /** @type {string} */
  let folder;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "tidings-fake-path-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /**
   * Puts a program into a folder of the fake machine.
   * @param {string} name `"bin/redis-server"`
   * @param {string} code of the program
   * @returns {string} where it is
   */
  function program(name, code) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `#!${process.execPath}\n${code}`);
    chmodSync(file, 0o755);
    return file;
  }

  /**
   * @param {NodeJS.ProcessEnv} [env]
   * @param {string} [fromPlaywright]
   */
  async function find(env = {}, fromPlaywright) {
    const PATH = ["one", "two"].map((name) => path.join(folder, name)).join(path.delimiter);
    const playwrightChromium = () => Promise.resolve(fromPlaywright);
    const [redis, chromium] = await findTools({ env: { PATH, ...env }, platform: "linux", playwrightChromium });
    return { redis, chromium };
  }

  it("finds nothing where there is nothing, and says nothing about it", async () => {
    const nothing = { path: undefined, source: undefined, version: undefined, failures: [] };
    expect(await find()).toEqual({ redis: { name: "redis", ...nothing }, chromium: { name: "chromium", ...nothing } });
  });

  it("finds a server and a browser on the PATH", async () => {
    const redis = program("two/redis-server", REDIS("redis_version:7.0.15"));
    const chromium = program("one/chromium", CHROMIUM);
    expect(await find()).toMatchObject({
      redis: { path: redis, source: "PATH", version: "7.0.15", failures: [] },
      chromium: { path: chromium, source: "PATH", failures: [] },
    });
  });

  it("takes valkey-server and google-chrome as well", async () => {
    const valkey = program("one/valkey-server", REDIS("redis_version:7.2.4\\r\\nvalkey_version:8.0.1"));
    const chrome = program("one/google-chrome", CHROMIUM);
    expect(await find()).toMatchObject({ redis: { path: valkey, version: "8.0.1" }, chromium: { path: chrome } });
  });

  it("prefers what the variables name", async () => {
    program("one/redis-server", REDIS("redis_version:7.0.15"));
    program("one/chromium", CHROMIUM);
    const redis = program("mine/server", REDIS("redis_version:6.2.0"));
    const chromium = program("mine/browser", CHROMIUM);
    expect(await find({ REDIS_SERVER: redis, CHROMIUM_PATH: chromium })).toMatchObject({
      redis: { path: redis, source: "$REDIS_SERVER" },
      chromium: { path: chromium, source: "$CHROMIUM_PATH" },
    });
  });

  it("passes over a program that does not start, and says why", async () => {
    const broken = program("one/redis-server", `console.error("error while loading shared libraries"); process.exit(127);`);
    const good = program("two/redis-server", REDIS("redis_version:7.0.15"));
    const { redis } = await find({ REDIS_SERVER: path.join(folder, "nowhere") });
    expect(redis).toMatchObject({ path: good });
    expect(redis?.failures).toEqual([
      { path: path.join(folder, "nowhere"), source: "$REDIS_SERVER", reason: "cannot be run (ENOENT)" },
      { path: broken, source: "PATH", reason: "ended at once with code 127: error while loading shared libraries" },
    ]);
  });

  it("does not take a browser that only exists", async () => {
    program("one/chromium", `console.error("requires the chromium snap to be installed"); process.exit(1);`);
    const { chromium } = await find();
    expect(chromium?.path).toBeUndefined();
    expect(chromium?.failures).toHaveLength(1);
  });

  it("does not see a file that cannot be executed, a folder, or a dangling link", async () => {
    chmodSync(program("one/redis-server", REDIS("redis_version:7.0.15")), 0o644);
    mkdirSync(path.join(folder, "one/valkey-server"), { recursive: true });
    symlinkSync(path.join(folder, "gone"), path.join(folder, "one/chromium"));
    expect(await find()).toMatchObject({
      redis: { path: undefined, failures: [] },
      chromium: { path: undefined, failures: [] },
    });
  });

  it("takes the browser of playwright-core last", async () => {
    const own = program("cache/chrome", CHROMIUM);
    expect((await find({}, own)).chromium).toMatchObject({ path: own, source: "playwright-core" });
    const onPath = program("one/chromium", CHROMIUM);
    expect((await find({}, own)).chromium).toMatchObject({ path: onPath });
    expect((await find({}, path.join(folder, "not downloaded"))).chromium).toMatchObject({ path: onPath });
  });

  it("leaves no process behind", async () => {
    const pidFile = path.join(folder, "pid");
    const note = `require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));`;
    program("one/redis-server", note + REDIS("redis_version:7.0.15"));
    await find();
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("finds what the tests that take long need, when it is told to", async () => {
    program("one/firefox", `console.error("no such profile"); process.exit(1);`);
    const files = {
      firefox: program("two/firefox", FIREFOX),
      webkit: program("two/WebKitWebDriver", WEBKIT_DRIVER),
      xvfb: program("mine/Xvfb", XVFB),
      nginx: program("one/nginx", `console.error("nginx version: nginx/1.22.1"); setTimeout(() => {}, 60_000);`),
      haproxy: program("two/haproxy", `console.log("HAProxy version 2.6.12-1 2026/10/17"); setTimeout(() => {}, 60_000);`),
      caddy: program("one/caddy", `console.log("v2.6.2 h1:abc"); setTimeout(() => {}, 60_000);`),
      mariadb: program(
        "one/mariadbd",
        `console.log("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for linux"); setTimeout(() => {}, 60_000);`,
      ),
      prometheus: program("two/prometheus", `console.log("prometheus, version 2.42.0+ds"); setTimeout(() => {}, 60_000);`),
    };
    const PATH = ["one", "two"].map((name) => path.join(folder, name)).join(path.delimiter);
    const found = await findTools({ env: { PATH, XVFB_PATH: files.xvfb }, platform: "linux" }, LONG_TOOL_NAMES);
    expect(found).toMatchObject([
      {
        name: "firefox",
        path: files.firefox,
        version: "153.7.0esr",
        failures: [{ reason: expect.stringContaining("no such profile") }],
      },
      { name: "webkit", path: files.webkit, source: "PATH" },
      { name: "xvfb", path: files.xvfb, source: "$XVFB_PATH" },
      { name: "nginx", path: files.nginx, version: "1.22.1" },
      { name: "haproxy", path: files.haproxy, version: "2.6.12-1" },
      { name: "caddy", path: files.caddy, version: "2.6.2" },
      { name: "prometheus", path: files.prometheus, version: "2.42.0" },
      { name: "mariadb", path: files.mariadb, version: "10.11.19" },
    ]);
  });

  it("looks into the usual places on macOS only", async () => {
    const there = ["/opt/homebrew/bin/valkey-server", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
    const place = {
      env: { PATH: "/usr/bin" },
      playwrightChromium: () => Promise.resolve(undefined),
      exists: (/** @type {string} */ file) => there.includes(file),
    };
    expect([
      await candidates("redis", { ...place, platform: "darwin" }),
      await candidates("chromium", { ...place, platform: "darwin" }),
    ]).toEqual(there.map((file) => [{ path: file, source: "usual place" }]));
    expect(await candidates("redis", { ...place, platform: "linux" })).toEqual([]);
    expect(await candidates("chromium", { ...place, platform: "linux" })).toEqual([]);
  });
});
