import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../support/http-server.ts";
import { installPackage, lend, npm, root, runNode, type InstalledPackage } from "./installed.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: unknown;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;

/** Entries that import a peer: a framework, OpenTelemetry, or what tells of runs. */
const WITH_PEER = [
  "./client",
  "./client/svelte",
  "./client/vue",
  "./opentelemetry",
  "./events/client",
  "./resources/client",
  "./workflow",
  "./inngest",
];

/** Entries that need no peer. */
const ALONE = Object.keys(manifestOf(root).exports)
  .filter((subpath) => ![...WITH_PEER, "./package.json"].includes(subpath))
  .map((subpath) => subpath.replace(/^\./, "tidings"));

let installed: InstalledPackage;
let manifest: Manifest;
beforeAll(() => {
  installed = installPackage();
  manifest = manifestOf(installed.package);
});
afterAll(() => installed[Symbol.dispose]());

describe("the packed package, alone in an empty folder", () => {
  it("brings nothing with it", () => {
    expect(readdirSync(path.join(installed.folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
      "tidings",
    ]);
    expect(manifest.dependencies).toBeUndefined();
    for (const script of ["preinstall", "install", "postinstall", "prepare"])
      expect(manifest.scripts).not.toHaveProperty(script);
  });

  it.each(ALONE)("F-34: %s loads by import and by require, without a warning, as one module", async (name) => {
    const code = `
      const { createRequire } = await import("node:module");
      const required = createRequire(process.cwd() + "/x.js")("${name}");
      const imported = await import("${name}");
      const names = Object.keys(imported).filter((key) => key !== "default" && required[key] === imported[key]);
      console.log(names.length > 0 ? "ok" : "different", names.join());
    `;
    const { code: status, output } = await runNode(installed.folder, ["--input-type=module", "-e", code]);
    expect(output).toMatch(/^ok \w+/);
    expect(output.trim().split("\n")).toHaveLength(1);
    expect(status).toBe(0);
  });

  it("F-34: has an entry for each client library, all of which are optional", () => {
    expect(ALONE).toEqual(
      expect.arrayContaining(["ioredis", "node-redis", "bun", "upstash"].map((name) => `tidings/adapters/${name}`)),
    );
    const peers = Object.keys(manifest.peerDependencies);
    expect(peers.toSorted()).toEqual([
      ...["@opentelemetry/api", "@upstash/redis", "@upstash/workflow", "inngest", "ioredis", "react", "redis", "svelte", "vue"],
    ]);
    for (const peer of peers) expect(manifest.peerDependenciesMeta[peer], peer).toEqual({ optional: true });
  });

  describe("with every peer within its reach", () => {
    const reach = (): string => path.join(installed.package, "node_modules");

    beforeAll(() => {
      for (const peer of Object.keys(manifest.peerDependencies)) {
        const folder = path.join(reach(), peer);
        mkdirSync(folder, { recursive: true });
        writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: peer, main: "index.js" }));
        writeFileSync(path.join(folder, "index.js"), `console.log("loaded ${peer}");`);
      }
    });
    afterAll(() => rmSync(reach(), { recursive: true }));

    it.each(ALONE)("F-34: %s loads none of them", async (name) => {
      // A process ends when nothing is being loaded any more.
      const code = `await import("${name}"); process.on("exit", () => console.log("ok"));`;
      expect((await runNode(installed.folder, ["--input-type=module", "-e", code])).output).toBe("ok\n");
    });
  });

  it("F-34: each entry names its types first and ends in default", () => {
    for (const [subpath, targets] of Object.entries(manifest.exports)) {
      expect(Object.keys(targets), subpath).toEqual(subpath === "./package.json" ? ["default"] : ["types", "default"]);
    }
  });

  it(`the React entry begins with "use client", and what it shares with the server does not`, () => {
    const text = (file: string): string => readFileSync(path.join(installed.package, "dist", file), "utf8");
    for (const entry of ["client/react.js", "events/client.js", "resources/client.js"])
      expect(text(entry)).toMatch(/^"use client";\n/);
    for (const file of readdirSync(path.join(installed.package, "dist/shared")).filter((name) => name.endsWith(".js"))) {
      expect(text(`shared/${file}`), file).not.toContain("use client");
    }
  });

  it("I12 Browser: the client's modules import each other and the framework of their entry, nothing else", () => {
    const foreignOf = (file: string, seen = new Set<string>()): string[] => {
      if (seen.has(file)) return [];
      seen.add(file);
      const specifiers = [...readFileSync(file, "utf8").matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(
        ([, name = ""]) => name,
      );
      return specifiers.flatMap((name) =>
        name.startsWith(".") ? foreignOf(path.resolve(path.dirname(file), name), seen) : [name],
      );
    };
    const foreignIn = (entry: string): string[] =>
      [...new Set(foreignOf(path.join(installed.package, `dist/client/${entry}.js`)))].toSorted();
    expect(foreignIn("core")).toEqual([]);
    expect(foreignIn("react")).toEqual(["react", "react/jsx-runtime"]);
    expect(foreignIn("svelte")).toEqual(["svelte", "svelte/store"]);
    expect(foreignIn("vue")).toEqual(["vue"]);
  });

  it("runs as npx tidings, without a peer", async () => {
    expect(npm(installed.folder, ["exec", "--offline", "--", "tidings", "--version"]).trim()).toBe(manifest.version);
    const program = path.join(installed.folder, "node_modules/.bin/tidings");
    const looked = await runNode(installed.folder, [program, "doctor", "--redis", "redis://:s3cret@localhost", "--json"]);
    expect(looked.code).toBe(1);
    expect(JSON.parse(looked.output)).toMatchObject({
      ok: false,
      findings: [{ id: "redis-reachable", cure: "npm i ioredis" }],
    });
    expect(looked.output).not.toContain("s3cret");
    await using server = await serve((_req, res) => void res.writeHead(404).end());
    const asked = await runNode(installed.folder, [program, "doctor", "--url", `${server.url}/api/realtime`]);
    expect(asked).toMatchObject({ code: 1, output: expect.stringMatching(/^PROBLEM The answer is 404\. \[status\]$/m) });
  });

  it("names no place of the machine that built it", () => {
    const places = [root, homedir(), tmpdir()].map((place) => `${path.resolve(place)}/`).filter((place) => place !== "/");
    for (const item of readdirSync(installed.package, { recursive: true, withFileTypes: true })) {
      if (!item.isFile()) continue;
      const text = readFileSync(path.join(item.parentPath, item.name), "utf8");
      for (const place of places) expect(text.includes(place), `${item.name} names ${place}`).toBe(false);
    }
  });
});

describe("its types", () => {
  /** TypeScript's compilers, by the folder that holds them. */
  const compilers: Record<string, string> = { "6.0.3": path.join(root, "node_modules/typescript") };

  beforeAll(() => {
    const versions = { ts59: "typescript@5.9.3", ts70: "typescript@7.0.2" };
    const names = Object.entries(versions).map(([alias, version]) => `${alias}@npm:${version}`);
    npm(installed.folder, [
      "install",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      "--no-save",
      ...names,
    ]);
    compilers["5.9.3"] = path.join(installed.folder, "node_modules/ts59");
    compilers["7.0.2"] = path.join(installed.folder, "node_modules/ts70");
    cpSync(path.join(root, "test/package/fixtures/consumer"), installed.folder, { recursive: true });
  });

  /** Type-checks files of the consumer, the declarations of its dependencies included. */
  async function check(version: string, files: readonly string[], options: Record<string, unknown>): Promise<string> {
    const name = `tsconfig.${[version, ...Object.values(options), files.length].join("-").replaceAll(/[^\w.-]/g, "")}.json`;
    const compilerOptions = {
      target: "ES2022",
      module: options["moduleResolution"] === "nodenext" ? "nodenext" : "esnext",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      jsx: "react-jsx",
      types: [],
      ...options,
    };
    writeFileSync(path.join(installed.folder, name), JSON.stringify({ compilerOptions, files }));
    const { output } = await runNode(installed.folder, [path.join(compilers[version] ?? "", "bin/tsc"), "-p", name]);
    return output;
  }

  const BROWSER = ["ES2023", "DOM", "DOM.Iterable"];

  it.each(["bundler", "nodenext"])(
    "F-34: stand alone, without peers and without Node's types, on %s",
    async (moduleResolution) => {
      expect(
        await check("6.0.3", ["server.ts", "client.ts", "adapters.ts"], {
          moduleResolution,
          lib: BROWSER,
          exactOptionalPropertyTypes: true,
        }),
      ).toBe("");
    },
  );

  describe("with React and Node beside them", () => {
    beforeAll(() => {
      for (const name of ["react", "@types/react", "csstype", "@types/node", "undici-types"]) lend(installed.folder, name);
    });

    it.each([
      ["5.9.3", "bundler", true],
      ["5.9.3", "nodenext", true],
      ["6.0.3", "bundler", false],
      ["7.0.2", "bundler", true],
      ["7.0.2", "nodenext", true],
    ])(
      "F-34: pass on TypeScript %s, %s, exactOptionalPropertyTypes %s",
      async (version, moduleResolution, exactOptionalPropertyTypes) => {
        const files = ["server.ts", "client.ts", "adapters.ts", "node.ts", "page.tsx"];
        const options = { moduleResolution, exactOptionalPropertyTypes, lib: BROWSER, types: ["node"] };
        expect(await check(version, files, options)).toBe("");
      },
    );

    it("pass on a server that knows no DOM", async () => {
      const options = { moduleResolution: "nodenext", lib: ["ES2023"], types: ["node"], exactOptionalPropertyTypes: true };
      expect(await check("6.0.3", ["server.ts", "node.ts", "adapters.ts"], options)).toBe("");
    });
  });
});
