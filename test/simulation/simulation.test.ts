import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { planOf, play, type Plan } from "./world.ts";
// Loaded by now, so that they take no time when a client asks for them.
import "../../src/client/explain-options.ts";
import "../../src/client/transports/long-polling.ts";

/** Seeds that are played, from `SIMULATION_SEED` on. */
const runs = Number(process.env.SIMULATION_RUNS ?? 250);
const first = Number(process.env.SIMULATION_SEED ?? 0);

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());
afterEach(() => vi.restoreAllMocks());

const failureOf = (plan: Plan): Promise<string | undefined> => play(plan).then(() => undefined, String);

/** The same failure with as little as possible happening before it. */
async function shrink(plan: Plan): Promise<Plan> {
  let smallest = plan;
  for (let size = plan.actions.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.actions.length;) {
      const fewer = { ...smallest, actions: smallest.actions.toSpliced(at, size) };
      // oxlint-disable-next-line no-await-in-loop -- one world after the other
      if (await failureOf(fewer)) smallest = fewer;
      else at += size;
    }
  }
  return smallest;
}

it(`I1 to I8: over ${runs} seeds each listener is shown what was stored, once and in order, or one gap over what is missing`, async () => {
  let messages = 0;
  let gaps = 0;
  for (let seed = first; seed < first + runs; seed++) {
    const plan = planOf(seed);
    try {
      // oxlint-disable-next-line no-await-in-loop -- one world after the other
      const outcome = await play(plan);
      messages += outcome.messages;
      gaps += outcome.gaps;
    } catch (error) {
      // oxlint-disable-next-line no-await-in-loop
      const { actions, ...world } = await shrink(plan);
      const steps = actions.map(({ kind, which, count, pauseMs }) => `  ${kind} ${which} ${count} +${Math.round(pauseMs)} ms`);
      throw new Error(
        `seed ${seed} (SIMULATION_SEED=${seed} SIMULATION_RUNS=1): ${String(error)}\n${JSON.stringify(world)}\n${steps.join("\n")}`,
        { cause: error },
      );
    }
  }
  expect(messages, "the worlds are not idle").toBeGreaterThan(runs * 20);
  expect(gaps, "and not all whole").toBeGreaterThan(runs / 10);
}, 3_600_000);

it("a seed is the same world each time", async () => {
  expect(await play(planOf(first + 3))).toEqual(await play(planOf(first + 3)));
});
