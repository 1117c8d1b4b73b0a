import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isChannelName, isEventName } from "./names.ts";

describe("names", () => {
  it("takes the channel names that the documents use", () => {
    for (const name of [
      "default",
      "room:123",
      "private:orders",
      "users",
      "user:a@b.example",
      "a/b=c+d~e-f_g.h",
      "x".repeat(128),
    ])
      expect(isChannelName(name), name).toBe(true);
  });

  it("I11 Prefix: refuses what could leave a key prefix, choose a slot, or end a line", () => {
    const wrong = [
      "",
      "x".repeat(129),
      "a b",
      "a{b}",
      "{",
      "}",
      "a*b",
      "a?b",
      "a[b]",
      "a\\b",
      "a,b",
      "a|b",
      'a"b',
      "a'b",
      "a%b",
      "a#b",
      "a&b",
    ];
    for (const name of [...wrong, "a\n", "\na", "a\r", "a\0", "é", "日本", "\u2028", "a\u200b", "😀"])
      expect(isChannelName(name), JSON.stringify(name)).toBe(false);
    for (const value of [undefined, null, 5, {}, ["room"], new String("room")]) expect(isChannelName(value)).toBe(false);
  });

  it("I11 Prefix: a channel name is nothing but its alphabet, whatever comes in", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.string()),
        (name) => !isChannelName(name) || (name.length <= 128 && !/[^\w.:@/=+~-]/.test(name)),
      ),
    );
  });

  it("F-21: takes event names of one to ten segments", () => {
    for (const name of ["ping", "chat.message", "a.b.c.d.e.f.g.h.i.j", "users.insert", "A-1._x", `${"x".repeat(64)}.y`])
      expect(isEventName(name), name).toBe(true);
    const wrong = ["", ".", "a.", ".a", "a..b", "a.b.c.d.e.f.g.h.i.j.k", "x".repeat(65), "a b", "a:b", "a/b", "a\n", "é.a"];
    for (const name of wrong) expect(isEventName(name), JSON.stringify(name)).toBe(false);
    for (const value of [undefined, null, 5, ["a.b"]]) expect(isEventName(value)).toBe(false);
  });
});
