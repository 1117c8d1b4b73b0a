import { lstatSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
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

/** Why a file cannot be written where it belongs; what is in its way is in the text. */
export class NoPlaceError extends Error {
  override readonly name: string = "NoPlaceError";
}

/**
 * Writes the files that are not there. One that is there and is another is replaced only when that is allowed.
 *
 * @throws NoPlaceError before anything is written
 */
export async function writeFiles(
  files: readonly NewFile[],
  { folder, isDry, mayReplace }: WriteOptions,
): Promise<ReadonlyMap<string, Outcome>> {
  for (const { path: name } of files) checkPlace(folder, name);
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

/**
 * Nothing is written out of the project, to where a link leads. One that stays in it is as good as any folder.
 *
 * @throws NoPlaceError
 */
function checkPlace(folder: string, name: string): void {
  const project = realpathSync(folder);
  const parts = name.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const at = parts.slice(0, count).join("/");
    const found = lstatSync(path.join(folder, at), { throwIfNoEntry: false });
    if (!found) return;
    const real = realOf(path.join(folder, at));
    const cannot = `${name} cannot be written: ${at}`;
    if (real === undefined) throw new NoPlaceError(`${cannot} is a link that leads nowhere. Nothing was written.`);
    if (real !== project && !real.startsWith(project + path.sep))
      throw new NoPlaceError(`${cannot} is a link out of this folder. Nothing was written.`);
    const kind = lstatSync(real);
    const isLast = count === parts.length;
    if (isLast ? !kind.isFile() : !kind.isDirectory())
      throw new NoPlaceError(`${cannot} is no ${isLast ? "file" : "folder"}. Nothing was written.`);
  }
}

/** Where a path leads; `undefined` for a link that leads nowhere. */
function realOf(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch (error) {
    if (["ENOENT", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
