import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { onTestFinished, vi } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import { root } from "../package/installed.ts";
import { fetchListener, serve } from "./http-server.ts";

/** A route of a guide. */
export type Route = (request: Request) => Promise<Response>;

/** What a hook of a guide asks for. */
interface Asked {
  readonly channels: readonly string[];
  readonly history: boolean;
  onData(message: unknown): void;
}

/** Imports programs of a guide, where `tidings` is the built package. */
export function programsOf(
  guide: string,
  env: Readonly<Record<string, string>>,
): (file: string) => Promise<Record<string, unknown>> {
  const cache = path.join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, `run-guide-${guide}-`));
  const fixtures = path.join(root, "test/integration/fixtures", guide);
  for (const file of readdirSync(fixtures))
    if (file.endsWith(".ts")) cpSync(path.join(fixtures, file), path.join(folder, file));
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
    rmSync(folder, { recursive: true });
  });
  return (file) => import(path.join(folder, file)) as Promise<Record<string, unknown>>;
}

/** A hook of a guide, with React's part played: what it asks for is asked of its route, and what it would show is read. */
export async function openHook(
  load: () => Promise<(id: string) => unknown>,
  id: string,
  { route, headers = {} }: { route: Route; headers?: Record<string, string> },
): Promise<{ readonly shown: unknown }> {
  let shown: unknown;
  let asked: Asked | undefined;
  vi.doMock("react", () => ({
    useState(first: unknown) {
      shown ??= first;
      return [shown, (next: (before: unknown) => unknown) => void (shown = next(shown))];
    },
  }));
  vi.doMock("tidings/client", () => ({
    createRealtime: () => ({ useRealtime: (options: Asked) => ((asked = options), { status: "connecting" }) }),
  }));
  (await load())(id);
  vi.doUnmock("react");
  vi.doUnmock("tidings/client");

  const server = await serve(fetchListener(route));
  const client = createRealtimeClient({ api: { url: server.url, headers } });
  onTestFinished(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });
  client.subscribe(asked as Asked);
  return {
    get shown() {
      return shown;
    },
  };
}
