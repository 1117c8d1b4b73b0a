/**
 * Lets a fixed number of log reads of one process be in flight; the rest wait in the order in which they came. A topic asks
 * for one page at a time, so a long replay cannot starve a short one. (1,000 laggards reading at will made `emit` wait half a
 * second behind them on the command connection.)
 */
export class ReadLimiter {
  readonly #max: number;
  readonly #waiting: Array<() => void> = [];
  #inFlight = 0;

  constructor(max: number) {
    this.#max = max;
  }

  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#inFlight >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inFlight++;
    try {
      return await read();
    } finally {
      // The place passes straight to the next in line, so that nobody can slip in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inFlight--;
    }
  }
}
