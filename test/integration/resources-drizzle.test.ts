import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../package/installed.ts";
import { installOnce } from "../support/install-once.ts";

const run = promisify(execFile);
const fixture = path.join(root, "test/integration/fixtures/drizzle");

describe("resources over Drizzle", () => {
  const installed = installOnce("drizzle", fixture);
  const folder = path.join(installed, `run-${process.pid}`);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("P-1, P-15: the package compiles against its types, and writes through a real database, telling what was committed", async () => {
    const own = path.join(folder, "node_modules/tidings");
    mkdirSync(own, { recursive: true });
    for (const part of ["package.json", "dist"]) cpSync(path.join(root, part), path.join(own, part), { recursive: true });
    cpSync(path.join(fixture, "orders.ts"), path.join(folder, "orders.ts"));
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    const compilerOptions = {
      ...{ target: "es2022", module: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
      ...{ lib: ["es2023", "dom"], types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] },
    };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["orders.ts"] }));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", folder]);
    const said = await compiled.then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toBe("");
    const { stdout, stderr } = await run(process.execPath, ["orders.js"], { cwd: folder });
    expect([stderr, JSON.parse(stdout)]).toEqual([
      "",
      {
        made: { number: 1, status: "new", name: "tea" },
        status: "sent",
        missing: null,
        failed: "planted",
        toldBefore: 2,
        total: 1,
        told: [
          { action: "create", id: "1" },
          { action: "update", id: "1" },
          { action: "create", id: "2" },
          { action: "delete", id: "1" },
          { action: "update" },
        ],
        keys: ["payouts.id", "users.email", "orders.number"],
        wrong: "function",
      },
    ]);
  });
});
