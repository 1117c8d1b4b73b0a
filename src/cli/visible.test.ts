import { expect, it } from "vitest";
import { visible } from "./visible.ts";

it("shows every control as JSON escapes it, and leaves what people write", () => {
  const written = 'Grüße, 世界 👩‍👩‍👧 {"a":"b\\\\n"}';
  expect(visible(written)).toBe(written);
  expect(visible("\u001b]0;title\u0007\u001b[2J\r\n\t")).toBe(String.raw`\u001b]0;title\u0007\u001b[2J\u000d\u000a\u0009`);
  // Eight-bit controls, what turns the direction, what ends a line elsewhere, tags outside the first plane, half a character.
  for (const hidden of ["\u007f", "\u009b", "\u202e", "\u2066", "\u2028", "\ufeff", "\u{e0041}", "\ud800"]) {
    expect(visible(`a${hidden}b`)).toMatch(/^a(\\u[0-9a-f]{4}){1,2}b$/);
    expect(JSON.parse(`"${visible(hidden)}"`)).toBe(hidden);
  }
});
