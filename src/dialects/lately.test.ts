import { expect, it } from "vitest";
import { Lately } from "./lately.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

it("makes something of bytes once, while they are asked for again soon, and never takes others for them", () => {
  const made: string[] = [];
  const lately = new Lately((bytes) => {
    const text = new TextDecoder().decode(bytes);
    made.push(text.at(-1) as string);
    return text;
  });
  const head = "x".repeat(200);
  for (const end of ["a", "a", "b", "b", "a"]) expect(lately.get(bytesOf(head + end))).toBe(head + end);
  // The same length and head: the newest of them is known.
  expect(made).toEqual(["a", "b", "a"]);
  expect(lately.get(bytesOf(`y${head}`.slice(1)))).toBe(head);
  // More than it keeps.
  for (let n = 0; n < 30; n++) lately.get(bytesOf(`${n}${"z".repeat(100_000)}c`));
  made.length = 0;
  lately.get(bytesOf(`${head}a`));
  expect(made).toEqual(["a"]);
});
