import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { until } from "../until.ts";
import type { Engine, Tab } from "./engine.ts";
import { descendantsOf, nameOf, programPath, startProgram, type Program } from "./programs.ts";
import { newWindow, WebDriver, type Command, type Wire } from "./webdriver.ts";

/** Where WebDriver's commands are, below the session. */
const ENDPOINTS: Readonly<Record<Exclude<Command, "NewSession">, readonly [method: "GET" | "POST" | "DELETE", path: string]>> =
  {
    GetWindowHandle: ["GET", "/window"],
    NewWindow: ["POST", "/window/new"],
    SwitchToWindow: ["POST", "/window"],
    Navigate: ["POST", "/url"],
    Refresh: ["POST", "/refresh"],
    ExecuteScript: ["POST", "/execute/sync"],
    CloseWindow: ["DELETE", "/window"],
  };

/**
 * Starts `$WEBKIT_DRIVER`, or `WebKitWebDriver` of the PATH, with the browser that comes with it, on a screen that nobody sees
 * (`$XVFB_PATH`, or `Xvfb` of the PATH).
 */
export async function launchWebKit(): Promise<Engine> {
  const home = mkdtempSync(path.join(tmpdir(), "tidings-webkit-"));
  const programs: Program[] = [];
  const close = async (): Promise<void> => {
    for (const program of programs.toReversed()) await program.kill();
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    const screen = startProgram(
      programPath("XVFB_PATH", ["Xvfb"]),
      ["-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
      { extraPipe: true },
    );
    programs.push(screen);
    const display = await displayOf(screen);
    const port = await freePort();
    const browser = startProgram(programPath("WEBKIT_DRIVER", ["WebKitWebDriver"]), [`--port=${port}`, "--host=127.0.0.1"], {
      env: {
        DISPLAY: `:${display}`,
        ...Object.fromEntries(
          ["HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"].map((name) => [name, home]),
        ),
        // There is neither a graphics card nor a session bus, and root has no sandbox.
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
        GSETTINGS_BACKEND: "memory",
        NO_AT_BRIDGE: "1",
      },
    });
    programs.push(browser);
    await browser.ready(async () => (await fetch(`http://127.0.0.1:${port}/status`)).ok || undefined);
    const driver = new WebDriver(httpWire(`http://127.0.0.1:${port}/session`));
    await driver.begin();
    const pages = (): number[] => descendantsOf(browser.pid).filter((pid) => nameOf(pid) === "WebKitWebProces");
    const newTab = async (url: string): Promise<Tab> => {
      const [handle, pid] = await driver.in(async (wire) => {
        // Each window has a process of its own: the one that comes with it.
        const before = pages();
        const opened = await newWindow(wire);
        return [opened, await until("the process of a window", async () => pages().find((one) => !before.includes(one)))];
      });
      return await driver.openTab(handle, url, { pid: async () => pid, canCrash: false });
    };
    return { newTab, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** WebDriver as its standard says it: JSON over HTTP. */
function httpWire(sessions: string): Wire {
  let session = sessions;
  return {
    async send(command, parameters = {}) {
      const [method, place] = command === "NewSession" ? (["POST", ""] as const) : ENDPOINTS[command];
      const response = await fetch(session + place, { method, ...(method === "POST" && { body: JSON.stringify(parameters) }) });
      const { value } = (await response.json()) as { value: unknown };
      if (!response.ok) throw new Error(`WebKit: ${JSON.stringify(value)}`);
      if (command === "NewSession") session += `/${(value as { sessionId: string }).sessionId}`;
      return value;
    },
  };
}

/** It takes the first display that is free, and writes its number down. */
function displayOf(screen: Program): Promise<string> {
  let written = "";
  screen.child.stdio[3]?.on("data", (chunk: Buffer) => (written += chunk.toString()));
  return screen.ready(async () => /^(\d+)\n/.exec(written)?.[1]);
}

/** WebKitWebDriver takes no other than a given one. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
