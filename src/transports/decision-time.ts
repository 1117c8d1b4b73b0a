import type { Clock } from "../protocol/clock.ts";
import { inTime } from "../protocol/in-time.ts";

/** A function of the user that decides about a request. */
export type Decider = "middleware" | "identify" | "authorize";

/** One of those who decide about a request has taken all the time that there is for it. */
export class Unanswered extends Error {
  constructor(decider: Decider, limitMs: number) {
    super(
      `\`${decider}\` gave no answer, and all together have ${limitMs / 1_000} s for one (\`limits.decideSecs\` of \`handle\`).`,
    );
    this.name = "Unanswered";
  }
}

/** The time in which one request is to be decided, by all who are asked about it. */
export class DecisionTime {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #end: number;

  /** @param limitMs `Infinity` waits for ever. */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#end = clock.now() + limitMs;
  }

  /**
   * The answer, if it comes in what is left of the time; one that is there at once takes no timer.
   * @throws Unanswered, and whatever the answer rejects with
   */
  async answerOf<T>(decider: Decider, answer: T | PromiseLike<T>): Promise<T> {
    const { clock, limitMs } = { clock: this.#clock, limitMs: Math.max(0, this.#end - this.#clock.now()) };
    return await inTime(answer, { clock, limitMs, late: () => new Unanswered(decider, this.#limitMs) });
  }
}
