/** What became of the orders on one phone. */
export interface Balance {
  readonly sent: number;
  readonly shown: number;
  /** Not shown, and will not be. */
  readonly lost: number;
  /** Came twice as an event. */
  readonly doubled: number;
  /** Not shown yet. */
  readonly waiting: number;
}

/** How the shop stands when the balance is drawn. */
export interface Standing {
  /** The number of the last order that was placed. */
  readonly placed: number;
  /** Numbers that may never have become an order. */
  readonly unknown: ReadonlySet<number>;
  /** Up to this number, everything has had the time to arrive. */
  readonly due: number;
  /** Whether the phone is just reading the list again. */
  readonly fetching: boolean;
}

/** Counts by the running numbers in the orders, and by nothing else. */
export class Ledger {
  /** The last number before the phone began. */
  #base: number | undefined;
  #highest = 0;
  #doubled = 0;
  readonly #came = new Set<number>();
  readonly #shown = new Set<number>();

  /** The highest number that was shown. */
  get highest(): number {
    return this.#highest;
  }

  has(n: number): boolean {
    return this.#shown.has(n);
  }

  /** Whether the order belongs to this phone's time. */
  covers(n: number): boolean {
    return this.#base !== undefined && n > this.#base;
  }

  /** An event came. @returns whether its order was not shown before */
  event(n: number): boolean {
    this.#base ??= n - 1;
    if (this.#came.has(n)) this.#doubled += 1;
    this.#came.add(n);
    // A list can be quicker than the event of its newest order.
    if (this.#shown.has(n)) return false;
    this.show(n);
    return true;
  }

  /** An order is shown, from wherever it came. */
  show(n: number): void {
    this.#shown.add(n);
    this.#highest = Math.max(this.#highest, n);
  }

  /** Numbers between the highest shown and `n`: their orders were passed over. */
  skippedBefore(n: number, unknown: ReadonlySet<number>): number[] {
    const skipped: number[] = [];
    if (this.#base === undefined) return skipped;
    for (let number = this.#highest + 1; number < n; number += 1) if (!unknown.has(number)) skipped.push(number);
    return skipped;
  }

  /** `undefined` before the first order. */
  balance({ placed, unknown, due, fetching }: Standing): Balance | undefined {
    if (this.#base === undefined) return undefined;
    let sent = 0;
    let lost = 0;
    let waiting = 0;
    for (let n = this.#base + 1; n <= Math.max(placed, this.#highest); n += 1) {
      const shown = this.#shown.has(n);
      if (!shown && unknown.has(n)) continue;
      sent += 1;
      if (shown) continue;
      // Orders come in order: what a later one has passed will not come.
      if (!fetching && (n < this.#highest || n <= due)) lost += 1;
      else waiting += 1;
    }
    return { sent, shown: sent - lost - waiting, lost, doubled: this.#doubled, waiting };
  }
}
