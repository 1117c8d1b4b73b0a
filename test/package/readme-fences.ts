import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "./installed.ts";

/** A fenced block of README.md. */
export interface Fence {
  /** The heading it stands under. */
  readonly section: string;
  readonly language: string;
  readonly code: string;
  /** The file that its first line names; none for a shell. */
  readonly file: string | undefined;
}

const FENCE = /^## (?<section>.+)$|^```(?<language>\w*)\n(?<code>[\s\S]*?)^```$/gm;
const NAME = /^(?:\/\/|<!--) (?<file>[\w./-]+\.\w+)(?: -->)?\n/;

/** Every fence of README.md, in order. Its code comes without the line that names the file. */
export function readmeFences(): Fence[] {
  const text = readFileSync(path.join(root, "README.md"), "utf8");
  const fences: Fence[] = [];
  let section = "";
  for (const { groups = {} } of text.matchAll(FENCE)) {
    if (groups["section"] !== undefined) {
      section = groups["section"];
      continue;
    }
    const { language = "", code = "" } = groups;
    const name = NAME.exec(code);
    fences.push({ section, language, code: name ? code.slice(name[0].length) : code, file: name?.groups?.["file"] });
  }
  return fences;
}

/** The packages that a section's `npm i …` line installs. */
export function installLine(fences: readonly Fence[], section: string): string[] {
  for (const fence of fences) {
    if (fence.section !== section || fence.language !== "sh") continue;
    const line = /^npm i (?<packages>.+)$/m.exec(fence.code)?.groups?.["packages"];
    if (line !== undefined) return line.trim().split(/\s+/);
  }
  throw new Error(`README.md has no "npm i" line under "${section}"`);
}

/** Writes fences as the files that they name. */
export function writeFences(folder: string, fences: readonly Fence[]): void {
  for (const { file, code } of fences) {
    if (file === undefined) continue;
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), code);
  }
}
