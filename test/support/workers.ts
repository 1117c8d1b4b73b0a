import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../package/installed.ts";
import { startProgram } from "./browsers/programs.ts";
import { installOnce } from "./install-once.ts";

const fixtures = path.join(root, "test/integration/fixtures/workers");

/** A worker that runs as it does at Cloudflare, in workerd. */
export interface Worker extends AsyncDisposable {
  readonly url: string;
  /** What it has written to its console. */
  readonly printed: string;
}

/** Starts a worker on a free port. @param script path of the one file that a bundler has made of it */
export async function startWorker(script: string): Promise<Worker> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-worker-"));
  cpSync(path.join(fixtures, "config.capnp"), path.join(folder, "config.capnp"));
  cpSync(script, path.join(folder, "worker.js"));
  // It says on standard output where it listens.
  const program = startProgram(workerdPath(), ["serve", path.join(folder, "config.capnp"), "--control-fd=1"]);
  const stop = async (): Promise<void> => {
    await program.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await program.ready(async () => /"port":(\d+)/.exec(program.printed)?.[1]);
    return {
      url: `http://127.0.0.1:${port}`,
      get printed() {
        return program.printed;
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The program, as the package of the platform holds it. The one of `workerd` itself is a script that looks for it. */
function workerdPath(): string {
  const scope = path.join(installOnce("workers", fixtures), "node_modules/@cloudflare");
  const platforms = existsSync(scope) ? readdirSync(scope) : [];
  const found = platforms
    .flatMap((name) => ["workerd", "workerd.exe"].map((program) => path.join(scope, name, "bin", program)))
    .find((file) => existsSync(file));
  if (found === undefined) throw new Error(`the package \`workerd\` has no program for this platform: see ${scope}`);
  return found;
}
