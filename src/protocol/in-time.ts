import type { Clock } from "./clock.ts";

/** How long {@link inTime} waits, and for what reason it gives up. */
export interface TimeLimit {
  readonly clock: Clock;
  /** `Infinity` waits for ever. */
  readonly limitMs: number;
  late(): Error;
}

/**
 * Settles as `answer` does, or rejects when the time is over; what comes after that is ignored. An answer that is there at once takes no
 * timer.
 */
export async function inTime<T>(answer: T | PromiseLike<T>, { clock, limitMs, late }: TimeLimit): Promise<T> {
  if (!isThenable(answer)) return answer;
  return await new Promise((resolve, reject) => {
    const timer =
      limitMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(() => reject(late()), limitMs, "keepAlive");
    answer.then(
      (value) => {
        clock.clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clock.clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
