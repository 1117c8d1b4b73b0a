import { describe, expect, it } from "vitest";
import { fakeClock } from "../testing/fake-clock.ts";
import { Headcount } from "./headcount.ts";

describe("Headcount", () => {
  it("has room for the limit, and for who moves twice the limit for five seconds", async () => {
    const clock = fakeClock();
    const count = new Headcount(2, clock);
    const leaves = [count.enter("ann"), count.enter("ann"), count.enter("ann")];
    expect(leaves.every(Boolean)).toBe(true);
    await clock.advance(4_999);
    const fourth = count.enter("ann");
    expect(fourth).toBeDefined();
    expect(count.enter("ann"), "never more than twice").toBeUndefined();
    fourth?.();
    await clock.advance(1);
    expect(count.enter("ann"), "they do not move, they are too many").toBeUndefined();
    leaves[0]?.();
    expect(count.enter("ann"), "two are here again: the next may be one that moves").toBeDefined();
  });

  it("who moves again and again is never refused", async () => {
    const clock = fakeClock();
    const count = new Headcount(1, clock);
    let leave = count.enter("ann");
    for (let move = 0; move < 50; move++) {
      const next = count.enter("ann");
      expect(next).toBeDefined();
      await clock.advance(3_000);
      leave?.();
      leave = next;
    }
  });

  it("counts each name for itself, a leave once, and remembers nobody who has gone", () => {
    const count = new Headcount(1, fakeClock());
    const leaves = ["ann", "__proto__", "constructor", ""].map((name) => count.enter(name));
    expect(leaves.every(Boolean)).toBe(true);
    expect(count.size).toBe(4);
    const second = count.enter("ann");
    leaves[0]?.();
    leaves[0]?.();
    expect(count.size, "the second of ann is still here").toBe(4);
    second?.();
    leaves.forEach((leave) => leave?.());
    expect(count.size).toBe(0);
  });

  it("without a limit there is always room", () => {
    const count = new Headcount(Number.POSITIVE_INFINITY, fakeClock());
    for (let each = 0; each < 1_000; each++) expect(count.enter("ann")).toBeDefined();
  });
});
