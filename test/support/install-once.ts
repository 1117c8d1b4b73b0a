import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { npm, root } from "../package/installed.ts";

/**
 * What only some tests need comes at its first use, into `.cache/`, and again when its lockfile is another: with it the repository
 * would install more than it may.
 *
 * @param name of the folder in `.cache/`
 * @param manifests where its `package.json` and `package-lock.json` are
 * @returns where it lies
 */
export function installOnce(name: string, manifests: string): string {
  const folder = path.join(root, ".cache", name);
  const wanted = path.join(manifests, "package-lock.json");
  const isThere = (): boolean => {
    const file = path.join(folder, "package-lock.json");
    return existsSync(file) && readFileSync(file, "utf8") === readFileSync(wanted, "utf8");
  };
  if (isThere()) return folder;
  const fresh = `${folder}-${process.pid}`;
  try {
    for (const file of ["package.json", "package-lock.json"]) cpSync(path.join(manifests, file), path.join(fresh, file));
    npm(fresh, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } catch (cause) {
    // Another process may have been faster.
    if (!isThere()) throw new Error(`${name} is missing: \`npm ci\` in ${path.relative(root, manifests)} must work`, { cause });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
