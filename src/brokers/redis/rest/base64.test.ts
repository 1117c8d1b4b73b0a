import { expect, it } from "vitest";
import { decodeReply } from "./base64.ts";

const encode = (text: string) => Buffer.from(text).toString("base64");

it.each(["", "OK", "plain", "ünï 漢字 🦉", "\ufeffmark", "\u0000\u001b\r\n", '{"a":1}'])(
  "B-15: decodes %j as it was",
  (text) => {
    expect(decodeReply(encode(text))).toBe(text);
    expect(decodeReply([[encode(text)], encode(text)])).toEqual([[text], text]);
  },
);

it("leaves `OK`, numbers and nothing as they are", () => {
  expect(decodeReply(["OK", 7, null, []])).toEqual(["OK", 7, null, []]);
  expect(decodeReply("OK")).toBe("OK");
});

it("throws for what is not encoded", () => {
  expect(() => decodeReply("not base64!")).toThrow(/./);
});
