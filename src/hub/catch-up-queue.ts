import type { Entry } from "../brokers/broker.ts";
import { CATCH_UP_QUEUE_BYTES } from "../protocol/limits.ts";
import type { ByteBudget } from "./ring.ts";

/**
 * Entries that a topic hears while it reads the log. Bounded: on overflow everything is dropped, for the log holds it too, and
 * the topic reads once more.
 */
export class CatchUpQueue {
  readonly #budget: ByteBudget;
  #entries: Entry[] = [];
  #bytes = 0;
  #overflowed = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#entries.length;
  }

  push(entry: Entry): void {
    if (this.#overflowed) return;
    const size = entry.json.length + entry.event.length + 64;
    if (this.#bytes + size > CATCH_UP_QUEUE_BYTES || this.#budget.used + size > this.#budget.max) {
      this.clear();
      this.#overflowed = true;
      return;
    }
    this.#entries.push(entry);
    this.#bytes += size;
    this.#budget.used += size;
  }

  /** Empties the queue; says whether it had overflowed, in which case what it held is not all that was heard. */
  take(): { readonly entries: readonly Entry[]; readonly overflowed: boolean } {
    const taken = { entries: this.#entries, overflowed: this.#overflowed };
    this.clear();
    return taken;
  }

  clear(): void {
    this.#budget.used -= this.#bytes;
    this.#entries = [];
    this.#bytes = 0;
    this.#overflowed = false;
  }
}
