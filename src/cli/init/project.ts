import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { visible } from "../visible.ts";
import { parseJsonc } from "./jsonc.ts";

/** Who installs packages. */
export type PackageManager = "npm" | "pnpm" | "yarn" | "bun";

/** A short way to write the paths of a project's own files: `{ prefix: "@/", folder: "src/" }`. */
export interface Alias {
  readonly prefix: string;
  /** Relative to the project, `""` or with a slash at its end. */
  readonly folder: string;
}

/** What can be seen of a project without asking anybody. */
export interface Project {
  readonly folder: string;
  readonly packageManager: PackageManager;
  readonly isTypeScript: boolean;
  /** Whether a file `.js` is a module of its own accord. */
  readonly isModule: boolean;
  readonly aliases: readonly Alias[];
  /** Whether imports end in `.ts`. */
  readonly importsTs: boolean;
  /** Whether files are made for Bun. */
  readonly isBun: boolean;
  readonly scripts: readonly string[];
  /** Whether it depends on the package, for whatever purpose. */
  uses(name: string): boolean;
  /** The first number of the version that it asks for; `undefined` where that says none. */
  majorOf(name: string): number | undefined;
  /** Whether it has this file or folder. */
  has(file: string): boolean;
}

/** Why a folder is none in which something can be set up; what to do about it is in the text. */
export class NoProjectError extends Error {
  override readonly name: string = "NoProjectError";
}

type Dependencies = Readonly<Record<string, string>>;

interface Manifest {
  readonly type?: string;
  readonly workspaces?: unknown;
  readonly packageManager?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
}

/** @throws NoProjectError when there is no package.json, or one that cannot be read */
export function readProject(folder: string): Project {
  const manifest = readManifest(folder);
  const dependencies = { ...manifest.peerDependencies, ...manifest.devDependencies, ...manifest.dependencies };
  const has = (file: string): boolean => existsSync(path.join(folder, file));
  const uses = (name: string): boolean => Object.hasOwn(dependencies, name);
  const packageManager = packageManagerOf(folder, manifest);
  const { paths, importsTs } = compilerOptionsIn(folder);
  return {
    ...{ folder, packageManager, importsTs, has, uses },
    isTypeScript: has("tsconfig.json") || uses("typescript"),
    isModule: manifest.type === "module",
    aliases: paths,
    isBun: uses("@types/bun") || uses("bun-types") || (packageManager === "bun" && !uses("@hono/node-server")),
    scripts: Object.keys(manifest.scripts ?? {}),
    majorOf: (name) => {
      const [, major] = /^\D{0,3}(\d+)/.exec(dependencies[name] ?? "") ?? [];
      return major === undefined ? undefined : Number(major);
    },
  };
}

/** Whether other projects lie in folders of this one. */
export function isMonorepoRoot(folder: string): boolean {
  const pnpm = path.join(folder, "pnpm-workspace.yaml");
  // Without packages it holds settings alone.
  return readManifest(folder).workspaces !== undefined || (existsSync(pnpm) && /^packages:/m.test(readFileSync(pnpm, "utf8")));
}

function readManifest(folder: string): Manifest {
  const file = path.join(folder, "package.json");
  if (!existsSync(file))
    throw new NoProjectError(
      "There is no package.json here. Call it in the folder of your project, or make one first: `npm init -y`, or what your framework has for that.",
    );
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, "utf8").replace(/^\ufeff/, ""));
    if (typeof manifest !== "object" || manifest === null) throw new TypeError("it holds no object");
    return manifest;
  } catch (error) {
    // It quotes what the file says.
    throw new NoProjectError(`package.json cannot be read: ${visible((error as Error).message)}`);
  }
}

const LOCKFILES: ReadonlyArray<readonly [file: string, manager: PackageManager]> = [
  ["pnpm-lock.yaml", "pnpm"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["yarn.lock", "yarn"],
  ["package-lock.json", "npm"],
];

/** In a monorepo the lockfile lies further up. */
function packageManagerOf(folder: string, manifest: Manifest): PackageManager {
  const [, named] = /^(npm|pnpm|yarn|bun)@/.exec(manifest.packageManager ?? "") ?? [];
  if (named !== undefined) return named as PackageManager;
  for (let at = folder; ; at = path.dirname(at)) {
    const found = LOCKFILES.find(([file]) => existsSync(path.join(at, file)));
    if (found) return found[1];
    if (existsSync(path.join(at, ".git")) || path.dirname(at) === at) return "npm";
  }
}

interface CompilerOptions {
  readonly baseUrl?: string;
  readonly paths?: Readonly<Record<string, readonly string[]>>;
  readonly allowImportingTsExtensions?: boolean;
  readonly rewriteRelativeImportExtensions?: boolean;
}

/** How many configurations may stand behind each other. */
const MAX_EXTENDS = 8;

function compilerOptionsIn(folder: string): { readonly paths: Alias[]; readonly importsTs: boolean } {
  const found = ["tsconfig.json", "jsconfig.json"].find((name) => existsSync(path.join(folder, name)));
  const paths: Alias[] = [];
  let importsTs: boolean | undefined;
  let next = found && path.join(folder, found);
  for (let depth = 0; next !== undefined && depth < MAX_EXTENDS; depth++) {
    const { compilerOptions = {}, extended } = readConfig(next);
    importsTs ??= compilerOptions.allowImportingTsExtensions ?? compilerOptions.rewriteRelativeImportExtensions;
    // Those of the nearest file stand in the place of all others.
    if (paths.length === 0) paths.push(...aliasesOf(folder, path.dirname(next), compilerOptions));
    next = extended;
  }
  return { paths, importsTs: importsTs ?? false };
}

/** A configuration that cannot be read says nothing: it is the compiler's business to complain. */
function readConfig(file: string): { readonly compilerOptions?: CompilerOptions; readonly extended?: string } {
  try {
    const config = parseJsonc(readFileSync(file, "utf8")) as { compilerOptions?: CompilerOptions; extends?: unknown };
    const of = config.extends;
    const extended = typeof of === "string" && of.startsWith(".") ? path.resolve(path.dirname(file), of) : undefined;
    return {
      ...(config.compilerOptions && { compilerOptions: config.compilerOptions }),
      ...(extended !== undefined && { extended: extended.endsWith(".json") ? extended : `${extended}.json` }),
    };
  } catch {
    return {};
  }
}

/** What stands in an import between quotes, and nothing else: it is written into files. */
const PREFIX = /^[\w@~#$-][\w@~#.-]*(?:\/[\w@~#.-]+)*\/$|^[@~#$]\/$/;

/** Those that can be used; of what the compiler would not take, none. */
function aliasesOf(folder: string, from: string, { baseUrl = ".", paths }: CompilerOptions): Alias[] {
  if (typeof paths !== "object" || paths === null || typeof baseUrl !== "string") return [];
  return Object.entries(paths as Readonly<Record<string, unknown>>).flatMap(([name, targets]) => {
    const target: unknown = Array.isArray(targets) ? targets[0] : undefined;
    const prefix = name.slice(0, -1);
    if (!name.endsWith("/*") || !PREFIX.test(prefix) || typeof target !== "string" || !/(^|\/)\*$/.test(target)) return [];
    const place = path.relative(folder, path.resolve(from, baseUrl, target.slice(0, -1))).replaceAll(path.sep, "/");
    if (place.startsWith("..")) return [];
    return [{ prefix, folder: place === "" ? "" : `${place}/` }];
  });
}
