import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Engine, Tab } from "./engine.ts";
import { connectMarionette, type Marionette } from "./marionette.ts";
import { programPath, startProgram } from "./programs.ts";
import { newWindow, WebDriver } from "./webdriver.ts";

/** Besides what Marionette sets by itself: no updates, no telemetry, no look for a network. */
const PREFERENCES = {
  // Any free port; the browser writes it down.
  "marionette.port": 0,
  // A process for each tab, so that one can be frozen or ended alone.
  "dom.ipc.processCount.webIsolated": 16,
  "browser.shell.checkDefaultBrowser": false,
  "network.connectivity-service.enabled": false,
};

const PID = "return gBrowser.selectedBrowser.browsingContext.currentWindowGlobal.osPid";

/** Starts `$FIREFOX_PATH`, or the first Firefox on the PATH, without a window. */
export async function launchFirefox(): Promise<Engine> {
  const file = programPath("FIREFOX_PATH", ["firefox-esr", "firefox"]);
  const profile = mkdtempSync(path.join(tmpdir(), "tidings-firefox-"));
  const preferences = Object.entries(PREFERENCES).map(
    (pair) => `user_pref(${pair.map((one) => JSON.stringify(one)).join()});\n`,
  );
  writeFileSync(path.join(profile, "user.js"), preferences.join(""));
  const program = startProgram(
    file,
    // System access is what tells the processes of tabs.
    ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile, "about:blank"],
    // It writes nothing anywhere else, and does not stay to report a tab that was ended.
    { env: { HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" } },
  );
  const portFile = path.join(profile, "MarionetteActivePort");
  let marionette: Marionette | undefined;
  const close = async (): Promise<void> => {
    marionette?.close();
    await program.kill();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    const port = await program.ready(async () => Number(readFileSync(portFile, "utf8")) || undefined);
    const wire = (marionette = await connectMarionette(port));
    const driver = new WebDriver(wire);
    await driver.begin();
    const newTab = async (url: string): Promise<Tab> => {
      const handle = await driver.in(newWindow);
      const pid = (): Promise<number> => driver.in(async () => (await wire.runInBrowser(PID)) as number, handle);
      return await driver.openTab(handle, url, { pid, canCrash: true });
    };
    return { newTab, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
