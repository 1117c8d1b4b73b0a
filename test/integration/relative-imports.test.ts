import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/**
 * How a file names another one that it imports. `.js` where a reader may have any setup: TypeScript finds the `.ts` with each of its ways
 * to resolve modules. In an app of a framework as that framework's own template writes it.
 */
type Convention = "js" | "none" | "own";

/** By how the name of an example, or of its guide, begins. */
const FRAMEWORKS: Readonly<Record<string, Convention>> = {
  "agent-status": "own",
  booking: "own",
  bun: "none",
  "hono/": "own",
  nextjs: "none",
  "orders-admin": "none",
  sveltekit: "none",
  "tanstack-start": "none",
  "vite-": "own",
  workflow: "none",
};

const ENDINGS: Readonly<Record<Convention, RegExp>> = { js: /\.js$/, none: /\/[\w-]+(\.gen)?$/, own: /\.tsx?$/ };
/** Files that are no TypeScript: there is one way to name them. */
const OTHERS = /\.(css(\?url)?|html|mjs|svelte|vue)$/;
const IMPORT = /(?:from|import) "(\.{1,2}\/[^"]+)"/g;

function conventionOf(name: string): Convention {
  return Object.entries(FRAMEWORKS).find(([begin]) => name.startsWith(begin))?.[1] ?? "js";
}

/** What of a text goes against a convention. */
function strayIn(code: string, convention: Convention): string[] {
  return [...code.matchAll(IMPORT)]
    .map(([, file = ""]) => file)
    .filter((file) => !OTHERS.test(file) && !ENDINGS[convention].test(file));
}

/** What of a page does, by the fences of it. An app of Next.js shows where its files lie. */
function strayInPage(page: string, convention: Convention): string[] {
  return [...page.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].flatMap(([, code = ""]) =>
    strayIn(code, /^\/\/ (app|lib)\//.test(code) ? "none" : convention),
  );
}

const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const guides = readdirSync(path.join(root, "docs/guides")).filter((file) => file.endsWith(".md"));
const programs = readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.(tsx?|mjs|svelte|vue)$/.test(file) && !/(^|\/)(node_modules|\.\w+|dist|build)\//.test(file),
);

it("README.md and the guides name files in one way, and in apps of frameworks as these do", () => {
  expect(strayInPage(read("README.md"), "js")).toEqual([]);
  for (const guide of guides) expect(strayInPage(read(`docs/guides/${guide}`), conventionOf(guide)), guide).toEqual([]);
});

it("so do the examples", () => {
  expect(programs.length).toBeGreaterThan(20);
  for (const file of programs) expect(strayIn(read(`examples/${file}`), conventionOf(file)), file).toEqual([]);
});

it.each<[code: string, convention: Convention, stray: string[]]>([
  [`import a from "./a.ts";`, "js", ["./a.ts"]],
  [`import { a } from "../b/a.js";\nimport "./a";`, "none", ["../b/a.js"]],
  [`export { a } from "./a.mjs";\nimport "./a.css?url";`, "js", []],
  [`import a from "./a";`, "own", ["./a"]],
])("sees what goes against it: %s", (code, convention, stray) => {
  expect(strayIn(code, convention)).toEqual(stray);
});
