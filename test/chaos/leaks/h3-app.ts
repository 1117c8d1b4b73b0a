import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "../../package/installed.ts";
import { installOnce } from "../../support/install-once.ts";

const fixtures = path.join(root, "test/chaos/fixtures/h3");

/** The server's files that docs/guides/nuxt.md shows, with what Nuxt imports into each by itself. */
export const NUXT_FILES: Readonly<Record<string, string>> = {
  "server/utils/realtime.ts": "",
  "server/api/realtime.get.ts": 'import { fromNodeMiddleware } from "h3";\nimport { realtime } from "../utils/realtime.mjs";\n',
  "server/api/messages.post.ts":
    'import { createError, defineEventHandler, readBody } from "h3";\nimport { room } from "../utils/realtime.mjs";\n',
};

/** A server on h3 1, as Nuxt 4 makes one. */
export interface H3App extends AsyncDisposable {
  readonly url: string;
  /** Streams that its process holds. */
  streams(): Promise<number>;
}

/** Starts the files of the guide on the built package. */
export async function startH3App(): Promise<H3App> {
  const installed = installOnce("h3", fixtures);
  try {
    symlinkSync(root, path.join(installed, "node_modules/tidings"), "dir");
  } catch {
    // It is there.
  }
  const folder = mkdtempSync(path.join(installed, "app-"));
  for (const [file, imports] of Object.entries(NUXT_FILES)) {
    const source = imports + readFileSync(path.join(fixtures, file), "utf8");
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const target = path.join(folder, file.replace(/\.ts$/, ".mjs"));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  const { REDIS_URL: _, ...env } = process.env;
  const child = fork(path.join(import.meta.dirname, "h3-server.mjs"), [folder], { env });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    async streams() {
      child.send("streams");
      const [streams] = (await once(child, "message")) as [number];
      return streams;
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
