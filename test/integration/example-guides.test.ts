import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const GUIDES = ["nextjs", "vite-react", "sveltekit", "vite-vue", "tanstack-start"];

/** What an example has beside the files that its guide shows. */
const SCAFFOLDING =
  /(^|\/)(package(-lock)?\.json|tsconfig\.json|\.gitignore|\.npmrc|README\.md|[\w-]+\.css|(index|app)\.html|routeTree\.gen\.ts|(next|svelte)\.config\.[jt]s)$|^vite\.config\.ts$/;

const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

/** The files of an example, without what was installed or built in it. */
function filesOf(example: string, folder = ""): string[] {
  const ignored = read(`examples/${example}/.gitignore`).split(/\/?\n/);
  const items = readdirSync(path.join(root, "examples", example, folder), { withFileTypes: true });
  return items
    .filter(({ name }) => !ignored.includes(name))
    .flatMap((item) => {
      const file = path.posix.join(folder, item.name);
      return item.isDirectory() ? filesOf(example, file) : [file];
    });
}

describe.each(GUIDES)("docs/guides/%s.md", (name) => {
  it("shows the files of the example, whole", () => {
    const guide = read(`docs/guides/${name}.md`);
    const fences = [
      ...guide.matchAll(/^```(?:tsx?|svelte|vue)\n(?:\/\/|<!--) (?<file>[\w+./-]+)(?: -->)?\n(?<code>[\s\S]*?)^```$/gm),
    ];
    const shells = guide.match(/^```sh$/gm) ?? [];
    expect(guide.match(/^```/gm)).toHaveLength(2 * (fences.length + shells.length));
    for (const { groups: { file = "", code } = {} } of fences) expect(code, file).toBe(read(`examples/${name}/${file}`));
    const shown = fences.map(({ groups }) => groups?.["file"] ?? "");
    expect(shown.filter((file) => !SCAFFOLDING.test(file)).toSorted()).toEqual(
      filesOf(name)
        .filter((file) => !SCAFFOLDING.test(file))
        .toSorted(),
    );
  });

  it("tells to install what the example depends on: all of it, or what is not there with its framework", () => {
    const guide = read(`docs/guides/${name}.md`);
    const manifest = JSON.parse(read(`examples/${name}/package.json`)) as Record<string, Record<string, string>>;
    const framework = /^(next|react|react-dom|vue|srvx|tsx|@tanstack\/.+)$/;
    const [, line = ""] = /^npm i (?!-D)(.+)$/m.exec(guide) ?? [];
    const { dependencies = {}, devDependencies = {} } = manifest;
    const needed = Object.keys(dependencies).filter((each) => !framework.test(each));
    expect(
      line
        .split(" ")
        .filter((each) => !framework.test(each))
        .toSorted(),
    ).toEqual(needed.toSorted());
    expect(Object.keys(dependencies)).toEqual(expect.arrayContaining(line.split(" ")));
    const tools = /(?<=^npm i -D ).+$/m.exec(guide)?.[0].split(" ") ?? [];
    expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(tools));
  });
});

describe("the chats of examples/", () => {
  it("look the same, and have the same events", () => {
    const files = (pattern: RegExp): string[] =>
      GUIDES.map((name) => filesOf(name).filter((file) => pattern.test(file))).flatMap((found, at) =>
        found.map((file) => read(`examples/${GUIDES[at]}/${file}`)),
      );
    const styles = files(/\.css$/);
    expect([styles.length, new Set(styles).size]).toEqual([GUIDES.length, 1]);
    // SvelteKit has a place of its own for the environment; and some have no other place for what is done at SIGTERM.
    const schemas = files(/(^|\/)realtime\.ts$/).filter((code) => code.includes("new Realtime"));
    const plain = schemas.map((code) =>
      code
        .replace(/^import \{ env \}.+\n/m, "")
        .replace(/\b(process\.)?env\./, "env.")
        .replace(/\n\/\/ Browsers move.+\n.+SIGTERM.+\n$/, ""),
    );
    expect([plain.length, new Set(plain).size]).toEqual([GUIDES.length, 1]);
  });

  it("take their packages from no registry by name, with tidings from this repository and one copy of each framework", () => {
    for (const name of GUIDES) {
      const { packages } = JSON.parse(read(`examples/${name}/package-lock.json`)) as {
        packages: Record<string, { resolved?: string }>;
      };
      const places = Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined);
      expect(places.map(([place, { resolved }]) => [place, resolved])).toEqual([["node_modules/tidings", "file:../.."]]);
      const copies = Object.keys(packages).filter((place) => /node_modules\/(react|react-dom|svelte|vue|tidings)$/.test(place));
      expect(new Set(copies.map((place) => path.basename(place))).size, name).toBe(copies.length);
    }
  });
});

describe("the lockfile of an example", () => {
  const locked = readdirSync(path.join(root, "examples")).filter((name) =>
    existsSync(path.join(root, "examples", name, "package-lock.json")),
  );

  it.each(locked)("is one that npm ci takes: %s has what each platform needs", (name) => {
    const { packages } = JSON.parse(read(`examples/${name}/package-lock.json`)) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (each) => !(`${folder}/node_modules/${each}` in packages) && !(`node_modules/${each}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});
