import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "../package/installed.ts";
import { installOnce } from "./install-once.ts";

const run = promisify(execFile);
const fixture = path.join(root, "test/integration/fixtures/drizzle");

/**
 * Compiles a file of the fixture `drizzle` against the built package and Drizzle's own types, and runs it.
 *
 * @param name without `.ts`
 * @returns what it printed, as JSON
 * @throws Error with what the compiler or the program complained of
 */
export async function runDrizzleApp(name: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const folder = mkdtempSync(path.join(installOnce("drizzle", fixture), "run-"));
  try {
    const own = path.join(folder, "node_modules/tidings");
    mkdirSync(own, { recursive: true });
    for (const part of ["package.json", "dist"]) cpSync(path.join(root, part), path.join(own, part), { recursive: true });
    cpSync(path.join(fixture, `${name}.ts`), path.join(folder, `${name}.ts`));
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    const compilerOptions = {
      ...{ target: "es2022", module: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
      ...{ lib: ["es2023", "dom"], types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] },
    };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "-p", folder]).catch((error: { stdout: string }) => {
      throw new Error(`${name}.ts does not compile:\n${error.stdout}`);
    });
    const { stdout, stderr } = await run(process.execPath, [`${name}.js`], { cwd: folder, env: { ...process.env, ...env } });
    if (stderr !== "") throw new Error(`${name}.js complained:\n${stderr}`);
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
