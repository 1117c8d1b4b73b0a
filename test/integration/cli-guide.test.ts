import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { init } from "../../src/cli/init.ts";
import { FRAMEWORKS } from "../../src/cli/init/frameworks.ts";
import { tail } from "../../src/cli/tail.ts";
import { lineOf } from "../../src/cli/tail/line.ts";

const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/cli.md"), "utf8");
const [shown = "", initHelp, lines = "", tailHelp] = [...page.matchAll(/^```text\n([^]*?)\n```$/gm)].map(([, text]) => text);

it("docs/guides/cli.md names every command and every framework, and shows the help", () => {
  for (const name of COMMANDS.keys()) expect(page).toContain(`\`${name}\``);
  const named = [...page.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|/gm)].flatMap(([, names = ""]) => names.split(", "));
  expect(named).toEqual(FRAMEWORKS.map(({ name }) => `\`${name}\``));
  expect([initHelp, tailHelp]).toEqual([init.help, tail.help]);
});

it("docs/guides/cli.md shows what init prints", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-cli-guide-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, "app"));
  writeFileSync(path.join(folder, "package-lock.json"), "{}");
  writeFileSync(path.join(folder, "tsconfig.json"), `{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }`);
  const manifest = { scripts: { dev: "next dev" }, dependencies: { next: "16.3.0", react: "19.2.8" } };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  const printed: string[] = [];
  const terminal = { folder, complain: (text: string) => void printed.push(text), whenEnded: () => AbortSignal.abort() };
  expect(await init.run([], (text) => void printed.push(text), terminal)).toBe(0);
  expect(printed.join("\n")).toBe(shown);
});

it("docs/guides/cli.md shows lines as tail prints them", () => {
  const parts = lines.split("\n").map((line) => line.split("  "));
  const printed = parts.map(([time = "", channel = "", event = "", data = ""]) =>
    lineOf(
      { id: `${Date.parse(time)}-0`, channel, event, data: JSON.parse(data) as unknown, replayed: false },
      { json: false, now: 0 },
    ),
  );
  expect(printed.join("\n")).toBe(lines);
});
