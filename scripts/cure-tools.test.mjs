// @ts-check
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cureCommand, installDebian, mayInstall } from "./cure-tools.mjs";

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tidings-fake-path-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * A machine whose PATH holds only these programs.
 * @param {...string} programs
 * @returns {{ env: NodeJS.ProcessEnv }}
 */
function machine(...programs) {
  for (const name of programs) {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho "$DEBIAN_FRONTEND $0 $*" >> "${folder}/log"\n`);
    chmodSync(file, 0o755);
  }
  return { env: { PATH: folder } };
}

describe("cureCommand", () => {
  it.each(
    /** @type {const} */ ([
      ["apt-get", "ID=debian", "sudo apt-get install -y --no-install-recommends redis-server chromium"],
      [
        "apt-get",
        "NAME=x\nID=ubuntu\n",
        "sudo apt-get install -y --no-install-recommends redis-server && npx playwright-core install chromium --with-deps",
      ],
      ["dnf", 'ID="rhel"', "sudo dnf install -y redis chromium"],
      ["dnf", "ID=fedora", "sudo dnf install -y valkey chromium"],
      ["apk", "ID=alpine", "sudo apk add valkey chromium"],
      ["pacman", "ID=arch", "sudo pacman -S --needed valkey chromium"],
      ["zypper", "ID=opensuse", "sudo zypper install -y redis chromium"],
      ["brew", "", "brew install redis && npx playwright-core install chromium"],
    ]),
  )("is one command with %s (%s)", (program, osRelease, command) => {
    expect(cureCommand(["redis", "chromium"], { ...machine(program), uid: 1000, osRelease })).toBe(command);
  });

  it.each(
    /** @type {const} */ ([
      ["apt-get", "ID=debian", "apt-get install -y --no-install-recommends firefox-esr webkit2gtk-driver xvfb"],
      [
        "apt-get",
        "ID=ubuntu",
        "apt-get install -y --no-install-recommends webkit2gtk-driver xvfb && FIREFOX_PATH=<a firefox-esr> npm run test:long",
      ],
      ["brew", "", "brew install --cask firefox && WEBKIT_DRIVER=<a WebKitWebDriver> XVFB_PATH=<a Xvfb> npm run test:long"],
    ]),
  )(
    "names the packages of what takes long with %s (%s), and for those that are not known the variables",
    (program, osRelease, command) => {
      expect(cureCommand(["firefox", "webkit", "xvfb"], { ...machine(program), uid: 0, osRelease })).toBe(command);
    },
  );

  it("names only what is missing, and no sudo for root", () => {
    const system = { ...machine("apk"), uid: 0, osRelease: "ID=alpine" };
    expect(cureCommand(["redis"], system)).toBe("apk add valkey");
    expect(cureCommand(["chromium"], system)).toBe("apk add chromium");
  });

  it("still says something without a package manager", () => {
    const system = { ...machine(), uid: 1000, osRelease: "" };
    expect(cureCommand(["chromium"], system)).toBe("npx playwright-core install chromium");
    expect(cureCommand(["redis"], system)).toBe("REDIS_SERVER=<a redis-server> npm test");
  });
});

describe("installing", () => {
  it("is for root with apt-get, and for nobody else", () => {
    expect(mayInstall({ ...machine("apt-get"), uid: 0 })).toBe(true);
    expect(mayInstall({ ...machine("apt-get"), uid: 1000 })).toBe(false);
    rmSync(path.join(folder, "apt-get"));
    expect(mayInstall({ ...machine("apk"), uid: 0 })).toBe(false);
  });

  beforeEach(() => {
    vi.spyOn(console, "log").mockImplementation(() => {});
  });
  afterEach(() => vi.restoreAllMocks());

  it("updates the lists, then installs what is missing, and asks nothing", () => {
    installDebian(["redis", "chromium"], machine("apt-get"));
    expect(readFileSync(path.join(folder, "log"), "utf8").split("\n")).toEqual([
      `noninteractive ${folder}/apt-get -q update`,
      `noninteractive ${folder}/apt-get -q install -y --no-install-recommends redis-server`,
      `noninteractive ${folder}/apt-get -q install -y --no-install-recommends chromium`,
      "",
    ]);
  });

  it("runs nothing without apt-get", () => {
    installDebian(["redis"], machine());
    expect(existsSync(path.join(folder, "log"))).toBe(false);
  });
});
