// @ts-check
/**
 * What to do about a missing tool: the one command that installs it on this system, and, as root on a Debian-like system
 * (a container, CI), the installation itself. Anywhere else nothing is installed: it is not our machine.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { CHAOS_TOOL_NAMES, isProgram, LONG_TOOL_NAMES, NAMES } from "./find-tools.mjs";

/** @import { ToolName } from "./find-tools.mjs" */

/**
 * @typedef {object} System what decides about the command; the machine itself unless a test says otherwise
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number | undefined} [uid]
 * @property {string} [osRelease] the text of /etc/os-release
 */

/** Debian's packages. That of WebKit's driver brings the browser as well. */
const DEBIAN = {
  redis: "redis-server",
  chromium: "chromium",
  firefox: "firefox-esr",
  webkit: "webkit2gtk-driver",
  xvfb: "xvfb",
  nginx: "nginx-light",
  haproxy: "haproxy",
  caddy: "caddy",
  prometheus: "prometheus",
  mariadb: "mariadb-server-core",
};

/** The revision that the installed playwright-core drives; a bare `npx playwright` would fetch another one. */
const PLAYWRIGHT = "npx playwright-core install chromium";

/**
 * What a tool is called: as a package, or the command that installs it. Nothing where no package is known to have it.
 * @typedef {{ [name in ToolName]?: string | { command: string } | undefined }} Packages
 */

/** What several package managers call the same. */
const XORG = {
  firefox: "firefox",
  xvfb: "xorg-x11-server-Xvfb",
  nginx: "nginx",
  haproxy: "haproxy",
  mariadb: "mariadb-server",
};

/**
 * Per package manager: how it installs, and what the tools are called there. Sorted by what to prefer where several exist
 * (Homebrew lives on Linux, too).
 * @type {{ program: string, root: boolean, install: string, packages: (id: string) => Packages }[]}
 */
const MANAGERS = [
  {
    program: "apt-get",
    root: true,
    install: "apt-get install -y --no-install-recommends",
    packages: (id) =>
      // Ubuntu's packages of browsers only point to snaps.
      id === "ubuntu" ? { ...DEBIAN, chromium: { command: `${PLAYWRIGHT} --with-deps` }, firefox: undefined } : DEBIAN,
  },
  {
    program: "dnf",
    root: true,
    install: "dnf install -y",
    packages: (id) => ({
      ...XORG,
      redis: id === "fedora" ? "valkey" : "redis",
      chromium: "chromium",
      caddy: id === "fedora" ? "caddy" : undefined,
    }),
  },
  {
    program: "apk",
    root: true,
    install: "apk add",
    packages: () => ({
      redis: "valkey",
      chromium: "chromium",
      firefox: "firefox",
      xvfb: "xvfb",
      nginx: "nginx",
      haproxy: "haproxy",
      caddy: "caddy",
      prometheus: "prometheus",
      mariadb: "mariadb",
    }),
  },
  {
    program: "pacman",
    root: true,
    install: "pacman -S --needed",
    packages: () => ({
      redis: "valkey",
      chromium: "chromium",
      firefox: "firefox",
      xvfb: "xorg-server-xvfb",
      nginx: "nginx",
      haproxy: "haproxy",
      caddy: "caddy",
      prometheus: "prometheus",
      mariadb: "mariadb",
    }),
  },
  {
    program: "zypper",
    root: true,
    install: "zypper install -y",
    packages: () => ({ ...XORG, redis: "redis", chromium: "chromium", firefox: "MozillaFirefox" }),
  },
  {
    program: "brew",
    root: false,
    install: "brew install",
    packages: () => ({
      redis: "redis",
      chromium: { command: PLAYWRIGHT },
      firefox: { command: "brew install --cask firefox" },
      nginx: "nginx",
      haproxy: "haproxy",
      caddy: "caddy",
      prometheus: "prometheus",
      mariadb: "mariadb",
    }),
  },
];

/**
 * The command line that installs `missing` on this system, for a person to run. For what no package is known to have, it names the
 * variable that tells the tests where it is.
 * @param {ToolName[]} missing
 * @param {System} [system]
 * @returns {string}
 */
export function cureCommand(missing, { env = process.env, uid = process.getuid?.(), osRelease = readOsRelease() } = {}) {
  const manager = MANAGERS.find(({ program }) => onPath(program, env));
  const id = /^ID="?([^"\n]+)/m.exec(osRelease)?.[1] ?? "";
  // Without a package manager there is one command that is sure to exist.
  const names = manager?.packages(id) ?? (missing.join() === "chromium" ? { chromium: { command: PLAYWRIGHT } } : {});
  /** @type {string[]} */
  const packages = [];
  /** @type {string[]} */
  const commands = [];
  /** @type {string[]} */
  const variables = [];
  for (const name of missing) {
    const wanted = names[name];
    const { variable, programs } = NAMES[name];
    if (wanted === undefined) variables.push(`${variable}=<a ${programs[0]}>`);
    else if (typeof wanted === "string") packages.push(wanted);
    else commands.push(wanted.command);
  }
  const sudo = manager?.root && uid !== 0 ? "sudo " : "";
  if (packages.length > 0) commands.unshift(`${sudo}${manager?.install} ${packages.join(" ")}`);
  const script = missing.some((name) => LONG_TOOL_NAMES.includes(name) && !CHAOS_TOOL_NAMES.includes(name))
    ? "npm run test:long"
    : missing.some((name) => CHAOS_TOOL_NAMES.includes(name))
      ? "npm run test:chaos"
      : "npm test";
  if (variables.length > 0) commands.push(`${variables.join(" ")} ${script}`);
  return commands.join(" && ");
}

/**
 * Whether tests may install packages here: root, and apt-get.
 * @param {System} [system]
 * @returns {boolean}
 */
export function mayInstall({ env = process.env, uid = process.getuid?.() } = {}) {
  return uid === 0 && onPath("apt-get", env) !== undefined;
}

/**
 * Installs the Debian packages of `missing`, never asking anything. Failures are printed by apt-get; whether the tools are
 * there afterwards is for the finder to say.
 * @param {ToolName[]} missing
 * @param {System} [system]
 */
export function installDebian(missing, { env = process.env } = {}) {
  const apt = onPath("apt-get", env);
  if (apt === undefined) return;
  /** @param {string[]} options */
  const run = (options) => {
    console.log(`$ apt-get ${options.join(" ")}`);
    const quiet = { ...env, DEBIAN_FRONTEND: "noninteractive" };
    return spawnSync(apt, options, { stdio: ["ignore", "inherit", "inherit"], env: quiet }).status === 0;
  };
  run(["-q", "update"]);
  // One at a time: a package that this release does not have must not keep the other one out.
  for (const name of missing) run(["-q", "install", "-y", "--no-install-recommends", DEBIAN[name]]);
}

/**
 * @param {string} program
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} where it is
 */
function onPath(program, env) {
  return (env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, program))
    .find(isProgram);
}

/** @returns {string} */
function readOsRelease() {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
