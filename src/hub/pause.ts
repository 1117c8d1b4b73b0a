import type { Clock, Timer } from "../protocol/clock.ts";

/** A wait of one loop that others can cut short. */
export class Pause {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #wakeable = false;
  #end: (() => void) | undefined;
  #ended: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the pause is over; `undefined` when there is none. */
  get ended(): Promise<void> | undefined {
    return this.#ended;
  }

  /** @param wakeable whether {@link wake} ends it: a back-off is not, or every newcomer would hammer a sick broker. */
  start(delayMs: number, wakeable: boolean): void {
    this.end();
    this.#wakeable = wakeable;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    this.#timer = this.#clock.setTimeout(() => this.end(), delayMs);
  }

  /** Something changed that may be worth a new look. */
  wake(): void {
    if (this.#wakeable) this.end();
  }

  end(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#end?.();
    this.#timer = this.#end = this.#ended = undefined;
  }
}
