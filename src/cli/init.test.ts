import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Realtime } from "../index.ts";
import { FRAMEWORKS } from "./init/frameworks.ts";
import { run } from "./run.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** The files of a project; `null` stands for a folder. */
type Files = Readonly<Record<string, string | object | null>>;

/** A folder with these files. */
function folderWith(files: Files, within = tmpdir()): string {
  const folder = mkdtempSync(path.join(within, "tidings-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(content === null ? file : path.dirname(file), { recursive: true });
    if (content !== null) writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

interface Outcome {
  readonly code: number;
  readonly printed: string;
  readonly complained: string;
}

async function init(
  folder: string,
  args: readonly string[] = [],
  ask?: (question: string) => Promise<boolean>,
): Promise<Outcome> {
  const said = { printed: "", complained: "" };
  const code = await run(["init", ...args], {
    version: "1.2.3",
    folder,
    print: (text) => void (said.printed += `${text}\n`),
    complain: (text) => void (said.complained += `${text}\n`),
    ask,
    whenEnded: () => AbortSignal.abort(),
  });
  return { code, ...said };
}

/** Everything that lies in a folder, with what it holds. */
function contentOf(folder: string): Record<string, string> {
  const items = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((item) => item.isFile());
  return Object.fromEntries(
    items
      .map((item) => path.join(item.parentPath, item.name))
      .map((file) => [path.relative(folder, file).replaceAll(path.sep, "/"), readFileSync(file, "utf8")]),
  );
}

/** Everything that lies in a folder, by name. No link is followed: Bun's own listing goes round in those that lead to themselves. */
function namesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item) => [
    item.name,
    ...(item.isDirectory() ? namesIn(path.join(folder, item.name)).map((name) => `${item.name}/${name}`) : []),
  ]);
}

/** The files that were written. */
const written = ({ printed }: Outcome): string[] => [...printed.matchAll(/^ {2}written +(.+)$/gm)].map(([, file = ""]) => file);

const pkg = (dependencies: readonly string[], more: object = {}): object => ({
  dependencies: Object.fromEntries(dependencies.map((name) => [name, "*"])),
  ...more,
});

describe("npx tidings init", () => {
  it.each<[what: string, files: Files, title: string, file: string]>([
    [
      "next",
      { "package.json": pkg(["next", "react"]), app: null, "tsconfig.json": {} },
      "Next.js (App Router), TypeScript, npm",
      "app/api/realtime/route.ts",
    ],
    [
      "next in src",
      { "package.json": pkg(["next"]), "src/app": null, "tsconfig.json": {} },
      "Next.js",
      "src/app/api/realtime/route.ts",
    ],
    [
      "next, JavaScript",
      { "package.json": pkg(["next"]), app: null },
      "Next.js (App Router), JavaScript",
      "app/realtime-demo/page.jsx",
    ],
    [
      "next, with hono for its API",
      { "package.json": pkg(["hono", "next"]), app: null },
      "Next.js",
      "app/api/realtime/route.js",
    ],
    [
      "@tanstack/react-start",
      { "package.json": pkg(["@tanstack/react-start"]), "tsconfig.json": {} },
      "TanStack Start",
      "src/routes/api/realtime.ts",
    ],
    [
      "@sveltejs/kit",
      { "package.json": { devDependencies: { "@sveltejs/kit": "2" } }, "tsconfig.json": {} },
      "SvelteKit",
      "src/lib/server/realtime.ts",
    ],
    ["nuxt 4", { "package.json": { dependencies: { nuxt: "^4.1.0" } } }, "Nuxt, JavaScript", "app/utils/realtime.ts"],
    ["nuxt 3", { "package.json": { dependencies: { nuxt: "^3.1.0" } } }, "Nuxt", "components/RealtimeDemo.vue"],
    ["hono", { "package.json": pkg(["hono"]), src: null, "tsconfig.json": {} }, "Hono", "src/realtime-routes.ts"],
    ["express", { "package.json": pkg(["express"], { type: "module" }) }, "Express, JavaScript", "realtime-routes.js"],
    ["fastify, CommonJS", { "package.json": pkg(["fastify"]) }, "Fastify, JavaScript", "realtime-routes.mjs"],
    ["@types/bun", { "package.json": pkg(["@types/bun"]), "tsconfig.json": {} }, "Bun.serve", "realtime-routes.ts"],
    [
      "bun's lockfile",
      { "package.json": {}, "bun.lock": "", "tsconfig.json": {} },
      "Bun.serve, TypeScript, bun",
      "realtime-routes.ts",
    ],
  ])("finds %s, and writes where its files are", async (_what, files, title, file) => {
    const folder = folderWith(files);
    const outcome = await init(folder);
    expect(outcome).toMatchObject({ code: 0, printed: expect.stringContaining(title), complained: "" });
    expect(written(outcome)).toContain(file);
    expect(Object.keys(contentOf(folder)).toSorted()).toEqual(
      [...written(outcome), ...Object.keys(files).filter((name) => files[name] !== null)].toSorted(),
    );
  });

  it.each<[what: string, files: Files, says: string]>([
    ["without package.json", {}, "no package.json"],
    ["whose package.json is broken", { "package.json": "{" }, "package.json cannot be read"],
    ["of a monorepo, at its root", { "package.json": { workspaces: ["apps/*"] } }, "root of a monorepo"],
    ["of a monorepo of pnpm", { "package.json": {}, "pnpm-workspace.yaml": "packages:\n  - apps/*\n" }, "root of a monorepo"],
    [
      "with settings of pnpm alone",
      { "package.json": {}, "pnpm-workspace.yaml": "onlyBuiltDependencies: []\n" },
      "no framework",
    ],
    ["without a framework", { "package.json": pkg(["react", "vite"]) }, "--framework <name>"],
    ["of a page alone", { "package.json": pkg(["react", "vite"]) }, "node_modules/tidings/docs/guides/vite-react.md"],
    ["with two servers", { "package.json": pkg(["express", "hono"]) }, "--framework hono, --framework express"],
  ])("in a folder %s it says so, and writes nothing", async (_what, files, says) => {
    const folder = folderWith(files);
    const before = contentOf(folder);
    expect(await init(folder)).toMatchObject({ code: 1, printed: "", complained: expect.stringContaining(says) });
    expect(contentOf(folder)).toEqual(before);
  });

  it.each<[what: string, files: Files, code: number, says: string]>([
    // Of which Node's JSON.parse quotes the text.
    ["package.json", { "package.json": "\u001b]0;owned\u0007" }, 1, "package.json cannot be read"],
    [
      "the name of a folder",
      { "\u001b[2Jowned/package.json": pkg(["next"]), "\u001b[2Jowned/lib": "no folder" },
      1,
      "lib is no folder",
    ],
  ])("hands no control of %s to the terminal", async (_what, files, code, says) => {
    const folder = path.join(folderWith(files), path.dirname(Object.keys(files)[0] ?? ""));
    const outcome = await init(folder);
    expect(outcome).toMatchObject({ code, printed: "", complained: expect.stringContaining(says) });
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(outcome.complained.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
  });

  it("takes the framework that it is told, and refuses one that it does not know", async () => {
    const folder = folderWith({ "package.json": pkg(["express", "hono"]) });
    expect(await init(folder, ["--framework", "express"])).toMatchObject({
      code: 0,
      printed: expect.stringContaining("Express"),
    });
    expect(await init(folder, ["--framework", "rails"])).toMatchObject({
      code: 2,
      complained: expect.stringContaining("next, "),
    });
    expect(await init(folder, ["hono"])).toMatchObject({ code: 2, complained: expect.stringContaining("Usage: tidings init") });
  });

  it("harms nothing when it runs a second time, and keeps what somebody has changed or had before, unless it may replace it", async () => {
    const mine = "export const mine = true;\n";
    const folder = folderWith({ "package.json": pkg(["next"]), app: null, "lib/realtime.js": mine });
    const first = await init(folder);
    expect(first).toMatchObject({ code: 1, complained: expect.stringContaining("lib/realtime.js") });
    expect(first.printed).toMatch(/^ {2}kept +lib\/realtime\.js$/m);
    const after = contentOf(folder);
    expect(after["lib/realtime.js"]).toBe(mine);
    expect(await init(folder)).toMatchObject({ code: 1, printed: expect.not.stringContaining("written") });
    expect(contentOf(folder)).toEqual(after);

    const asked: string[] = [];
    const answer = (yes: boolean) => async (question: string) => (asked.push(question), yes);
    expect(await init(folder, [], answer(false))).toMatchObject({ code: 1 });
    expect(contentOf(folder)).toEqual(after);
    expect(asked).toEqual(["lib/realtime.js is there. Replace it?"]);
    expect(await init(folder, [], answer(true))).toMatchObject({ code: 0, complained: "" });
    expect(contentOf(folder)["lib/realtime.js"]).toContain("new Realtime");

    writeFileSync(path.join(folder, "lib/realtime.js"), mine);
    expect(await init(folder, ["--force"])).toMatchObject({ code: 0, printed: expect.stringMatching(/^ {2}replaced +lib/m) });
    expect(contentOf(folder)["lib/realtime.js"]).toContain("new Realtime");
  });

  it.each<[what: string, files: Files, link: readonly [at: string, to: string] | undefined, says: string]>([
    ["a link out of the project", {}, ["lib", "OUT"], "lib is a link out of this folder"],
    [
      "a file that is a link out of the project",
      { lib: null },
      ["lib/realtime.ts", "OUT/mine"],
      "lib/realtime.ts is a link out of",
    ],
    ["a link that leads nowhere", { lib: null }, ["lib/realtime-client.ts", "gone"], "a link that leads nowhere"],
    ["a link that leads to itself", {}, ["lib", "lib"], "a link that leads nowhere"],
    ["a file in place of a folder", { "app/api": "" }, undefined, "app/api is no folder"],
    ["a folder in place of a file", { "app/api/realtime/route.ts": null }, undefined, "route.ts is no file"],
  ])("writes nothing at all where there is %s, and says so", async (_what, files, link, says) => {
    const out = folderWith({ mine: "mine" });
    const folder = folderWith({ "package.json": pkg(["next", "zod"]), "tsconfig.json": {}, app: null, ...files });
    if (link) symlinkSync(link[1].replace("OUT", out), path.join(folder, link[0]));
    const before = [namesIn(folder), contentOf(out)];
    for (const args of [[], ["--force"], ["--dry-run"]]) {
      const outcome = await init(folder, args);
      expect(outcome).toMatchObject({ code: 1, printed: "", complained: expect.stringContaining(says) });
      expect(outcome.complained).toContain("Nothing was written.");
    }
    expect([namesIn(folder), contentOf(out)]).toEqual(before);
  });

  it("writes where a link leads that stays in the project", async () => {
    const folder = folderWith({ "package.json": pkg(["next", "zod"]), "tsconfig.json": {}, app: null, shared: null });
    symlinkSync("shared", path.join(folder, "lib"));
    expect(await init(folder)).toMatchObject({ code: 0 });
    expect(contentOf(folder)).toHaveProperty("shared/realtime.ts");
  });

  it.each<[paths: unknown, baseUrl?: unknown]>([
    [{ "@/*": null }],
    [{ "@/*": "./*" }],
    [{ "@/*": [5] }],
    ["@/*"],
    [null],
    [{ "@/*": ["./*"] }, 5],
    [{ '"; process.exit(9); "/*': ["./*"] }],
    [{ "\u001b[31m/*": ["./*"] }],
    [{ "a\n/*": ["./*"] }],
    [{ "$&/*": ["./*"] }],
    [{ "../*": ["./*"] }],
  ])("passes over paths that stand for nothing in an import: %j %j", async (paths, baseUrl) => {
    const config = { compilerOptions: { paths, baseUrl } };
    const folder = folderWith({ "package.json": pkg(["next", "zod"]), "tsconfig.json": config, app: null });
    expect(await init(folder)).toMatchObject({ code: 0 });
    expect(contentOf(folder)["app/api/realtime/route.ts"]).toContain('from "../../../lib/realtime"');
  });

  it.each(["@/", "~/", "$lib/", "#app/", "@acme/web/", "src/", "@src.v2/", "$/"])("takes the alias %s", async (prefix) => {
    const config = { compilerOptions: { paths: { [`${prefix}*`]: ["./*"] } } };
    const folder = folderWith({ "package.json": pkg(["next", "zod"]), "tsconfig.json": config, app: null });
    expect(await init(folder)).toMatchObject({ code: 0 });
    expect(contentOf(folder)["app/api/realtime/route.ts"]).toContain(`from "${prefix}lib/realtime"`);
  });

  it("--dry-run says what it would do, asks nobody, and writes nothing", async () => {
    const folder = folderWith({ "package.json": pkg(["next"]), app: null, "lib/realtime.js": "mine" });
    const before = contentOf(folder);
    const nobody = (): Promise<boolean> => Promise.reject(new Error("asked"));
    const { code, printed } = await init(folder, ["--dry-run"], nobody);
    expect([code, printed]).toEqual([1, expect.stringMatching(/^ {2}new +app\/api\/realtime\/route\.js$/m)]);
    expect(await init(folder, ["--dry-run", "--force"])).toMatchObject({ printed: expect.stringContaining("to be replaced") });
    expect([contentOf(folder), existsSync(path.join(folder, "app/api"))]).toEqual([before, false]);
  });

  it.each<[lockfile: Files, install: string, start: string]>([
    [{ "package-lock.json": "{}" }, "npm i tidings zod", "npm run dev"],
    [{ "pnpm-lock.yaml": "" }, "pnpm add tidings zod", "pnpm dev"],
    [{ "yarn.lock": "" }, "yarn add tidings zod", "yarn dev"],
    [{ "bun.lockb": "" }, "bun add tidings zod", "bun run dev"],
  ])("speaks to the package manager of the lockfile: %j", async (lockfile, install, start) => {
    const folder = folderWith({ "package.json": pkg(["next"], { scripts: { dev: "next dev" } }), app: null, ...lockfile });
    const { printed } = await init(folder);
    expect(printed).toMatch(new RegExp(`^ {5}${install}$`, "m"));
    expect(printed).toMatch(new RegExp(`^ {5}${start}$`, "m"));
  });

  it("finds the lockfile of a monorepo further up, and asks for nothing that is there", async () => {
    const folder = folderWith({
      "pnpm-lock.yaml": "",
      "apps/web/package.json": pkg(["next", "tidings", "valibot"]),
      "apps/web/app": null,
    });
    const { printed } = await init(path.join(folder, "apps/web"));
    expect(printed).toContain("JavaScript, pnpm.");
    expect(printed).not.toContain("Install");
    expect(contentOf(path.join(folder, "apps/web"))["lib/realtime.js"]).toContain('from "valibot"');
  });

  it.each<[what: string, config: Files, imported: string]>([
    [
      "the alias of create-next-app",
      { "tsconfig.json": `{ "compilerOptions": { "paths": { "@/*": ["./*"] }, } } // a comment` },
      "@/lib/realtime",
    ],
    ["another alias", { "tsconfig.json": { compilerOptions: { baseUrl: ".", paths: { "~/*": ["*"] } } } }, "~/lib/realtime"],
    [
      "an alias of a file that it extends",
      { "tsconfig.json": { extends: "./base" }, "base.json": { compilerOptions: { paths: { "#*": ["x"], "#/*": ["./*"] } } } },
      "#/lib/realtime",
    ],
    [
      "no alias that leads there",
      { "tsconfig.json": { compilerOptions: { paths: { "@/*": ["./elsewhere/*"] } } } },
      "../../../lib/realtime",
    ],
    ["a configuration that cannot be read", { "tsconfig.json": "{" }, "../../../lib/realtime"],
  ])("imports by %s", async (_what, config, imported) => {
    const folder = folderWith({ "package.json": pkg(["next"]), app: null, ...config });
    await init(folder);
    expect(contentOf(folder)["app/api/realtime/route.ts"]).toContain(`from "${imported}"`);
  });

  it.each(FRAMEWORKS.map(({ name }) => name))("leads to a guide that says more than itself: %s", async (name) => {
    const { printed } = await init(folderWith({ "package.json": {} }), ["--framework", name]);
    const [, guide = ""] = /^More: node_modules\/tidings\/docs\/guides\/(.+)$/m.exec(printed) ?? [];
    expect(guide).not.toBe("cli.md");
    expect(existsSync(path.join(root, "docs/guides", guide))).toBe(true);
  });

  it("P-5, P-11: --resources writes the admin and the route of live lists in place of the events, and can be run beside them", async () => {
    const files = { "package.json": pkg(["next", "react"]), app: null, "tsconfig.json": {} };
    const folder = folderWith(files);
    const events = written(await init(folder));
    const outcome = await init(folder, ["--resources"]);
    expect(outcome).toMatchObject({ code: 0, complained: "" });
    expect(written(outcome)).toEqual(["lib/admin.ts", "app/api/flowpanel/stream/route.ts", "instrumentation.ts"]);
    expect(outcome.printed).toContain("npm i tidings\n");
    expect(outcome.printed).toContain(`useLiveResource("orders", refetch);`);
    expect(contentOf(folder)["app/api/flowpanel/stream/route.ts"]).toMatch(
      /stream\(admin\);\nexport const runtime = "nodejs";\nexport const dynamic = "force-dynamic";\n$/,
    );
    expect((await init(folder, ["--resources"])).printed).not.toContain("written");
    expect(Object.keys(contentOf(folder))).toHaveLength(events.length + 3 + 2);
  });

  it.each(FRAMEWORKS.map(({ name }) => name))(
    "P-5: --resources writes for %s, at the address that the hooks ask",
    async (name) => {
      const folder = folderWith({ "package.json": {}, "tsconfig.json": {} });
      const outcome = await init(folder, ["--framework", name, "--resources"]);
      expect(outcome).toMatchObject({ code: 0, complained: "" });
      const content = contentOf(folder);
      const route = written(outcome).find((file) => `${file} ${content[file]}`.includes("api/flowpanel/stream"));
      expect(content[route ?? ""]).toContain("stream(admin)");
      expect(outcome.printed).toMatch(/curl -N "http:\/\/localhost:\d+\/api\/flowpanel\/stream\?channel=resource\.orders"/);
    },
  );

  it("tells a server's own file what to load, by import or by require, and where", async () => {
    const lines = async (files: Files): Promise<string> => (await init(folderWith(files))).printed;
    expect(await lines({ "package.json": pkg(["hono"], { type: "module" }), "src/index.ts": "", "tsconfig.json": {} })).toMatch(
      /In src\/index\.ts:\n {5}import \{ realtimeRoutes \} from "\.\/realtime-routes\.js";\n {5}app\.route/,
    );
    expect(await lines({ "package.json": pkg(["fastify"]), "app.js": "" })).toMatch(
      /In app\.js:\n {5}const \{ realtimeRoutes \} = require\("\.\/realtime-routes\.mjs"\);/,
    );
    const importsTs = { compilerOptions: { allowImportingTsExtensions: true } };
    expect(await lines({ "package.json": pkg(["hono"], { type: "module" }), "tsconfig.json": importsTs })).toContain(
      'from "./realtime-routes.ts"',
    );
    expect(await lines({ "package.json": pkg(["express"]), "tsconfig.json": {} })).toContain("npm pkg set type=module");
  });
});

describe("what npx tidings init writes", () => {
  /** What the compiler says of the files below a folder of the repository, with the sources in the place of the package. */
  function complaintsOf(folder: string): string[] {
    const files = Object.keys(contentOf(folder)).filter((file) => /\.[jt]sx?$/.test(file));
    const program = ts.createProgram(
      files.map((file) => path.join(folder, file)),
      {
        ...{ strict: true, noEmit: true, skipLibCheck: true, esModuleInterop: true, allowImportingTsExtensions: true },
        ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, jsx: ts.JsxEmit.ReactJSX },
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        types: ["node"],
        paths: {
          tidings: [path.join(root, "src/index.ts")],
          "tidings/client": [path.join(root, "src/client/react.ts")],
          "tidings/resources": [path.join(root, "src/resources.ts")],
        },
      },
    );
    return ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => file?.fileName.startsWith(folder) === true)
      .map(
        ({ file, messageText }) =>
          `${path.basename(file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
      );
  }

  // Below the repository, where packages are found.
  const scratch = (): string => {
    mkdirSync(path.join(root, ".cache"), { recursive: true });
    return path.join(root, ".cache");
  };

  it(
    "compiles for Next.js with every validator and every client of Redis, and its events are known",
    { timeout: 120_000 },
    async () => {
      const KINDS = ["zod", "valibot", "arktype", "zod ioredis", "zod redis", "zod @upstash/redis"];
      const projects = KINDS.map((packages, at): Files => {
        return {
          [`${at}/package.json`]: pkg(["next", ...packages.split(" ")]),
          [`${at}/app`]: null,
          [`${at}/tsconfig.json`]: {},
        };
      });
      const folder = folderWith(Object.assign({}, ...projects) as Files, scratch());
      for (const at of KINDS.keys()) {
        // oxlint-disable-next-line no-await-in-loop
        for (const args of [[], ["--resources"]]) {
          // oxlint-disable-next-line no-await-in-loop
          expect(await init(path.join(folder, String(at)), args)).toMatchObject({ code: 0 });
        }
        writeFileSync(
          path.join(folder, `${at}/wrong-${at}.ts`),
          `import { realtime } from "./lib/realtime";\nvoid realtime.emit("chat.message", { text: 1 });\nvoid realtime.emit("chat.massage", { text: "" });\n`,
        );
      }
      expect(complaintsOf(folder).map((each) => each.split(".")[0])).toEqual(
        [...KINDS.keys()].flatMap((at) => [`wrong-${at}`, `wrong-${at}`]),
      );
    },
  );

  it.each<[client: string, variable: string, value: string | undefined]>([
    ["ioredis", "REDIS_URL", undefined],
    ["ioredis", "REDIS_URL", ""],
    ["@upstash/redis", "UPSTASH_REDIS_REST_URL", ""],
  ])("is in memory with %s and %s=%j, which production warns of", async (client, variable, value) => {
    const folder = folderWith({ "package.json": pkg(["next", client], { type: "module" }) }, scratch());
    await init(folder);
    const file = path.join(folder, "lib/realtime.js");
    writeFileSync(file, readFileSync(file, "utf8").replace('"tidings"', JSON.stringify(path.join(root, "src/index.ts"))));
    vi.stubEnv("NODE_ENV", "production");
    vi.stubEnv(variable, value);
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    onTestFinished(() => {
      vi.unstubAllEnvs();
      warned.mockRestore();
      // What was said in this process is said again by the next test.
      Reflect.deleteProperty(globalThis, Symbol.for("tidings"));
    });
    const { realtime } = (await import(file)) as { realtime: Realtime };
    onTestFinished(() => realtime.close());
    expect(realtime.health().broker.name).toBe("memory");
    expect(warned.mock.calls).toEqual([[expect.stringContaining("no `redis` was given")]]);
  });

  it("holds no mark of a template, in whatever language, and ends with one line break", async () => {
    for (const { name } of FRAMEWORKS)
      for (const config of [{ "tsconfig.json": {} }, { "jsconfig.json": {} }]) {
        const folder = folderWith({ "package.json": { type: "module" }, app: null, src: null, ...config });
        // oxlint-disable-next-line no-await-in-loop
        const outcome = await init(folder, ["--framework", name]);
        const content = contentOf(folder);
        for (const file of written(outcome)) {
          expect([name, file, content[file]]).toEqual([
            name,
            file,
            expect.not.stringMatching(/[⟦⟧]|\bLIB\b|\bEXT\b|\n\n\n|^\n/),
          ]);
          expect([file, content[file]]).toEqual([file, expect.stringMatching(/[^\n]\n$/)]);
        }
        // Types in a file that is to be JavaScript.
        const scripts = written(outcome).filter((file) => /\.jsx?$/.test(file));
        for (const file of scripts) {
          const { diagnostics } = ts.transpileModule(content[file] ?? "", {
            fileName: file,
            reportDiagnostics: true,
            compilerOptions: { allowJs: true, jsx: ts.JsxEmit.Preserve, target: ts.ScriptTarget.ESNext },
          });
          expect([name, file, diagnostics?.map(({ messageText }) => messageText)]).toEqual([name, file, []]);
        }
      }
  });
});
