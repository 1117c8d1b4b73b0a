import type { Clock } from "../../protocol/clock.ts";

/** So many channels that fail one after the other, and none that does not: it is not the channels. */
const ENOUGH_FAILED = 3;

/** What {@link findFailing} found out. */
export interface Failing<T> {
  /** Whether some fail, none does, or all of them, which then is not because of one of them. */
  readonly verdict: "some" | "none" | "all";
  /** Each with its error; empty when all fail. */
  readonly failing: ReadonlyArray<readonly [item: T, error: unknown]>;
}

/** Finds those for the sake of which a call about all of them fails: by halves, so that a few cost little. */
export async function findFailing<T>(
  items: readonly T[],
  clock: Clock,
  call: (group: readonly T[]) => Promise<unknown>,
): Promise<Failing<T>> {
  const failing: Array<readonly [item: T, error: unknown]> = [];
  let isAnyGood = false;

  async function look(group: readonly T[]): Promise<void> {
    if (group.length === 0 || (!isAnyGood && failing.length >= ENOUGH_FAILED)) return;
    try {
      await call(group);
      isAnyGood = true;
    } catch (error) {
      if (group.length === 1) failing.push([group[0] as T, error]);
      else await lookInHalves(group);
    }
  }
  async function lookInHalves(group: readonly T[]): Promise<void> {
    const middle = group.length >> 1;
    await look(group.slice(0, middle));
    await look(group.slice(middle));
  }

  // In another order each time, so that it is not the same ones that come first.
  await lookInHalves(shuffled(items, clock));
  if (!isAnyGood) return { verdict: "all", failing: [] };
  return { verdict: failing.length > 0 ? "some" : "none", failing };
}

function shuffled<T>(items: readonly T[], clock: Clock): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(clock.random() * (at + 1));
    [result[at], result[other]] = [result[other] as T, result[at] as T];
  }
  return result;
}
