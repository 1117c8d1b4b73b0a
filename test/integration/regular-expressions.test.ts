import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { countSteps } from "../support/regex-steps.ts";

const src = path.join(import.meta.dirname, "../../src");

/** Every regular expression that is written in a source that is shipped, with where. */
function expressions(): ReadonlyArray<readonly [where: string, regex: RegExp]> {
  const found: Array<readonly [string, RegExp]> = [];
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    if (!/\.tsx?$/.test(file) || /\.test\.|\.d\.ts$/.test(file)) continue;
    const text = readFileSync(path.join(src, file), "utf8");
    expect(text, "one that is made of text when it runs cannot be looked at here").not.toMatch(/\bRegExp\(/);
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf("/");
        found.push([`${file} ${node.text}`, new RegExp(node.text.slice(1, end), node.text.slice(end + 1))]);
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  }
  return found;
}

const all = expressions();
const LIMIT = 200_000;

/** Texts of some length that bring a bad expression to try again and again: repetitions of what it speaks of, with and without an end. */
function* adversaries({ source }: RegExp, length: number): Generator<string> {
  const literals = source.replace(
    /\\([dws])/gi,
    (_all, kind: string) => ({ d: "7", w: "a", s: " " })[kind.toLowerCase()] ?? "",
  );
  const chars = [...new Set(["a", "7", " ", "\n", "-", ...Array.from(literals.replace(/[\\^$*+?()[\]{}|]/g, ""))])].slice(
    0,
    16,
  );
  const beginnings = ["", ...(source.match(/[\w:/.-]{3,}/g) ?? [])];
  for (const one of chars)
    for (const other of chars)
      for (const beginning of beginnings)
        for (const end of ["", "\u0001"]) yield beginning + (one + other).repeat(length / 2) + end;
}

const most = (regex: RegExp, length: number): number => {
  let steps = 0;
  for (const text of adversaries(regex, length)) steps = Math.max(steps, countSteps(regex, text, LIMIT));
  return steps;
};

/** Those whose steps grow faster than their input, each with what bounds the input. */
const BOUNDED: Readonly<Record<string, string>> = {
  "protocol/names.ts /^[^{}\\s]{1,128}$/": "of what goes on for longer it looks at 128 characters, twice",
};

describe("regular expressions", () => {
  it("the counter knows a bad one from a good one", () => {
    const growth = (regex: RegExp): number => most(regex, 16) / most(regex, 8);
    expect(growth(/^[a-z]+$/)).toBeLessThan(2.5);
    expect(growth(/^(\d+)-(\d+)$/)).toBeLessThan(2.5);
    expect(growth(/\s+$/)).toBeGreaterThan(3);
    expect(growth(/^(a|a)*$/)).toBeGreaterThan(10);
    expect(growth(/^(?:a+)+$/)).toBeGreaterThan(10);
    expect(growth(/^\d*\d*\d*$/)).toBeGreaterThan(3);
  });

  it("are all found", () => expect(all.length).toBeGreaterThan(40));

  it.each(all)("%s: twice the input, about twice the steps", (where, regex) => {
    const [short, long] = [most(regex, 64), most(regex, 128)];
    expect(long / short).toBeLessThan(BOUNDED[where] === undefined ? 2.6 : 6);
    expect(long).toBeLessThan(LIMIT);
  });
});
