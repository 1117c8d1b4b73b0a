// @ts-check
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contractProblems, idsIn, missingRows, proofsIn, rowsIn, testNames } from "./contract.mjs";

describe("idsIn", () => {
  it.each([
    ["reads an id and a colon", ["X-29"], "X-29: the newest twenty"],
    ["reads an invariant", ["I2"], "I2 Join: reads after the acknowledgement"],
    ["reads several, wherever they stand", ["X-3", "Y-10"], "keeps order (X-3, Y-10)"],
    ["reads a range as each of its members", ["X-9", "X-10", "X-11"], "X-9..X-11 options"],
    ["reads each id once", ["X-1"], "X-1 and X-1"],
    ["leaves other words alone", [], "UTF-8, SHA-256, I18N, X-1a, AX-1, v1-0"],
  ])("%s", (_what, ids, name) => {
    expect(idsIn(name)).toEqual(ids);
  });
});

describe("testNames", () => {
  /** @param {string} text */
  const names = (text) => testNames("a.test.ts", text);

  it("reads it, test and describe, with modifiers and tables", () => {
    const text = `
      describe("a", () => { it("b", () => {}); test('c', () => {}); });
      it.only("d", () => {}); it.each([1])("e", () => {}); it.skipIf(x)("f", () => {}); it.each\`x\`("g", () => {});
      it.concurrent.for([1])("h", () => {});`;
    expect(names(text)).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
  });

  it("does not take a skipped test, nor what a skipped block holds", () => {
    expect(names(`it.skip("a", () => {}); it.todo("b"); describe.skip("c", () => { it("d", () => {}); });`)).toEqual([]);
  });

  it("reads the constant parts of a template", () => {
    expect(names("it(`X-1 of ${name} and ${other}.`, () => {}); it(`X-2 plain`, () => {});")).toEqual([
      "X-1 of $ and $.",
      "X-2 plain",
    ]);
  });

  it("does not take comments, strings and other calls for names", () => {
    expect(names(`// it("X-1", f)\nconst a = "X-2 b"; commit("X-3"); a.it("X-4"); it("e", () => { log("X-5 f"); });`)).toEqual([
      "e",
    ]);
  });

  it("takes the strings that begin with an id where names are computed", () => {
    const text = `const cases = [{ name: "X-1: one" }, { name: "two" }]; const why = "because of X-9";`;
    expect(names(`${text} for (const c of cases) it(c.name, () => {});`)).toEqual(["X-1: one"]);
    expect(names(`${text} it.each(cases)("$name", () => {});`)).toEqual(["$name", "X-1: one"]);
    expect(names(`${text} it("plain", () => {});`)).toEqual(["plain"]);
  });
});

describe("the contract", () => {
  /** @type {string} */
  let folder;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "tidings-contract-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const PROOFS = new Map([
    ["X-1", new Set(["src/a.test.ts"])],
    ["X-10", new Set(["test/b.test.ts", "test/a.test.ts"])],
    ["X-2", new Set(["src/a.test.ts"])],
  ]);
  const GOOD = `
| id | promise | test |
| --- | --- | --- |
| X-1 | one | \`src/a.test.ts\` |
| X-2 | two | src/a.test.ts |
| X-10 | ten | \`test/a.test.ts\` \`test/b.test.ts\` |`;

  it("has nothing wrong when each line has its test and each test its line", () => {
    expect(contractProblems(rowsIn(GOOD), PROOFS)).toEqual([]);
    expect(missingRows(rowsIn(GOOD), PROOFS)).toEqual([]);
  });

  it.each([
    ["no test", "| X-3 | three | src/a.test.ts |", `docs/contract.md:7: X-3 has no test: no test's name holds "X-3".`],
    ["a second row", "| X-1 | one again | src/a.test.ts |", "docs/contract.md:7: X-1 is listed twice."],
  ])("refuses a line with %s", (_what, row, problem) => {
    expect(contractProblems(rowsIn(`${GOOD}\n${row}`), PROOFS)).toEqual([problem]);
  });

  it("refuses a line without its promise or its file, and one that names the wrong file", () => {
    const text = "| X-1 | | src/a.test.ts |\n| X-2 | two | |\n| X-10 | ten | src/a.test.ts |";
    expect(contractProblems(rowsIn(text), PROOFS)).toEqual([
      "docs/contract.md:1: X-1 does not say what it promises.",
      "docs/contract.md:2: X-2 does not say where its test is: src/a.test.ts.",
      "docs/contract.md:3: X-10 names src/a.test.ts, which has no test of that name (test/b.test.ts, test/a.test.ts has).",
    ]);
  });

  it("refuses a test named after a line that is not listed, and prints the row that is missing", () => {
    const rows = rowsIn("| X-1 | one | src/a.test.ts |");
    expect(contractProblems(rows, PROOFS)).toEqual([
      "test/b.test.ts, test/a.test.ts: a test is named X-10, which docs/contract.md does not list.",
      "src/a.test.ts: a test is named X-2, which docs/contract.md does not list.",
    ]);
    expect(missingRows(rows, PROOFS)).toEqual([
      "| X-2 |  | `src/a.test.ts` |",
      "| X-10 |  | `test/a.test.ts` `test/b.test.ts` |",
    ]);
  });

  it("finds tests in src and test, type tests and conformance suites included", () => {
    const files = {
      "src/a.test.ts": `it("X-1: one", f);`,
      "src/b.test.tsx": `it("X-2: two", f);`,
      "src/c.ts": `it("X-3: not a test", f);`,
      "src/testing/broker.ts": `export const cases = [{ name: "X-4: four" }];`,
      "test/types/d.test-d.ts": `test("X-5: five", f);`,
      "test/fixture/e.ts": `it("X-6: not a test", f);`,
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    expect([...proofsIn(folder)].map(([id, where]) => `${id} ${[...where].join()}`).toSorted()).toEqual([
      "X-1 src/a.test.ts",
      "X-2 src/b.test.tsx",
      "X-4 src/testing/broker.ts",
      "X-5 test/types/d.test-d.ts",
    ]);
  });
});
