// @ts-check
/**
 * What to do about a missing tool: the one command that installs it on this system, and, as root on a Debian-like system
 * (a container, CI), the installation itself. Anywhere else nothing is installed: it is not our machine.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { isProgram } from "./find-tools.mjs";

/** @import { ToolName } from "./find-tools.mjs" */

/**
 * @typedef {object} System what decides about the command; the machine itself unless a test says otherwise
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number | undefined} [uid]
 * @property {string} [osRelease] the text of /etc/os-release
 */

/** The revision that the installed playwright-core drives; a bare `npx playwright` would fetch another one. */
const PLAYWRIGHT = "npx playwright-core install chromium";

/**
 * Per package manager: how it installs, and what the tools are called there. A tool without a package is installed by the
 * command given for it. Sorted by what to prefer where several exist (Homebrew lives on Linux, too).
 * @type {{ program: string, root: boolean, install: string, packages: (id: string) => Record<ToolName, string | { command: string }> }[]}
 */
const MANAGERS = [
  {
    program: "apt-get",
    root: true,
    install: "apt-get install -y --no-install-recommends",
    packages: (id) => ({
      redis: "redis-server",
      // Ubuntu's package of this name only points to a snap.
      chromium: id === "ubuntu" ? { command: `${PLAYWRIGHT} --with-deps` } : "chromium",
    }),
  },
  {
    program: "dnf",
    root: true,
    install: "dnf install -y",
    packages: (id) => ({ redis: id === "fedora" ? "valkey" : "redis", chromium: "chromium" }),
  },
  { program: "apk", root: true, install: "apk add", packages: () => ({ redis: "valkey", chromium: "chromium" }) },
  { program: "pacman", root: true, install: "pacman -S --needed", packages: () => ({ redis: "valkey", chromium: "chromium" }) },
  { program: "zypper", root: true, install: "zypper install -y", packages: () => ({ redis: "redis", chromium: "chromium" }) },
  {
    program: "brew",
    root: false,
    install: "brew install",
    packages: () => ({ redis: "redis", chromium: { command: PLAYWRIGHT } }),
  },
];

/**
 * The command line that installs `missing` on this system, for a person to run.
 * @param {ToolName[]} missing
 * @param {System} [system]
 * @returns {string}
 */
export function cureCommand(missing, { env = process.env, uid = process.getuid?.(), osRelease = readOsRelease() } = {}) {
  const manager = MANAGERS.find(({ program }) => onPath(program, env));
  if (!manager) {
    if (!missing.includes("redis")) return PLAYWRIGHT;
    // No package manager is known, so there is no command that is sure to exist; this one always means something.
    const variables = missing.map((name) =>
      name === "redis" ? "REDIS_SERVER=<a redis-server>" : "CHROMIUM_PATH=<a Chromium>",
    );
    return `${variables.join(" ")} npm test`;
  }
  const id = /^ID="?([^"\n]+)/m.exec(osRelease)?.[1] ?? "";
  const names = manager.packages(id);
  /** @type {string[]} */
  const packages = [];
  /** @type {string[]} */
  const commands = [];
  for (const name of missing) {
    const wanted = names[name];
    if (typeof wanted === "string") packages.push(wanted);
    else commands.push(wanted.command);
  }
  const sudo = manager.root && uid !== 0 ? "sudo " : "";
  if (packages.length > 0) commands.unshift(`${sudo}${manager.install} ${packages.join(" ")}`);
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
  const names = { redis: "redis-server", chromium: "chromium" };
  // One at a time: a package that this release does not have must not keep the other one out.
  for (const name of missing) run(["-q", "install", "-y", "--no-install-recommends", names[name]]);
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
