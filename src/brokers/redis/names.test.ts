import { expect, it } from "vitest";
import { redisNames } from "./names.ts";

it("puts the client's prefix before ours, and the key in the name of its live channel", () => {
  const names = redisNames("app:", "tidings", 3);
  expect(names.keyOf("room:1")).toBe("app:tidings:room:1");
  expect(names.liveOf("room:1")).toBe("{app:tidings:room:1}:live:3");
});

it.each(["{a}", "a{", "}a"])("refuses the prefix %s, of the client or ours", (prefix) => {
  expect(() => redisNames("", prefix, 0)).toThrow(expect.objectContaining({ code: "bad_option" }));
  expect(() => redisNames(prefix, "tidings", 0)).toThrow(expect.objectContaining({ code: "bad_option" }));
});

it.each(["", "a b", "{a}", "a\n", "ü", "a".repeat(129)])("I11 Prefix: refuses the channel %j", (channel) => {
  const names = redisNames("", "tidings", 0);
  expect(() => names.keyOf(channel)).toThrow(expect.objectContaining({ code: "bad_channel" }));
  expect(() => names.liveOf(channel)).toThrow(expect.objectContaining({ code: "bad_channel" }));
});
