import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { npm } from "../package/installed.ts";
import { startBunApp, type BunApp } from "./bun.ts";
import type { RedisServer } from "./redis-server.ts";

/** The documented servers for Bun. */
export const BUN_APPS = {
  "F-11: Bun.serve": { file: "serve.ts", body: { text: "hello", user: "ada" }, event: "chat.message" },
  "F-12: Hono": { file: "hono.ts", body: "hello", event: "notification.alert" },
} as const;

export type BunAppName = keyof typeof BUN_APPS;

/** A folder with the documented servers and their packages. */
export interface BunApps extends Disposable {
  start(name: BunAppName, redis: RedisServer): Promise<BunApp>;
}

export function installBunApps(): BunApps {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-bun-apps-"));
  cpSync(path.resolve(import.meta.dirname, "../integration/fixtures/bun/apps"), folder, { recursive: true });
  npm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
  return {
    start: (name, { url }) => startBunApp(path.join(folder, BUN_APPS[name].file), { REDIS_URL: url, PORT: "0" }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
