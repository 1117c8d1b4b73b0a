import { expect, it } from "vitest";
import { describeBody, printable, quoted } from "./foreign-text.ts";

it("shows nothing that a terminal obeys, and leaves other letters as they are", () => {
  const [escape, rightToLeft, joiner, lineSeparator] = [27, 0x202e, 0x200d, 0x2028].map((code) => String.fromCodePoint(code));
  const csi = String.fromCodePoint(0x9b);
  expect(printable(`${escape}[2J${csi}31mred\r\n${rightToLeft}evil${joiner}${lineSeparator}Zürich 東京`)).toBe(
    "[2J 31mred evil Zürich 東京",
  );
  expect(quoted(`a\n${"b".repeat(100)}`)).toBe(`"a ${"b".repeat(58)}…"`);
});

it.each<[string, string | undefined, string]>([
  ["", "text/html", ""],
  [" \n", undefined, ""],
  ["<!doctype html><html><title>\n My\tapp </title><p>Ada, 7 Main Street", undefined, `a page with the title "My app"`],
  ["<p>Ada", "text/html; charset=utf-8", "a page without a title"],
  [`{"token":"s3cret","user":{"name":"Ada"}}`, "application/json", `an object with "token", "user"`],
  [`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}`, undefined, `an object with "a", "b", "c", "d", "e"`],
  ["{}", "application/json", "an empty object"],
  ["[1]", "application/json", "JSON that is no object"],
  [`{"cut`, "application/json", "JSON that cannot be read"],
  ["Slow down", "text/plain", `a text that begins with "Slow down"`],
  ["Slow down", undefined, `a text that begins with "Slow down"`],
  ["PK12", "application/zip", `something of the type "application/zip"`],
])("says of the body %j (%s) what it is, and not what it holds", (text, type, said) => {
  expect(describeBody(text, type)).toBe(said);
});
