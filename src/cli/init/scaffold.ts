import path from "node:path";
import type { Project } from "./project.ts";

/** A file that is to be written. */
export interface NewFile {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** What a person has to do, with the lines to write or to run. */
export interface Step {
  readonly text: string;
  readonly lines: readonly string[];
}

/** What a framework gets. */
export interface Scaffold {
  readonly files: readonly NewFile[];
  /** What it needs beside tidings and a validator. */
  readonly packages?: readonly string[];
  /** The same, for those who develop. */
  readonly devPackages?: readonly string[];
  /** What is to be done by hand before it can be seen. @default nothing */
  readonly steps?: readonly Step[];
  /** What is better done afterwards. @default nothing */
  readonly later?: readonly Step[];
  /** How to see an event, once it is started. */
  readonly see: Step;
  /** The page that says more, below `docs/guides`. */
  readonly guide: string;
}

/** A framework that something can be set up for. */
export interface Framework {
  /** As `--framework` takes it. */
  readonly name: string;
  readonly title: string;
  /** Whether the project is made with it. */
  isIn(project: Project): boolean;
  /** Events: their schema, the route, the hook, and a page to see one on. */
  scaffold(project: Project): Scaffold;
  /** Live lists: the admin, and its route. */
  resources(project: Project): Scaffold;
}

/** How an event is seen that a page sends. */
export function inTwoWindows(address: string): Step {
  return { text: "Start it, and open this in two windows", lines: [address] };
}

/** A template as TypeScript or as JavaScript: what stands between ⟦ and ⟧ is for TypeScript alone. */
export function typed(template: string, { isTypeScript }: Pick<Project, "isTypeScript">): string {
  return template.replace(/⟦([^⟦⟧]*)⟧/g, isTypeScript ? "$1" : "");
}

/** How one file of the project names another: by an alias if one covers it, else by the way to it. Both without an extension. */
export function importPath(from: string, to: string, { aliases }: Pick<Project, "aliases">): string {
  const alias = aliases.find(({ folder }) => to.startsWith(folder));
  return alias ? `${alias.prefix}${to.slice(alias.folder.length)}` : relativePath(from, to);
}

/** The way from one file to another, without an extension. */
function relativePath(from: string, to: string): string {
  const way = path.posix.relative(path.posix.dirname(from), to);
  return way.startsWith(".") ? way : `./${way}`;
}
