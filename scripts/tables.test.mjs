// @ts-check
import { expect, it } from "vitest";
import { fillTables, tableOf } from "./tables.mjs";

it("writes numbers to the right, with thousands apart", () => {
  expect(
    tableOf([
      { Fault: "a | b", Shown: 12_345 },
      { Fault: "c", Shown: 0 },
    ]),
  ).toBe(["| Fault | Shown |", "| --- | --: |", "| a \\| b | 12,345 |", "| c | 0 |"].join("\n"));
});

it("puts a table in its place, and leaves the other places alone", () => {
  const page = "one\n<!-- table: a -->\nold\n<!-- end -->\ntwo\n<!-- table: b -->\nold\n<!-- end -->\n";
  const filled = fillTables(page, new Map([["a", "| new |"]]));
  expect(filled).toBe("one\n<!-- table: a -->\n\n| new |\n\n<!-- end -->\ntwo\n<!-- table: b -->\nold\n<!-- end -->\n");
  expect(fillTables(filled, new Map([["a", "| new |"]])), "each time").toBe(filled);
});
