import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { BridgeOptions } from "../../src/bullmq.ts";
import type { RealtimeMiddlewareOptions as InngestOptions } from "../../src/inngest.ts";
import type { RealtimeMiddlewareOptions as WorkflowOptions } from "../../src/workflow.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Options of a schema with the documented events. `EventName` of it is a string. */
type Of<T> = Readonly<Record<keyof T, true>>;

const workflow: Of<WorkflowOptions<object>> = {
  realtime: true,
  channel: true,
  step: true,
  finish: true,
  result: true,
  runStart: true,
  stepStart: true,
  stepFail: true,
  describeError: true,
};
const inngest: Of<InngestOptions<object>> = { ...workflow, runFail: true, onError: true };
const bullmq: Of<BridgeOptions<object>> = {
  realtime: true,
  queueEvents: true,
  channel: true,
  progress: true,
  completed: true,
  failed: true,
  waiting: true,
  active: true,
  stalled: true,
  data: true,
  onError: true,
};

/** Each guide, where the files that it shows stand, which of them it need not show, and the options that it lists. */
const GUIDES = [
  ["workflow", "examples/workflow", /css$|^(stand-in\/|next|package|tsconfig|README|\.)/, workflow],
  ["inngest", "test/integration/fixtures/inngest", /^(package|types)/, inngest],
  ["bullmq", "test/integration/fixtures/bullmq", /^(package|types)/, bullmq],
] as const;

function filesIn(folder: string): string[] {
  const ignored = /(^|\/)(node_modules|\.next|next-env\.d\.ts|tsconfig\.tsbuildinfo)(\/|$)/;
  const all = readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true });
  return all
    .filter((item) => item.isFile())
    .map((item) => path.relative(path.join(root, folder), path.join(item.parentPath, item.name)))
    .filter((file) => !ignored.test(file));
}

describe.each(GUIDES)("docs/guides/%s.md", (name, folder, hidden, options) => {
  const guide = readFileSync(path.join(root, `docs/guides/${name}.md`), "utf8");

  it("shows whole files that are compiled with the real packages, all of them", () => {
    const fences = [...guide.matchAll(/^```tsx?\n\/\/ (?<file>\S+)\n(?<code>[\s\S]*?)^```$/gm)].map(
      ({ groups = {} }) => groups,
    );
    for (const { file = "", code } of fences) expect(code, file).toBe(readFileSync(path.join(root, folder, file), "utf8"));
    const shown = fences.map(({ file = "" }) => file).toSorted();
    expect(shown).toEqual(
      filesIn(folder)
        .filter((file) => !hidden.test(file))
        .toSorted(),
    );
    expect(guide.match(/^```tsx?$/gm)).toHaveLength(shown.length);
  });

  it("tells to install what its files import", () => {
    const [, line = ""] = /^npm i (.+)$/m.exec(guide) ?? [];
    const imported = [...guide.matchAll(/ from "((?:@[\w-]+\/)?[a-z][\w-]*)/g)].map(([, pkg = ""]) => pkg);
    const framework = new Set(["next", "react"]);
    // What a URL for `redis` needs is imported by nobody.
    expect(line.split(" ").toSorted()).toEqual(
      [...new Set([...imported, "ioredis"])].filter((pkg) => !framework.has(pkg)).toSorted(),
    );
  });

  it("lists every option", () => {
    const listed = [...guide.matchAll(/^\| `(\w+)` \| [^|]+ \| .+ \|$/gm)].map(([, option = ""]) => option);
    expect(listed.toSorted()).toEqual(Object.keys(options).toSorted());
  });
});

describe("examples/workflow", () => {
  const read = (file: string): string => readFileSync(path.join(root, "examples/workflow", file), "utf8");

  it("U-17: routes export their methods and nothing else, the layout is a server component, what awaits is async", () => {
    const routes = filesIn("examples/workflow").filter((file) => file.endsWith("route.ts"));
    expect(routes).toHaveLength(4);
    for (const route of routes) {
      const exported = [...read(route).matchAll(/^export (?:async function |const |const \{ )(\w+)/gm)].map(([, each]) => each);
      expect([route, read(route).match(/^export /gm)?.length, exported.join()]).toEqual([
        route,
        1,
        expect.stringMatching(/^(GET|POST)$/),
      ]);
    }
    expect(read("app/layout.tsx")).not.toContain("use client");
    expect(read("lib/use-workflow.ts")).toContain("async function trigger()");
  });
});
