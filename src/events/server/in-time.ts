import { systemClock, type Timer } from "../../protocol/clock.ts";

/** In place of an answer that did not come in time. */
export const LATE: unique symbol = Symbol("late");

/** The answer, if it comes in time; one that is there at once takes no timer. Rejects as the answer does. */
export async function inTime<T>(answer: T | PromiseLike<T>, limitMs: number): Promise<T | typeof LATE> {
  const isThere = typeof answer !== "object" || answer === null || !("then" in answer);
  if (isThere || limitMs === Number.POSITIVE_INFINITY) return await answer;
  let timer: Timer | undefined;
  const over = new Promise<typeof LATE>((resolve) => {
    timer = systemClock.setTimeout(() => resolve(LATE), limitMs, "keepAlive");
  });
  try {
    return await Promise.race([answer, over]);
  } finally {
    systemClock.clearTimeout(timer);
  }
}
