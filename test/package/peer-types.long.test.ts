import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installOnce } from "../support/install-once.ts";
import { root, runNode } from "./installed.ts";

/** Packages that the repository does not install, by the folder of their fixtures. */
const PEERS = ["upstash-workflow", "inngest", "bullmq"] as const;

describe("types of a peer that is not installed here", () => {
  const folder = path.join(root, `.cache/peer-types-${process.pid}`);
  beforeAll(() => void mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(PEERS)("of %s fit what the built package says of it", async (name) => {
    const fixtures = path.join(root, "test/integration/fixtures", name);
    const installed = path.join(installOnce(name, fixtures), "node_modules");
    const config = {
      compilerOptions: {
        target: "ES2022",
        module: "ESNext",
        moduleResolution: "bundler",
        lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable"],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: true,
        noEmit: true,
        types: ["node"],
        typeRoots: [path.join(root, "node_modules/@types")],
        paths: {
          tidings: [path.join(root, "dist/index.d.ts")],
          "tidings/client": [path.join(root, "dist/client/react.d.ts")],
          "tidings/*": [path.join(root, "dist/*.d.ts")],
          react: [path.join(root, "node_modules/@types/react")],
          zod: [path.join(root, "node_modules/zod")],
          "*": [path.join(installed, "*")],
        },
      },
      // What the guides show, and what they do not.
      files: readdirSync(fixtures)
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join(fixtures, file)),
    };
    const file = path.join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(config));
    const { output } = await runNode(root, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    expect(output).toBe("");
  });
});
