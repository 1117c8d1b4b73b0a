import { existsSync } from "node:fs";
import path from "node:path";
import { chromium, type Browser } from "playwright-core";

/** Quiet switches: nothing but the pages of the test is ever asked for. */
export const SWITCHES: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the Chromium of {@link chromiumPath}. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: chromiumPath(), args: [...SWITCHES] });
}

/** Where Chromium is: `$CHROMIUM_PATH`, or the first of Chromium and Chrome that is found. */
export function chromiumPath(): string {
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
