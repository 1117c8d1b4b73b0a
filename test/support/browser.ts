import { existsSync } from "node:fs";
import path from "node:path";
import { chromium, type Browser, type LaunchOptions } from "playwright-core";

/** Quiet switches: nothing but the pages of the test is ever asked for. */
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts `$CHROMIUM_PATH`, or the first of Chromium and Chrome that is found. */
export async function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  return await chromium.launch({ executablePath: chromiumPath(), args: SWITCHES, ...options });
}

function chromiumPath(): string {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  for (const folder of PATH.split(path.delimiter)) {
    for (const name of ["chromium", "google-chrome"]) {
      const file = path.join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  return chromium.executablePath();
}
