import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "vite";
import { root } from "../package/installed.ts";
import { installOnce } from "./install-once.ts";

/** The frameworks that the repository itself does not install, each by the folder of its fixtures. */
export type Framework = "svelte4" | "svelte5" | "vue3";

/** What comes at its first use: a framework, or the caches that a page's data can be in, with a React of their own. */
export type Installed = Framework | "caches";

const fixtures = path.join(root, "test/browser/fixtures");

/** A framework comes at its first use. @returns where it lies. */
export function installFramework(name: Installed): string {
  return installOnce(name, path.join(fixtures, name));
}

/** What Vue's Vite plugin defines, and bundlers do. */
const DEVELOPMENT = {
  "process.env.NODE_ENV": '"development"',
  __VUE_OPTIONS_API__: "true",
  __VUE_PROD_DEVTOOLS__: "false",
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
};

/** React's libraries begin with "use client", which means nothing in a page. */
const DIRECTIVE = /MODULE_LEVEL_DIRECTIVE/;

/** What is bundled, and for whom. */
export interface BundleOptions {
  /** A file of the framework's fixtures. */
  readonly entry: string;
  readonly for: "browser" | "server";
}

/** Bundles a file, with the built package and a framework, as an application does it in development. @returns its path. */
export async function bundleWith(name: Installed, options: BundleOptions): Promise<string> {
  const folder = installFramework(name);
  const outDir = mkdtempSync(path.join(tmpdir(), `tidings-${name}-`));
  const warnings: string[] = [];
  const isServer = options.for === "server";
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    customLogger: { ...quiet, warn: (text) => void (DIRECTIVE.test(text) || warnings.push(text)) },
    plugins: [resolveIn(folder), compilerOf(name, folder, isServer)],
    ssr: { noExternal: true },
    define: isServer ? {} : DEVELOPMENT,
    build: {
      outDir,
      emptyOutDir: false,
      minify: false,
      ...(isServer && { ssr: true }),
      rolldownOptions: {
        input: path.join(fixtures, options.entry),
        output: { entryFileNames: "page.js", format: "es", codeSplitting: false },
        preserveEntrySignatures: "strict",
        // On a busy machine it would call our plugins slow.
        checks: { pluginTimings: false },
      },
    },
  });
  if (warnings.length > 0) throw new Error(`the bundler warned: ${warnings.join("\n")}`);
  return path.join(outDir, "page.js");
}

const quiet = {
  hasWarned: false,
  hasErrorLogged: () => false,
  clearScreen: () => undefined,
  info: () => undefined,
  warnOnce: () => undefined,
  error: (text: string) => console.error(text),
};

/** Finds the framework and the built package, whoever asks for them: neither lies beside the fixtures. */
function resolveIn(folder: string): Plugin {
  return {
    name: "resolve-framework",
    enforce: "pre",
    resolveId: {
      filter: { id: /^(tidings|svelte|vue|@vue|react|react-dom|swr|@tanstack)($|\/)/ },
      async handler(id, importer, options) {
        if (importer?.startsWith(folder)) return null;
        const from = path.join(id.startsWith("tidings") ? root : folder, "package.json");
        return await this.resolve(id, from, { ...options, skipSelf: true });
      },
    },
  };
}

function compilerOf(name: Installed, folder: string, isServer: boolean): Plugin | undefined {
  if (name === "caches") return undefined;
  return name === "vue3" ? compileVue(folder, isServer) : compileSvelte(name, folder, isServer);
}

type Compile = (source: string, options: Readonly<Record<string, unknown>>) => { readonly js: { readonly code: string } };

function compileSvelte(name: Framework, folder: string, isServer: boolean): Plugin {
  const target = name === "svelte4" ? (isServer ? "ssr" : "dom") : isServer ? "server" : "client";
  let compiler: { readonly compile: Compile; readonly compileModule: Compile };
  return {
    name: "compile-svelte",
    async buildStart() {
      const file = createRequire(path.join(folder, "package.json")).resolve("svelte/compiler");
      compiler = (await import(pathToFileURL(file).href)) as typeof compiler;
    },
    transform(source, filename) {
      const options = { filename, generate: target, dev: true };
      if (filename.endsWith(".svelte.js")) return { code: compiler.compileModule(source, options).js.code };
      if (!filename.endsWith(".svelte")) return undefined;
      return { code: compiler.compile(source, { ...options, ...(name === "svelte4" && { hydratable: true }) }).js.code };
    },
  };
}

interface VueCompiler {
  parse(source: string, options: { readonly filename: string }): { readonly descriptor: unknown };
  compileScript(descriptor: unknown, options: Readonly<Record<string, unknown>>): { readonly content: string };
}

function compileVue(folder: string, isServer: boolean): Plugin {
  const compiler = createRequire(path.join(folder, "package.json"))("vue/compiler-sfc") as VueCompiler;
  return {
    name: "compile-vue",
    transform(source, filename) {
      if (!filename.endsWith(".vue")) return undefined;
      const { descriptor } = compiler.parse(source, { filename });
      const templateOptions = { ssr: isServer, ssrCssVars: [] };
      const { content } = compiler.compileScript(descriptor, {
        id: path.basename(filename),
        inlineTemplate: true,
        templateOptions,
      });
      return { code: content };
    },
  };
}
