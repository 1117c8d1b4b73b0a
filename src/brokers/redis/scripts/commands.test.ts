import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { versionProblem } from "../failures.ts";

const brokers = path.resolve(import.meta.dirname, "../..");
const scripts = readdirSync(brokers, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".lua"));

/** The commands of all scripts, and the first Redis that has each as the scripts use it. */
const SINCE: Readonly<Record<string, string>> = {
  EXISTS: "1.0",
  EXPIRE: "1.0",
  GET: "1.0",
  // Of a "server". Who may not be asked is not.
  INFO: "2.6",
  PERSIST: "2.2",
  PEXPIRE: "2.6",
  PUBLISH: "2.0",
  // With PX.
  SET: "2.6",
  TIME: "2.6",
  // With MAXLEN, exact.
  XADD: "5.0",
  // Of a STREAM. Fields that came later are looked for, not counted on.
  XINFO: "5.0",
  XLEN: "5.0",
  // With ends that are exclusive: `(1-0`.
  XRANGE: "6.2",
  XREVRANGE: "6.2",
};

function callsIn(file: string): string[] {
  const text = readFileSync(path.join(brokers, file), "utf8");
  return [...text.matchAll(/redis\.p?call\(([^,)]+)/g)].map(([, first = ""]) => first);
}

describe("the commands that scripts call", () => {
  it("are these, and no others: a new one may need a later Redis, and a permission that docs/reference/errors.md does not name", () => {
    const named = scripts.flatMap(callsIn).flatMap((first) => /^'([A-Z]+)'$/.exec(first)?.[1] ?? []);
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(SINCE).toSorted());
  });

  it("are named in the scripts, but for the one that announces: PUBLISH, or SPUBLISH where it is known", () => {
    const unnamed = scripts.flatMap((file) => callsIn(file).flatMap((first) => (first.startsWith("'") ? [] : [[file, first]])));
    expect(unnamed).toEqual([["redis/scripts/append.lua", "ARGV[7]"]]);
  });

  it("need no later Redis than the oldest that is not refused, and no earlier one will do", () => {
    for (const [command, version] of Object.entries(SINCE)) {
      const [major = 0, minor = 0] = version.split(".").map(Number);
      expect(major < 6 || (major === 6 && minor <= 2), command).toBe(true);
    }
    expect(Object.values(SINCE)).toContain("6.2");
    expect(versionProblem("6.2.0")).toBeUndefined();
    expect(versionProblem("6.1.0")).toBeDefined();
  });
});
