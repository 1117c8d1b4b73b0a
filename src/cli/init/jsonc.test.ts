import { expect, it } from "vitest";
import { parseJsonc } from "./jsonc.ts";

it("reads what TypeScript reads: comments, commas at the end, a mark at the beginning; and leaves strings as they are", () => {
  expect(
    parseJsonc(`\ufeff{
      // a comment, with "quotes"
      "a": "http://example.com/*not a comment*/", /* another, } */
      "b": ["x,]", "\\",}",],
      "@/*": ["./*"], // the alias
    }`),
  ).toEqual({ a: "http://example.com/*not a comment*/", b: ["x,]", '",}'], "@/*": ["./*"] });
  expect(() => parseJsonc("{")).toThrow(SyntaxError);
});
