#!/usr/bin/env node
/** `npx tidings`. */
import { once, setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { run } from "./run.ts";

// As far away from here when it is built.
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };

// A command says itself what it has to say; what the client tells a developer would stand between its lines.
process.env.NODE_ENV = "production";

const ended = new AbortController();
// Each channel that is watched waits for it.
setMaxListeners(0, ended.signal);
const end = (): void => ended.abort();

// Whoever read it has left, as `head` does when it has its lines. That is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (process.listenerCount("SIGINT") > 0) end();
  else process.exit();
});

async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  // Whoever interrupts a question wants nothing that would come after it.
  lines.once("SIGINT", () => process.exit(130));
  const unanswered = once(lines, "close").then(() => "");
  try {
    // An end of the input is no answer, and some versions of Node reject for it.
    const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => ""), unanswered]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

process.exitCode = await run(process.argv.slice(2), {
  version,
  folder: process.cwd(),
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
  ask: process.stdin.isTTY && process.stdout.isTTY ? ask : undefined,
  whenEnded() {
    // Once: who asks a second time ends it the hard way.
    process.once("SIGINT", end).once("SIGTERM", end);
    return ended.signal;
  },
});
