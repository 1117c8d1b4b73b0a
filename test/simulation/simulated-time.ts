import type { Clock, Timer } from "../../src/protocol/clock.ts";

interface Due extends Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Timers that a whole world may take; few take a tenth of it. */
const MAX_TIMERS = 40_000;

/** The one clock of a simulated world. Nothing takes time but what waits for it. */
export class SimulatedTime implements Clock {
  readonly random: () => number;
  #now = 0;
  #due: Due[] = [];
  #called = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const due: Due = { at: this.#now + Math.max(0, delayMs), callback };
    // Few timers are due later than a new one, so that its place is near the end of a list whose end is what comes first.
    let place = this.#due.length;
    while (place > 0 && (this.#due[place - 1] as Due).at <= due.at) place--;
    this.#due.splice(place, 0, due);
    return due;
  }

  clearTimeout(timer: Timer | undefined): void {
    const place = this.#due.indexOf(timer as Due);
    if (place >= 0) this.#due.splice(place, 1);
  }

  /** Timers that are pending. */
  get pending(): number {
    return this.#due.length;
  }

  /** Lets time pass. Between two timers everything that can go on goes on. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await rest();
    for (let next = this.#due.at(-1); next && next.at <= until; next = this.#due.at(-1)) {
      this.#due.pop();
      if (++this.#called > MAX_TIMERS) throw new Error("I6 Cost: something goes on and on, and comes to nothing");
      this.#now = next.at;
      next.callback();
      // What is due in the same moment may not wait for what this one began: it would not in a browser, or on a server.
      if (this.#due.at(-1)?.at !== next.at) await rest();
    }
    this.#now = until;
  }
}

/** Promises come to rest: Node calls this when none of them has anything left to do. There are no other wheels in a simulated world. */
const rest = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
