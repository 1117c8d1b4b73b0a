/**
 * What the inference of events costs the compiler: a program of 200 Zod events is compiled without tidings, with 200 typed
 * emits, and with readers of all events too. Prints a table; the figures are kept in docs/adr/0001-types.md.
 * Run: node test/types/cost.mjs [folder of another typescript]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NAMESPACES = 20;
const EVENTS = 10;
const RUNS = 5;

const here = path.dirname(fileURLToPath(import.meta.url));
const typescript = process.argv[2] ?? path.dirname(createRequire(import.meta.url).resolve("typescript/package.json"));

const names = Array.from({ length: NAMESPACES }, (_, n) =>
  Array.from({ length: EVENTS }, (__, e) => [`n${n}`, `e${e}`]),
).flat();
const payload = (event) =>
  `z.object({ id: z.string(), at: z.date(), stars: z.number().default(0), note: z.string().optional(), ` +
  `user: z.object({ name: z.string(), tags: z.array(z.string()) }), ${event}: z.coerce.number() })`;
const namespaces = Array.from({ length: NAMESPACES }, (_, n) => {
  const events = Array.from({ length: EVENTS }, (__, e) => `    e${e}: ${payload(`f${n}x${e}`)},`);
  return `  n${n}: {\n${events.join("\n")}\n  },`;
});
const schema = `const schema = {\n${namespaces.join("\n")}\n};\n`;
const value = `{ id: "a", at: new Date(), user: { name: "b", tags: [] }, `;
const field = (n, e) => `f${n.slice(1)}x${e.slice(1)}`;
const emits = names.map(([n, e]) => `void realtime.emit("${n}.${e}", ${value} ${field(n, e)}: 1 });`).join("\n");
const hooks = names
  .map(
    ([n, e]) =>
      `useRealtime({ events: ["${n}.${e}"], onData({ data }) { console.log(data.at.length, data.${field(n, e)}); } });`,
  )
  .join("\n");
const cases = names
  .map(([n, e]) => `  case "${n}.${e}": console.log(message.data.at.length, message.data.${field(n, e)}); break;`)
  .join("\n");
const nested = names.map(([n, e]) => `export type ${n}${e} = Events["${n}"]["${e}"]["at"];`).join("\n");

const imports = `import { z } from "zod";\nimport { createHook, StandIn } from "../../support/stand-in.ts";\nimport type { InferRealtimeEvents } from "../../../../src/schema/infer.ts";\n`;
const used = `export type Used = [typeof createHook, InferRealtimeEvents<StandIn>];\n`;
const programs = {
  "schema, untyped emits": `${imports}${used}${schema}export const s: object = schema;\ndeclare const realtime: { emit(event: string, data: unknown): Promise<void> };\n${emits}\n`,
  "typed emits": `${imports}${used}${schema}const realtime = new StandIn({ schema });\n${emits}\n`,
  "typed emits and 200 hooks": `${imports}${used}${schema}const realtime = new StandIn({ schema });\n${emits}\ntype Events = InferRealtimeEvents<typeof realtime>;\n${nested}\nconst { useRealtime } = createHook<Events>();\n${hooks}\n`,
  "typed emits and one switch of 200": `${imports}${used}${schema}const realtime = new StandIn({ schema });\n${emits}\nvoid realtime.subscribe({ onData(message) {\nswitch (message.event) {\n${cases}\n}\n} });\n`,
};

// Inside the repository, so that node_modules is found; in a folder that the repository's own tsconfig leaves out.
const fixtures = path.join(here, "fixtures");
mkdirSync(fixtures, { recursive: true });
const folder = mkdtempSync(path.join(fixtures, "cost-"));
try {
  const rows = [];
  for (const [name, source] of Object.entries(programs)) {
    writeFileSync(path.join(folder, "program.ts"), source);
    writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../../../tsconfig.json",
        compilerOptions: { isolatedDeclarations: false, declaration: false },
        include: ["program.ts"],
        exclude: [],
      }),
    );
    const results = Array.from({ length: RUNS }, () => diagnostics(folder));
    // Counts repeat exactly; of seconds on a busy machine the least is nearest to the truth.
    const least = (key) => Math.min(...results.map((result) => result[key]));
    rows.push({
      program: name,
      types: least("Types"),
      instantiations: least("Instantiations"),
      "check s": least("Check time"),
      "memory MB": Math.round(least("Memory used") / 1024),
    });
  }
  const { version } = createRequire(import.meta.url)(path.join(typescript, "package.json"));
  const lines = [
    `TypeScript ${version}, Node ${process.version}, ${names.length} events, least of ${RUNS}`,
    Object.keys(rows[0]).join(" | "),
    ...rows.map((row) => Object.values(row).join(" | ")),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function diagnostics(cwd) {
  const output = execFileSync(process.execPath, [path.join(typescript, "bin/tsc"), "-p", cwd, "--extendedDiagnostics"], {
    encoding: "utf8",
  });
  return Object.fromEntries(
    [...output.matchAll(/^([A-Z][\w /]+):\s+([\d.]+)/gm)].map(([, key, number]) => [key, Number(number)]),
  );
}
