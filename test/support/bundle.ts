import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles a page's script, as an application's bundler does. @returns the path of the one file. */
export async function bundlePage(entry: string): Promise<string> {
  const outDir = mkdtempSync(path.join(tmpdir(), "tidings-page-"));
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    define: { "process.env.NODE_ENV": '"development"' },
    build: {
      outDir,
      emptyOutDir: false,
      minify: false,
      lib: { entry: path.resolve(root, entry), formats: ["es"], fileName: () => "page.js" },
      // What the client loads only when it is used is in the same file.
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  return path.join(outDir, "page.js");
}
