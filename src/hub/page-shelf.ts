import type { RealtimeCursor } from "../protocol/cursor.ts";
import { Batch, type Frame } from "./frame.ts";
import { firstAbove, framesAfter, type ByteBudget } from "./ring.ts";

interface ShelvedPage {
  readonly frames: readonly Frame[];
  readonly end: RealtimeCursor;
  readonly size: number;
  /** What was last given of it: most stand at its beginning, and share these bytes for as long as they wait in their sockets. */
  batch: Batch | undefined;
  /** Counts uses of the shelf. */
  usedAt: number;
}

/**
 * Pages of a topic's log that others are still behind: read once, and given to each in its own time. (A thousand readers that drain at
 * a pace of their own read each page a thousand times without.) It shares a budget with the other shelves of the process; the page
 * that was not used for the longest time goes first.
 */
export class PageShelf {
  readonly #budget: ByteBudget;
  /** In the order of their ends. */
  readonly #pages: ShelvedPage[] = [];
  #uses = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** @param frames that follow one another without a hole */
  keep(frames: readonly Frame[]): void {
    const end = frames.at(-1)?.cursor;
    if (end === undefined) return;
    const at = this.#firstEndingAfter(end);
    const same = this.#pages[at - 1];
    if (same?.end === end) {
      if (same.frames.length >= frames.length) return;
      this.#remove(at - 1);
    }
    // With the bytes that are joined for those who take it.
    const size = frames.reduce((sum, frame) => sum + frame.size + frame.bytes(true).length, 0);
    while (this.#pages.length > 0 && this.#budget.used + size > this.#budget.max) this.#remove(this.#leastUsed());
    if (this.#budget.used + size > this.#budget.max) return;
    this.#budget.used += size;
    this.#pages.splice(this.#firstEndingAfter(end), 0, { frames, end, size, batch: undefined, usedAt: ++this.#uses });
  }

  /** What follows `position` in one page; `undefined` when no page here can prove what follows. */
  after(position: RealtimeCursor): Batch | undefined {
    const page = this.#pages[this.#firstEndingAfter(position)];
    const frames = page && framesAfter(page.frames, position);
    if (!frames) return undefined;
    page.usedAt = ++this.#uses;
    if (page.batch?.frames[0] !== frames[0]) page.batch = new Batch(frames);
    return page.batch;
  }

  /** Forgets what nobody needs who stands at `position` or above. */
  dropBelow(position: RealtimeCursor): void {
    for (const { size } of this.#pages.splice(0, this.#firstEndingAfter(position))) this.#budget.used -= size;
  }

  clear(): void {
    for (const { size } of this.#pages.splice(0)) this.#budget.used -= size;
  }

  #remove(at: number): void {
    for (const { size } of this.#pages.splice(at, 1)) this.#budget.used -= size;
  }

  #leastUsed(): number {
    let least = 0;
    for (const [at, { usedAt }] of this.#pages.entries()) if (usedAt < (this.#pages[least] as ShelvedPage).usedAt) least = at;
    return least;
  }

  #firstEndingAfter(position: RealtimeCursor): number {
    return firstAbove(this.#pages, position, ({ end }) => end);
  }
}
