import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { NewFile } from "./scaffold.ts";

/** What became of a file. `kept`: there is another one by its name, and nobody said that it may go. */
export type Outcome = "written" | "unchanged" | "replaced" | "kept";

/** How {@link writeFiles} writes. */
export interface WriteOptions {
  /** The project. */
  readonly folder: string;
  /** Whether nothing is written. */
  readonly isDry: boolean;
  /** Whether a file that is there may be replaced. */
  mayReplace(file: string): Promise<boolean>;
}

/** Writes the files that are not there. One that is there and is another is replaced only when that is allowed. */
export async function writeFiles(
  files: readonly NewFile[],
  { folder, isDry, mayReplace }: WriteOptions,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for (const { path: name, text } of files) {
    const file = path.join(folder, name);
    const there = textOf(file);
    // oxlint-disable-next-line no-await-in-loop -- one question after the other
    const isFree = there === undefined || (there !== text && (await mayReplace(name)));
    outcomes.set(name, isFree ? (there === undefined ? "written" : "replaced") : there === text ? "unchanged" : "kept");
    if (!isFree || isDry) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    // A file that came meanwhile is not ours.
    writeFileSync(file, text, { flag: there === undefined ? "wx" : "w" });
  }
  return outcomes;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
