/** Plays one seed after the other, and says of the first that breaks the promise how little of it is enough. */
import { planOf, type Plan } from "./plan.ts";
import { play } from "./world.ts";

/** What was played so far. */
export interface Tally {
  readonly seeds: number;
  /** Events that were shown. */
  readonly messages: number;
  readonly gaps: number;
}

/** A seed whose world breaks the promise. */
export interface Find {
  readonly seed: number;
  /** What the oracle said. */
  readonly reason: string;
}

export interface ExploreOptions {
  readonly first: number;
  /** Asked before each seed. */
  isEnough(tally: Tally): boolean;
}

/** Stops at the first find. */
export async function explore({ first, isEnough }: ExploreOptions): Promise<{ readonly tally: Tally; readonly find?: Find }> {
  let tally: Tally = { seeds: 0, messages: 0, gaps: 0 };
  for (let seed = first; !isEnough(tally); seed++) {
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    const outcome = await attempt(planOf(seed));
    if (typeof outcome === "string") return { tally, find: { seed, reason: outcome } };
    const { seeds, messages, gaps } = tally;
    tally = { seeds: seeds + 1, messages: messages + outcome.messages, gaps: gaps + outcome.gaps };
  }
  return { tally };
}

/** @returns what became of it, or what the oracle said */
async function attempt(plan: Plan): Promise<Awaited<ReturnType<typeof play>> | string> {
  const { stackTraceLimit } = Error;
  // Connections break by the thousand, and nobody looks at where.
  Error.stackTraceLimit = 0;
  try {
    return await play(plan);
  } catch (error) {
    return String(error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What happens in the world of a seed: the same each time. */
export function digestOf(seed: number): Promise<unknown> {
  return attempt(planOf(seed));
}

/** A find as a person reads it: what broke, the least of it that breaks, and how to see it again. */
export async function describeFind({ seed, reason }: Find): Promise<string> {
  const { actions, ...world } = await shrink(planOf(seed));
  const steps = actions.map(({ kind, which, count, pauseMs }) => `  ${kind} ${which} ${count} +${Math.round(pauseMs)} ms`);
  return [
    `seed ${seed}: ${reason}`,
    `The least that breaks: ${JSON.stringify(world)}`,
    ...steps,
    `Again: npm run test:sim -- --seed ${seed} --seeds 1`,
  ].join("\n");
}

/** A failure with as little as possible happening before it. */
async function shrink(plan: Plan): Promise<Plan> {
  let smallest = plan;
  const tryOut = async (candidate: Plan): Promise<boolean> => {
    const breaks = typeof (await attempt(candidate)) === "string";
    if (breaks) smallest = candidate;
    return breaks;
  };
  /* oxlint-disable no-await-in-loop -- one world after the other */
  for (let size = plan.actions.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.actions.length;) {
      if (!(await tryOut({ ...smallest, actions: smallest.actions.toSpliced(at, size) }))) at += size;
    }
  }
  for (const name of ["servers", "clients"] as const) {
    while (smallest[name] > 1 && (await tryOut({ ...smallest, [name]: smallest[name] - 1 })));
  }
  /* oxlint-enable no-await-in-loop */
  return smallest;
}
