import { describe, expect, it } from "vitest";
import { SeenNotices } from "./notice.ts";

describe("which notices a reader has been shown", () => {
  it("one that came by another log is not shown again; one that comes to the same log again is another one", () => {
    const seen = new SeenNotices();
    const told = ["a", "b", "c", "b", "a", "c", "c", "a"].map((log) => seen.add("n", log));
    expect(told).toEqual([true, false, false, true, false, false, true, false]);
    expect(seen.add("m", "a")).toBe(true);
  });

  it("a thousand are remembered, the newest of them", () => {
    const seen = new SeenNotices();
    seen.add("again", "a");
    for (let n = 0; n < 500; n++) seen.add(`n${n}`, "a");
    seen.add("again", "a");
    for (let n = 500; n < 1_000; n++) seen.add(`n${n}`, "a");
    expect(seen.add("again", "b"), "shown a second time 500 notices ago").toBe(false);
    expect(seen.add("n1", "b"), "999 notices ago").toBe(false);
    expect(seen.add("n0", "b"), "forgotten").toBe(true);
  });
});
