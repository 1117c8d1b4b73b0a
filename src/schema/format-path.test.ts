import { expect, it } from "vitest";
import { formatPath } from "./format-path.ts";

it("writes a path as code", () => {
  expect(formatPath("data", [])).toBe("data");
  expect(formatPath("data", ["users", 3, "first name", "ünï", Symbol("tag")])).toBe(
    'data.users[3]["first name"].ünï[Symbol(tag)]',
  );
});

it("leaves the middle of a long path out", () => {
  const path = Array.from({ length: 500 }, (_, index) => index);
  expect(formatPath("data", path)).toMatch(/^data\[0\].*\[9\]…\[490\].*\[499\]$/);
  expect(formatPath("data", path.slice(0, 20))).not.toContain("…");
});
