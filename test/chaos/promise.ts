import { expect } from "vitest";
import { sum, type Tally } from "./tally.ts";

/** What may happen to what was stored. */
export type Keeping = "keeps" | "loses";

/**
 * Expects the promise to have been kept: nothing lost in silence, nothing twice, nothing out of order.
 *
 * @param keeping whether the fault left everything in the log (then nobody may be told of a gap), or may have cost something (then
 *   everybody is told at most once)
 */
export function expectPromiseKept(tallies: readonly Tally[], keeping: Keeping): void {
  const all = sum(tallies);
  expect(all.shown, "events flowed").toBeGreaterThan(tallies.length * 5);
  expect(all, "nothing is lost in silence, shown twice or out of order, or shown though it was refused").toMatchObject({
    lost: 0,
    doubled: 0,
    disordered: 0,
    ghosts: 0,
  });
  const most = Math.max(...tallies.map(({ gaps }) => gaps));
  expect(most, keeping === "keeps" ? "nobody is told of a gap" : "nobody is told twice").toBeLessThanOrEqual(
    keeping === "keeps" ? 0 : 1,
  );
}
