import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError, type Command } from "./command.ts";
import { FRAMEWORKS, frameworksIn } from "./init/frameworks.ts";
import { isMonorepoRoot, NoProjectError, readProject, type Project } from "./init/project.ts";
import type { Framework, Scaffold, Step } from "./init/scaffold.ts";
import { NoPlaceError, writeFiles, type Outcome } from "./init/write-files.ts";

const NAMES = FRAMEWORKS.map(({ name }) => name).join(", ");

const HELP = `Usage: tidings init [options]

Sets tidings up in the project of this folder: writes the events, the route that browsers listen to and the hook of the framework,
with a page on which an event can be seen, and says what is left to do. It looks at package.json, the lockfile and tsconfig.json,
and installs nothing. A file that is there and is another one is replaced only when you answer yes in a terminal, or with --force.

  --framework <name>    ${NAMES} [the one in package.json]
  --resources           sets up live lists (tidings/resources) in place of events: the admin and its route
  --dry-run             writes nothing, and says what it would write
  --force               replaces files that are there, and asks nobody
  --help                prints this

The exit code is 0 when everything is there, 1 when there is no project that it knows or a file was kept, 2 when it was called in
a wrong way.`;

const OPTIONS = {
  framework: { type: "string" },
  resources: { type: "boolean" },
  "dry-run": { type: "boolean" },
  force: { type: "boolean" },
} satisfies ParseArgsConfig["options"];

/** `tidings init`: sets tidings up in a project. */
export const init: Command = {
  summary: "sets tidings up in a project: events, route, hook, and a page to see an event on",
  help: HELP,
  async run(args, print, { folder, complain, ask }) {
    const { framework: named, resources = false, "dry-run": isDry = false, force = false } = parse(args);
    const found = look(folder, named);
    if (typeof found === "string") {
      complain(found);
      return 1;
    }
    const { project, framework } = found;
    const scaffold = resources ? framework.resources(project) : framework.scaffold(project);
    const outcomes = await writeFiles(scaffold.files, {
      ...{ folder, isDry },
      mayReplace: async (file) => force || (!isDry && ask !== undefined && (await ask(`${file} is there. Replace it?`))),
    }).catch((error: unknown) => {
      if (error instanceof NoPlaceError) return error.message;
      throw error;
    });
    if (typeof outcomes === "string") {
      complain(outcomes);
      return 1;
    }
    print(reportOf({ project, framework, scaffold, outcomes, isDry }));
    const kept = [...outcomes].filter(([, outcome]) => outcome === "kept").map(([file]) => file);
    if (kept.length === 0) return 0;
    complain(`\nKept as it was, since it is another file: ${kept.join(", ")}. --force replaces it; --dry-run writes nothing.`);
    return 1;
  },
};

/** @throws UsageError */
function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.framework !== undefined && !FRAMEWORKS.some(({ name }) => name === values.framework))
      throw new UsageError(`--framework takes one of ${NAMES}.`);
    return values;
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

/** The project and what it is made with; in words, why that cannot be told. */
function look(folder: string, named: string | undefined): { project: Project; framework: Framework } | string {
  try {
    const project = readProject(folder);
    const chosen = FRAMEWORKS.find(({ name }) => name === named);
    const found = chosen ? [chosen] : frameworksIn(project);
    const [framework] = found;
    if (framework && found.length === 1) return { project, framework };
    if (found.length > 1)
      return `package.json names several: ${found.map(({ title }) => title).join(", ")}. Say which one serves the events: ${found.map(({ name }) => `--framework ${name}`).join(", ")}.`;
    if (isMonorepoRoot(folder))
      return "This is the root of a monorepo, and no framework is in its package.json. Call it in the folder of the app: cd apps/web && npx tidings init.";
    return `package.json names no framework that init knows: ${FRAMEWORKS.map(({ title }) => title).join(", ")}. --framework <name> sets up for one all the same (${NAMES}). A page without a server of its own needs one: node_modules/tidings/docs/guides/vite-react.md and vite-vue.md show it.`;
  } catch (error) {
    if (error instanceof NoProjectError) return error.message;
    throw error;
  }
}

/** What {@link reportOf} tells of. */
interface Report {
  readonly project: Project;
  readonly framework: Framework;
  readonly scaffold: Scaffold;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly isDry: boolean;
}

function reportOf({ project, framework, scaffold, outcomes, isDry }: Report): string {
  const { packageManager, isTypeScript } = project;
  const language = isTypeScript ? "TypeScript" : "JavaScript";
  const files = [...outcomes].map(([file, outcome]) => `  ${says(outcome, isDry).padEnd(14)} ${file}`);
  const steps = stepsOf(project, scaffold).flatMap(({ text, lines }, at) => [
    `${at + 1}. ${text}:`,
    ...lines.map((line) => `     ${line}`),
  ]);
  return [
    `${framework.title}, ${language}, ${packageManager}.`,
    "",
    ...files,
    "",
    "What is left to do:",
    "",
    ...steps,
    "",
    `More: node_modules/tidings/docs/guides/${scaffold.guide}`,
  ].join("\n");
}

function says(outcome: Outcome, isDry: boolean): string {
  if (!isDry || outcome === "unchanged" || outcome === "kept") return outcome;
  return outcome === "written" ? "new" : "to be replaced";
}

const INSTALL = {
  npm: ["npm i", "npm i -D"],
  pnpm: ["pnpm add", "pnpm add -D"],
  yarn: ["yarn add", "yarn add -D"],
  bun: ["bun add", "bun add -d"],
} as const;

function stepsOf(project: Project, { packages = [], devPackages = [], steps = [], later = [], see }: Scaffold): Step[] {
  const { packageManager, scripts, uses } = project;
  const [add, addDev] = INSTALL[packageManager];
  const needed = ["tidings", ...packages].filter((name) => !uses(name));
  const install = [
    ...(needed.length > 0 ? [`${add} ${needed.join(" ")}`] : []),
    ...(devPackages.length > 0 ? [`${addDev} ${devPackages.join(" ")}`] : []),
  ];
  const script = ["dev", "start"].find((name) => scripts.includes(name));
  const start =
    script === undefined
      ? []
      : [`${packageManager} ${packageManager === "yarn" || packageManager === "pnpm" ? "" : "run "}${script}`];
  return [
    ...(install.length > 0 ? [{ text: "Install", lines: install }] : []),
    ...steps,
    { text: see.text, lines: [...start, ...see.lines] },
    ...later,
  ];
}
