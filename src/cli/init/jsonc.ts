/** Strings stay; comments go, and commas before what closes. */
const COMMENT = /("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g;
const TRAILING_COMMA = /("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])/g;

/** JSON with comments, as TypeScript reads its configuration. @throws SyntaxError */
export function parseJsonc(text: string): unknown {
  const keep = (_all: string, kept: string | undefined): string => kept ?? "";
  return JSON.parse(
    text
      .replace(/^\ufeff/, "")
      .replace(COMMENT, keep)
      .replace(TRAILING_COMMA, keep),
  ) as unknown;
}
