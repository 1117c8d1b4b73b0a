import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SERVER_CODES, WIRE_CODES, type CodeInfo } from "./codes.ts";

const errorsPage = readFileSync(new URL("../../docs/reference/errors.md", import.meta.url), "utf8");
const protocolPage = readFileSync(new URL("../../PROTOCOL.md", import.meta.url), "utf8");

/** The table under a heading, as code → row. */
function tableUnder(page: string, heading: string): Map<string, readonly string[]> {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(heading));
  expect(section, `a section "${heading}"`).toBeDefined();
  const rows = (section ?? "").split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.map((row) => {
      const cells = row.split("|").map((cell) => cell.trim());
      return [(cells[1] ?? "").replaceAll("`", ""), cells.slice(2, -1)];
    }),
  );
}

const retryWord = ({ retry }: CodeInfo): string => (retry ? "yes" : "no");

describe("docs/reference/errors.md and the code table say the same", () => {
  it("of the codes that a browser can see", () => {
    const documented = tableUnder(errorsPage, "What a browser can see");
    expect([...documented.keys()].toSorted()).toEqual(Object.keys(WIRE_CODES).toSorted());
    for (const [code, info] of Object.entries(WIRE_CODES)) {
      const [status, retry, means, cure] = documented.get(code) ?? [];
      expect([status, retry], code).toEqual([String(info.status ?? ""), retryWord(info)]);
      expect(means && cure, `${code} says what it means and what to do`).toBeTruthy();
    }
  });

  it("of the codes that only server code sees", () => {
    const documented = tableUnder(errorsPage, "What only server code sees");
    expect([...documented.keys()].toSorted()).toEqual(Object.keys(SERVER_CODES).toSorted());
    for (const [code, info] of Object.entries(SERVER_CODES)) {
      const [retry, means, cure] = documented.get(code) ?? [];
      expect(retry, code).toBe(retryWord(info));
      expect(means && cure, `${code} says what it means and what to do`).toBeTruthy();
    }
  });

  it("and of refusals it is what the client does, which decides by the status", () => {
    const isRetried = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);
    const refusals = Object.entries(WIRE_CODES).filter(([, { status }]) => status !== undefined);
    for (const [code, { status, retry }] of refusals) expect(isRetried(status as number), code).toBe(retry);
  });

  it("and the sources name each of them, and no other", () => {
    const folder = new URL("..", import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (file) => /\.tsx?$/.test(file) && !/\.test(-d)?\.tsx?$|^protocol\/codes\.ts$/.test(file),
    );
    const named = new Set<string>();
    const made = new Set<string>();
    for (const file of files) {
      const text = readFileSync(new URL(file, folder), "utf8");
      for (const [, word = ""] of text.matchAll(/"([a-z]+(?:_[a-z]+)*)"/g)) named.add(word);
      for (const [, code = ""] of text.matchAll(/new (?:TidingsError|Refusal)\(\s*"([^"]+)"/g)) made.add(code);
    }
    const codes = [...Object.keys(WIRE_CODES), ...Object.keys(SERVER_CODES)];
    expect(codes.filter((code) => !named.has(code))).toEqual([]);
    expect([...made].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it("and PROTOCOL.md names the same refusals, with the same statuses", () => {
    const documented = tableUnder(protocolPage, "Refusals");
    const refusals = Object.entries(WIRE_CODES).filter(([, { status }]) => status !== undefined);
    expect([...documented.keys()].toSorted()).toEqual(refusals.map(([code]) => code).toSorted());
    for (const [code, info] of refusals)
      expect(documented.get(code)?.slice(0, 2), code).toEqual([String(info.status), retryWord(info)]);
  });
});
