// @ts-check
/**
 * `npm run test:chaos`: faults on real parts, then the tables of what they did. With `--write` the tables go into the guide as well;
 * with `--short`, as CI does it, each kind of fault is smaller and briefer. Other arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "./entries.mjs";
import { findTools } from "./find-tools.mjs";
import { fillTables, tableOf } from "./tables.mjs";

/** @type {Readonly<Record<string, string>>} */
const NAMED = { redis: "Redis" };
const GUIDES = ["delivery", "deploying", "limits"].map((name) => path.join(root, `docs/guides/${name}.md`));

const options = process.argv.slice(2).filter((option) => option !== "--write");
const isWriting = process.argv.includes("--write");
const folder = mkdtempSync(path.join(os.tmpdir(), "tidings-tables-"));
const { status } = spawnSync(process.execPath, [path.join(root, "scripts/test.mjs"), "--chaos", ...options], {
  stdio: "inherit",
  env: { ...process.env, CHAOS_TABLES: folder },
});

/** @type {Map<string, string>} */
const tables = new Map();
for (const file of readdirSync(folder).toSorted()) {
  const rows = readFileSync(path.join(folder, file), "utf8").trim().split("\n");
  tables.set(path.basename(file, ".jsonl"), tableOf(rows.map((row) => JSON.parse(row))));
}
rmSync(folder, { recursive: true });
tables.set("measured", await measured());
for (const [name, table] of tables) console.log(`\n${name}\n\n${table}`);
for (const guide of GUIDES)
  if (isWriting && existsSync(guide)) writeFileSync(guide, fillTables(readFileSync(guide, "utf8"), tables));
process.exit(status ?? 1);

/** On what, and when. */
async function measured() {
  const tools = await findTools({}, ["redis", "nginx"]);
  const versions = tools.flatMap(({ name, version }) => (version === undefined ? [] : [`${NAMED[name] ?? name} ${version}`]));
  const { model = "an unknown processor" } = os.cpus()[0] ?? {};
  return `Measured on ${new Date().toISOString().slice(0, 10)}: Node ${process.versions.node}, ${versions.join(", ")}, ${os.availableParallelism()} cores (${model.trim()}), everything on one machine.`;
}
