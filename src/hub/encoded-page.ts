import type { Page } from "../brokers/broker.ts";
import { Frame } from "./frame.ts";
import { holeBetween } from "./merge.ts";

/** A page's entries, encoded once for all who take a part of it, with a gap wherever one does not follow the one before it. */
export class EncodedPage {
  /** One for each entry of the page. */
  readonly entries: readonly Frame[];
  /** By the index of the entry that a gap comes before. Almost always empty. */
  readonly #gaps = new Map<number, Frame>();

  constructor(channel: string, { entries }: Page) {
    this.entries = entries.map((entry) => Frame.ofEntry(channel, entry));
    for (const [at, entry] of entries.entries()) {
      const before = entries[at - 1];
      const hole = before && holeBetween(before, entry);
      if (hole) this.#gaps.set(at, Frame.ofGap({ channel, after: before.id, ...hole }));
    }
  }

  /** Whether each entry follows the one before it. */
  get isUnbroken(): boolean {
    return this.#gaps.size === 0;
  }

  /** The entries from index `from` to before `end`, and the gaps between them. What comes before the first is not its affair. */
  slice(from: number, end: number = this.entries.length): readonly Frame[] {
    const frames = this.entries.slice(from, end);
    if (this.#gaps.size === 0) return frames;
    return frames.flatMap((frame, offset) => {
      const gap = offset > 0 ? this.#gaps.get(from + offset) : undefined;
      return gap ? [gap, frame] : [frame];
    });
  }
}
