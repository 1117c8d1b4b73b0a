// @ts-check
/**
 * What can be said about the package without installing it: `exports`, sources, the build and the tarball agree, and the
 * tarball holds what it should and nothing else. That it works when it is installed is for `test/package`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { buildIfStale } from "./build-if-stale.mjs";
import { entries, missingEntries, programs, root } from "./entries.mjs";
import { undocumentedNames } from "./public-names.mjs";

/** @type {string[]} */
const problems = [];

/** What stands in the tarball besides the build. */
const DOCUMENTS = [
  "CHANGELOG.md",
  "LICENSE",
  "PROTOCOL.md",
  "README.md",
  "docs/reference/errors.md",
  "docs/options.md",
  "package.json",
];

/** Folders of which every page is shipped. */
const PAGES = /^docs\/(guides\/([a-z-]+\.md|proxies\/[\w.]+)|reference\/[a-z-]+\.md)$/;

/**
 * Packs and hands the tarball and its file names over.
 * @param {string} folder where the tarball is written
 * @returns {{ tarball: string, files: string[] }}
 */
function pack(folder) {
  const options = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  /** @type {[{ filename: string, files: { path: string }[] }]} */
  const [packed] = JSON.parse(execFileSync("npm", options, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
  return { tarball: path.join(folder, packed.filename), files: packed.files.map((file) => file.path).toSorted() };
}

/**
 * Each condition of an entry leads to a file of the tarball; types come first, `default` comes last, so that `require` works.
 * @param {Record<string, Record<string, string>>} exports
 * @param {string[]} files
 */
function checkExports(exports, files) {
  for (const [subpath, targets] of Object.entries(exports)) {
    const conditions = Object.keys(targets);
    if (conditions.at(-1) !== "default") problems.push(`exports["${subpath}"] does not end in "default", so require() fails.`);
    if (subpath !== "./package.json" && conditions[0] !== "types")
      problems.push(`exports["${subpath}"] does not begin with "types".`);
    for (const [condition, target] of Object.entries(targets)) {
      if (!files.includes(target.replace(/^\.\//, ""))) {
        problems.push(`exports["${subpath}"].${condition} is ${target}, which is not in the tarball.`);
      }
    }
  }
}

/**
 * What `bin` names is in the tarball, and says by which program it is run.
 * @param {Record<string, string>} bin
 * @param {string[]} files
 */
function checkPrograms(bin, files) {
  for (const [name, file] of Object.entries(bin)) {
    if (!files.includes(file)) problems.push(`bin["${name}"] is ${file}, which is not in the tarball.`);
    else if (!readFileSync(path.join(root, file), "utf8").startsWith("#!/usr/bin/env node\n"))
      problems.push(`${file} does not begin with "#!/usr/bin/env node", so a shell cannot run it.`);
  }
}

/**
 * Each built module is an entry or a program, or imported by one, and speaks of no place outside the package.
 * @param {string[]} files
 */
function checkBuild(files) {
  const built = files.filter((file) => file.startsWith("dist/"));
  const wanted = new Set([
    ...entries().flatMap((entry) => [`dist/${entry.name}.js`, `dist/${entry.name}.d.ts`]),
    ...programs().map((program) => `dist/${program.name}.js`),
  ]);
  for (const file of wanted) {
    if (!built.includes(file)) continue;
    for (const [, specifier = ""] of readFileSync(path.join(root, file), "utf8").matchAll(
      /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g,
    )) {
      const target = path.posix.join(path.posix.dirname(file), specifier);
      wanted.add(file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target);
    }
  }
  for (const file of built)
    if (!wanted.has(file)) problems.push(`${file} is in the tarball, but no entry or program leads to it.`);
  for (const file of files) {
    if (!file.startsWith("dist/") && !DOCUMENTS.includes(file) && !PAGES.test(file))
      problems.push(`${file} is in the tarball and should not be.`);
    const text = readFileSync(path.join(root, file), "utf8");
    for (const place of [root, os.homedir(), os.tmpdir()]) {
      // "/root" and "/tmp" are ordinary words in a URL; as a folder they are followed by a name.
      if (place.length > 1 && text.includes(`${place}/`)) problems.push(`${file} names a place of this machine: ${place}`);
    }
  }
  for (const entry of ["client/react", "events/client"]) {
    const file = path.join(root, `dist/${entry}.js`);
    if (existsSync(file) && !readFileSync(file, "utf8").startsWith(`"use client";\n`)) {
      problems.push(`dist/${entry}.js does not begin with "use client", so a server component cannot render what it exports.`);
    }
  }
}

/**
 * A link between documents of the tarball leads to one that is there.
 * @param {string[]} files
 */
function checkLinks(files) {
  for (const file of files.filter((name) => name.endsWith(".md"))) {
    for (const [, link = ""] of readFileSync(path.join(root, file), "utf8").matchAll(/\]\((?!\w+:)([^)#\s]+)/g)) {
      const target = path.posix.join(path.posix.dirname(file), link);
      if (!files.includes(target)) problems.push(`${file} links to ${link}, which is not in the tarball.`);
    }
  }
}

for (const entry of missingEntries())
  problems.push(`exports["${entry.subpath}"] is built from ${entry.source}, which does not exist.`);
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
if (manifest.dependencies) problems.push("package.json has dependencies; the package needs none.");
for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
  if (!manifest.peerDependenciesMeta?.[peer]?.optional) problems.push(`The peer "${peer}" is not optional.`);
}
for (const document of DOCUMENTS) if (!existsSync(path.join(root, document))) problems.push(`${document} is missing.`);

const folder = mkdtempSync(path.join(os.tmpdir(), "tidings-pack-"));
try {
  if (!buildIfStale()) problems.push("The build fails.");
  else {
    const { tarball, files } = pack(folder);
    checkExports(manifest.exports, files);
    checkPrograms(manifest.bin, files);
    checkBuild(files);
    checkLinks(files);
    for (const name of undocumentedNames())
      problems.push(`${name} has no doc comment, so an editor has nothing to show for it.`);
    const bytes = readFileSync(tarball);
    const { messages } = await publint({ strict: true, pack: { tarball: new Uint8Array(bytes).buffer } });
    for (const message of messages) {
      problems.push(`publint: ${formatMessage(message, manifest, { color: false }) ?? message.code}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(`package: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
