import { describe, expect, it } from "vitest";
import { sum, tally, type Fate, type Step } from "./tally.ts";

const stored = (count: number): Fate[] => Array.from({ length: count }, () => "stored");

describe("what the arithmetic of the promise says of", () => {
  it.each<[string, Fate[], Step[], object]>([
    ["everything in order", stored(3), [1, 2, 3], { shown: 3, lost: 0, told: 0, gaps: 0 }],
    ["a hole", stored(5), [1, 2, 5], { shown: 3, lost: 2, told: 0 }],
    ["a hole at the beginning", stored(2), [2], { lost: 1 }],
    ["a hole at the end", stored(3), [1], { lost: 2 }],
    ["a hole that was told", stored(5), [1, "gap", 4, 5], { lost: 0, told: 2, gaps: 1, needless: 0 }],
    ["a hole that was told twice", stored(5), [1, "gap", "gap", 4, 5], { told: 2, gaps: 2, needless: 1 }],
    ["a hole that was told elsewhere", stored(5), [1, 4, "gap", 5], { lost: 2, told: 0, needless: 1 }],
    ["a hole at the end that was told", stored(3), [1, "gap"], { lost: 0, told: 2 }],
    ["a gap over nothing", stored(3), [1, "gap", 2, 3], { lost: 0, told: 0, needless: 1 }],
    ["one shown twice", stored(3), [1, 2, 2, 3, 1], { shown: 3, doubled: 2, lost: 0, disordered: 0 }],
    ["two that changed places", stored(3), [1, 3, 2], { shown: 3, disordered: 1, lost: 0 }],
    ["one that was refused", ["stored", "refused", "stored"], [1, 3], { events: 2, shown: 2, lost: 0 }],
    ["one that was refused and shown", ["stored", "refused"], [1, 2], { ghosts: 1 }],
    ["one of which nobody knows", ["stored", "unknown", "stored"], [1, 3], { events: 2, lost: 0 }],
    ["a gap over one of which nobody knows", ["stored", "unknown", "stored"], [1, "gap", 3], { needless: 1 }],
  ])("%s", (_what, fates, steps, expected) => {
    expect(tally(fates, steps)).toMatchObject(expected);
  });

  it("several readers together", () => {
    expect(sum([tally(stored(3), [1, 2, 3]), tally(stored(3), [1, "gap", 3])])).toMatchObject({
      events: 6,
      shown: 5,
      told: 1,
      gaps: 1,
    });
  });
});
