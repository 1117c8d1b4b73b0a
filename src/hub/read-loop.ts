import type { Clock } from "../protocol/clock.ts";
import { isTidingsError } from "../protocol/error.ts";
import { PROBE_MS } from "../protocol/limits.ts";
import { Pause } from "./pause.ts";
import type { ReadLimiter } from "./read-limiter.ts";

/** A read on its way: asks the broker, and resolves with what to do about the answer. */
export type Read = () => Promise<() => void>;

export interface ReadLoopOptions {
  readonly clock: Clock;
  readonly limiter: ReadLimiter;
  /** What is to be read next; `undefined` when nobody needs the log. */
  next(): Read | undefined;
  /** The broker refused, and may refuse again. It is asked again all the same, unless this stops the loop. */
  refused(error: unknown): void;
}

const FIRST_BACKOFF_MS = 100;
/** When the broker said that it will answer in another way soon. */
const MAX_PASSING_BACKOFF_MS = 2_000;
/** When it did not. */
const MAX_REFUSED_BACKOFF_MS = PROBE_MS;

/**
 * Reads for one topic for as long as something is to be read: one page at a time, through the limiter. Waits longer after each
 * read that failed; an answer that comes after `stop` is dropped.
 */
export class ReadLoop {
  readonly #options: ReadLoopOptions;
  readonly #pause: Pause;
  #running = false;
  #stopped = false;
  #failures = 0;

  constructor(options: ReadLoopOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  /** Something changed: see what is to be read. */
  look(): void {
    this.#pause.wake();
    if (!this.#running && !this.#stopped) void this.#run();
  }

  /** @param wakeable whether a change ends the pause: one that spares a sick broker goes on. */
  pauseFor(delayMs: number, wakeable: boolean): void {
    // What a page brought, or a refusal, may have ended the topic.
    if (!this.#stopped) this.#pause.start(delayMs, wakeable);
  }

  stop(): void {
    this.#stopped = true;
    this.#pause.end();
  }

  async #run(): Promise<void> {
    const { limiter, next, refused } = this.#options;
    this.#running = true;
    while (!this.#stopped) {
      if (this.#pause.ended) {
        await this.#pause.ended;
        continue;
      }
      const read = next();
      if (!read) break;
      try {
        const apply = await limiter.run(read);
        if (this.#stopped) break;
        apply();
        this.#failures = 0;
      } catch (error) {
        if (this.#stopped) break;
        const isPassing = isTidingsError(error) && error.retryable;
        if (!isPassing) refused(error);
        this.#backOff(isPassing ? MAX_PASSING_BACKOFF_MS : MAX_REFUSED_BACKOFF_MS);
      }
    }
    this.#running = false;
  }

  #backOff(maxMs: number): void {
    const ceiling = Math.min(maxMs, FIRST_BACKOFF_MS * 2 ** this.#failures++);
    this.pauseFor(ceiling * (0.5 + this.#options.clock.random() / 2), false);
  }
}
