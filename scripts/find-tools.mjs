// @ts-check
/**
 * Finds the programs that some tests need: a Redis server and Chromium, for those that take long Firefox, WebKit, nginx, haproxy,
 * Caddy, Prometheus and MariaDB, for those of faults nginx. Found means that it starts: a file of the right name proves nothing (a broken symlink, a binary for another
 * machine, a browser without its libraries). Changes nothing on the machine.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, statSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

/**
 * @typedef {"redis" | "chromium" | "firefox" | "webkit" | "xvfb" | "nginx" | "haproxy" | "caddy" | "prometheus" | "mariadb"} ToolName `webkit` is its driver, which brings the browser
 * @typedef {{ path: string, source: string }} Candidate where a tool may be, and who says so
 * @typedef {{ path: string, source: string, reason: string }} Failure a candidate that does not start, and why
 * @typedef {object} Tool
 * @property {ToolName} name
 * @property {string | undefined} path the program, when there is one that starts
 * @property {string | undefined} source who named it: a variable, the PATH, …
 * @property {string | undefined} version as it reports itself, when it does
 * @property {Failure[]} failures the candidates that did not start
 */

/**
 * What `npm test` looks for.
 * @type {ToolName[]}
 */
export const TOOL_NAMES = ["redis", "chromium"];

/**
 * What the tests that take long need besides.
 * @type {ToolName[]}
 */
export const LONG_TOOL_NAMES = ["firefox", "webkit", "xvfb", "nginx", "haproxy", "caddy", "prometheus", "mariadb"];

/**
 * What the tests of faults need besides.
 * @type {ToolName[]}
 */
export const CHAOS_TOOL_NAMES = ["nginx"];

/** How long a program may take to start, in ms. A cold browser on a busy machine takes seconds. */
const START_TIMEOUT_MS = 30_000;

/**
 * How a tool is called: by the variable that names it for the tests, and on the PATH.
 * @type {Record<ToolName, { variable: string, programs: string[] }>}
 */
export const NAMES = {
  redis: { variable: "REDIS_SERVER", programs: ["redis-server", "valkey-server"] },
  chromium: {
    variable: "CHROMIUM_PATH",
    programs: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  },
  firefox: { variable: "FIREFOX_PATH", programs: ["firefox-esr", "firefox"] },
  webkit: { variable: "WEBKIT_DRIVER", programs: ["WebKitWebDriver"] },
  xvfb: { variable: "XVFB_PATH", programs: ["Xvfb"] },
  nginx: { variable: "NGINX_PATH", programs: ["nginx"] },
  haproxy: { variable: "HAPROXY_PATH", programs: ["haproxy"] },
  caddy: { variable: "CADDY_PATH", programs: ["caddy"] },
  prometheus: { variable: "PROMETHEUS_PATH", programs: ["prometheus"] },
  mariadb: { variable: "MARIADB_SERVER", programs: ["mariadbd"] },
};

/** @type {Record<ToolName, (program: string) => Promise<string | undefined>>} */
const START = {
  redis: startRedis,
  chromium: startChromium,
  firefox: startFirefox,
  webkit: startWebKitDriver,
  xvfb: startXvfb,
  nginx: (program) => askVersion(program, /^nginx version: nginx\/(\S+)/m),
  haproxy: (program) => askVersion(program, /^HA-?Proxy version (\S+)/m),
  caddy: (program) => askVersion(program, /^v?(\d\S+)/m, "version"),
  prometheus: (program) => askVersion(program, /^prometheus, version (\d[\d.]*)/m, "--version"),
  mariadb: (program) => askVersion(program, /Ver (\d[\d.]*)-MariaDB/m, "--version"),
};

/** Where root's programs are: not every PATH names it. */
const ROOT_FOLDERS = ["/usr/sbin", "/usr/local/sbin"];
const IN_ROOT_FOLDERS = new Set(["nginx", "haproxy", "mariadb"]);

/** Where macOS keeps programs that a PATH set by a GUI or by an editor does not name. */
const MAC_FOLDERS = ["/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin"];
/** @type {Partial<Record<ToolName, string[]>>} */
const MAC_BROWSERS = {
  chromium: [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ],
  firefox: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
};

/**
 * @typedef {object} Place where to look; the machine itself unless a test says otherwise
 * @property {NodeJS.ProcessEnv} [env]
 * @property {NodeJS.Platform} [platform]
 * @property {() => Promise<string | undefined>} [playwrightChromium] the browser that playwright-core would start
 * @property {(file: string) => boolean} [exists] whether a file is there and can be executed
 */

/**
 * Looks for tools.
 * @param {Place} [place]
 * @param {ToolName[]} [names]
 * @returns {Promise<Tool[]>} in the order of the names
 */
export function findTools(place = {}, names = TOOL_NAMES) {
  return Promise.all(names.map((name) => findTool(name, place)));
}

/**
 * Tries the candidates in order and takes the first one that starts.
 * @param {ToolName} name
 * @param {Place} place
 * @returns {Promise<Tool>}
 */
async function findTool(name, place) {
  /** @type {Failure[]} */
  const failures = [];
  for (const candidate of await candidates(name, place)) {
    try {
      const version = await START[name](candidate.path);
      return { name, path: candidate.path, source: candidate.source, version, failures };
    } catch (error) {
      failures.push({ ...candidate, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { name, path: undefined, source: undefined, version: undefined, failures };
}

/**
 * Everything that may be the tool, best first. What a variable names is a candidate even when there is no such file: the
 * user should read that it was not taken.
 * @param {ToolName} name
 * @param {Place} place
 * @returns {Promise<Candidate[]>}
 */
export async function candidates(name, place) {
  const { env = process.env, platform = process.platform, playwrightChromium = fromPlaywright, exists = isProgram } = place;
  const { variable, programs } = NAMES[name];
  /** @type {Candidate[]} */
  const found = [];
  /**
   * @param {string[]} files
   * @param {string} source
   */
  const add = (files, source) => {
    for (const file of files) {
      if (exists(file) && !found.some((other) => other.path === file)) found.push({ path: file, source });
    }
  };
  const named = env[variable];
  if (named) found.push({ path: named, source: `$${variable}` });
  const folders = (env.PATH ?? "").split(path.delimiter).filter((folder) => folder !== "");
  const inFolders = (/** @type {string[]} */ where) =>
    programs.flatMap((program) => where.map((folder) => path.join(folder, program)));
  add(inFolders(folders), "PATH");
  if (IN_ROOT_FOLDERS.has(name)) add(inFolders(ROOT_FOLDERS), "usual place");
  if (platform === "darwin") add([...inFolders(MAC_FOLDERS), ...(MAC_BROWSERS[name] ?? [])], "usual place");
  if (name === "chromium") {
    const file = await playwrightChromium();
    if (file !== undefined) add([file], "playwright-core");
  }
  return found;
}

/**
 * @param {string} file
 * @returns {boolean}
 */
export function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @returns {Promise<string | undefined>} */
async function fromPlaywright() {
  try {
    const { chromium } = await import("playwright-core");
    return chromium.executablePath();
  } catch {
    // Not installed, or no browser is known for this system.
    return undefined;
  }
}

/**
 * Starts a server on a socket file (no port is taken), asks it for its version, ends it.
 * @param {string} program
 * @returns {Promise<string | undefined>} its version
 * @throws when it does not start
 */
function startRedis(program) {
  return inScratchFolder(async (folder) => {
    const socket = path.join(folder, "s");
    const options = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder];
    return running({ program, options, folder }, async (_output, signal) => {
      const info = await askRedis(socket, signal);
      return (/^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info))?.[1];
    });
  });
}

/**
 * Connects as soon as the server listens, and reads what it says about itself.
 * @param {string} socketFile
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
async function askRedis(socketFile, signal) {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await new Promise((resolve, reject) => {
        const socket = net.connect(socketFile);
        let text = "";
        socket.setEncoding("utf8");
        socket.on("connect", () => socket.write("INFO server\r\nPING\r\n"));
        socket.on("data", (chunk) => {
          text += chunk;
          if (!text.includes("+PONG")) return;
          resolve(text);
          socket.destroy();
        });
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("it closed the connection")));
      });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * Starts a browser without a window, waits until it can be driven, ends it.
 * @param {string} program
 * @returns {Promise<string | undefined>} its version
 * @throws when it does not start
 */
function startChromium(program) {
  return inScratchFolder((folder) => {
    const options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
    options.push("--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank");
    return running({ program, options, folder }, async (output) => {
      const port = await output(/^DevTools listening on ws:\/\/[^/]*:(\d+)\//m);
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/json/version`, { signal: AbortSignal.timeout(5_000) });
        /** @type {{ Browser?: string }} */
        const about = await answer.json();
        return about.Browser?.split("/")[1];
      } catch {
        // It runs; only its version stays unknown.
        return undefined;
      }
    });
  });
}

/**
 * Starts a browser without a window, waits until it can be driven, ends it.
 * @param {string} program
 * @returns {Promise<string | undefined>} its version
 * @throws when it does not start
 */
function startFirefox(program) {
  return inScratchFolder(async (folder) => {
    const options = ["--headless", "--no-remote", "--profile", folder, "--remote-debugging-port=0", "about:blank"];
    // It keeps more than its profile.
    const env = { HOME: folder };
    await running({ program, options, folder, env }, (output) => output(/^WebDriver BiDi listening on /m));
    return running({ program, options: ["--version"], folder, env }, (output) => output(/^Mozilla Firefox (\S+)/m));
  });
}

/**
 * Starts the driver and asks it whether it is ready. The browser would need a screen.
 * @param {string} program
 * @returns {Promise<undefined>} it does not tell its version
 * @throws when it does not start
 */
async function startWebKitDriver(program) {
  const port = await freePort();
  return inScratchFolder((folder) => {
    const options = [`--port=${port}`, "--host=127.0.0.1"];
    return running({ program, options, folder }, async (_output, signal) => {
      while (!(await fetch(`http://127.0.0.1:${port}/status`, { signal }).catch(() => undefined))?.ok) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return undefined;
    });
  });
}

/**
 * Starts a screen that nobody sees, on the first display that is free.
 * @param {string} program
 * @returns {Promise<undefined>} it does not tell its version
 * @throws when it does not start
 */
function startXvfb(program) {
  return inScratchFolder((folder) => {
    const options = ["-displayfd", "1", "-nolisten", "tcp"];
    return running({ program, options, folder }, async (output) => {
      await output(/^\d+$/m);
      return undefined;
    });
  });
}

/**
 * Has it tell its version, which it does only when its libraries are there.
 * @param {string} program
 * @param {RegExp} pattern whose first group is the version
 * @param {string} [option] that asks for it
 * @returns {Promise<string | undefined>} its version
 * @throws when it does not start
 */
function askVersion(program, pattern, option = "-v") {
  return inScratchFolder((folder) => running({ program, options: [option], folder }, (output) => output(pattern)));
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = net.createServer();
  await new Promise((/** @type {(value: void) => void} */ resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Runs a program for as long as `use` takes. Leaves no process behind, the program's own children included.
 * @template T
 * @param {{ program: string, options: string[], folder: string, env?: NodeJS.ProcessEnv }} command `folder` takes the program's temporary files
 * @param {(output: (pattern: RegExp) => Promise<string>, signal: AbortSignal) => Promise<T>} use `output` resolves with the
 * first group of the pattern when the program prints it
 * @returns {Promise<T>}
 * @throws when it cannot be started, ends by itself, or takes longer than {@link START_TIMEOUT_MS}
 */
async function running({ program, options, folder, env }, use) {
  const child = spawn(program, options, {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that all of it can be ended at once.
    detached: process.platform !== "win32",
    env: { ...process.env, TMPDIR: folder, ...env },
  });
  const end = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  };
  process.once("exit", end);
  const over = new AbortController();
  let text = "";
  /** @type {Set<() => void>} */
  const readers = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => {
      text = (text + chunk).slice(-20_000);
      for (const reader of readers) reader();
    });
  }
  /** @param {RegExp} pattern */
  const output = (pattern) =>
    new Promise((/** @type {(match: string) => void} */ resolve) => {
      const look = () => {
        const match = pattern.exec(text);
        if (!match) return;
        readers.delete(look);
        resolve(match[1] ?? match[0]);
      };
      readers.add(look);
      look();
    });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const closed = new Promise((resolve) => child.once("close", resolve));
  /** @type {Promise<never>} */
  const failed = new Promise((_resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`cannot be run (${/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message})`)),
    );
    child.once("close", (code, signal) => {
      const last = text.trim().split("\n").at(-1)?.trim().slice(0, 200);
      reject(new Error(`ended at once with ${signal ?? `code ${code}`}${last ? `: ${last}` : ""}`));
    });
    timer = setTimeout(() => reject(new Error(`did not start within ${START_TIMEOUT_MS / 1000} s`)), START_TIMEOUT_MS);
  });
  try {
    return await Promise.race([use(output, over.signal), failed]);
  } finally {
    over.abort();
    clearTimeout(timer);
    end();
    process.removeListener("exit", end);
    if (child.pid !== undefined) await closed;
  }
}

/**
 * @template T
 * @param {(folder: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function inScratchFolder(use) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tidings-find-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
