import type { Clock } from "../protocol/clock.ts";

/** Who opens the next stream before it leaves the old one has two: for three seconds, and what the way takes. */
const MOVING_MS = 5_000;

interface Count {
  present: number;
  /** Since when there are more than the limit. */
  overSince: number | undefined;
}

/**
 * Counts who is here by a name that several share: a user's streams, those from one address. A client has two streams for a moment when
 * it changes its channels, and a server that ends has all of them move at once: for that moment there is room for twice the limit.
 */
export class Headcount {
  readonly max: number;
  readonly #clock: Clock;
  /** Of those that have somebody here, and no others: names come from requests. */
  readonly #counts = new Map<string, Count>();

  constructor(max: number, clock: Clock) {
    this.max = max;
    this.#clock = clock;
  }

  /** Names with somebody here. */
  get size(): number {
    return this.#counts.size;
  }

  /** @returns takes them out again, and is safe to call twice; nothing when there is no room. */
  enter(name: string): (() => void) | undefined {
    const count = this.#counts.get(name) ?? { present: 0, overSince: undefined };
    if (count.present >= this.max) {
      const now = this.#clock.now();
      const isMoving = now - (count.overSince ?? now) < MOVING_MS;
      if (!isMoving || count.present >= 2 * this.max) return undefined;
      count.overSince ??= now;
    }
    count.present++;
    this.#counts.set(name, count);
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      count.present--;
      if (count.present <= this.max) count.overSince = undefined;
      if (count.present === 0) this.#counts.delete(name);
    };
  }
}
