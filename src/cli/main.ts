#!/usr/bin/env node
/** `npx tidings`. */
import { readFileSync } from "node:fs";
import { run } from "./run.ts";

// As far away from here when it is built.
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };

process.exitCode = await run(process.argv.slice(2), {
  version,
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
});
