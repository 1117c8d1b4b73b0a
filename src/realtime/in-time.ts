import type { Clock } from "../protocol/clock.ts";

/** How long {@link inTime} waits, and for what reason it gives up. */
export interface TimeLimit {
  readonly clock: Clock;
  /** `Infinity` waits for ever. */
  readonly limitMs: number;
  late(): Error;
}

/** Settles as `promise` does, or rejects when the time is over; what comes after that is ignored. */
export function inTime<T>(promise: PromiseLike<T>, { clock, limitMs, late }: TimeLimit): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer =
      limitMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(() => reject(late()), limitMs, "keepAlive");
    promise.then(
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
