import { FakeLog, isShown } from "../../src/client/fake-server.ts";
import { compareCursors, isOrigin, timeOf, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { FormerLives } from "../support/ledger.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** What a log knows of its store. */
interface Store {
  /** The time by its own clock. */
  now(): number;
  mayHaveForgotten(origin: RealtimeCursor): boolean;
}

/** The longest time that something is on its way, unless it is lost. */
export const MAX_DELAY_MS = 4_000;
/** A stream whose reader takes nothing for longer has ended. */
const MAX_LAG_MS = 90_000;

/** A log that knows of each entry what became of it. */
export class SimulatedLog extends FakeLog implements FormerLives {
  readonly #time: SimulatedTime;
  #trimmedAt = -Infinity;
  /** What went down with a failover: nobody can know of it who did not see it before. */
  readonly #lost = new Set<string>();
  /** What of it some servers still have in memory, who noticed nothing. */
  readonly #remembered = new Set<string>();
  /** By id, when the entry was stored, and how often the log had been replaced by then. */
  readonly #births = new Map<string, { readonly at: number; readonly storeAt: number; readonly life: number }>();
  readonly #store: Store;

  constructor(time: SimulatedTime, store: Store) {
    super();
    this.#time = time;
    this.#store = store;
  }

  override append(id: RealtimeCursor, event: string): void {
    super.append(id, event);
    this.#births.set(id, { at: this.#time.now(), storeAt: this.#store.now(), life: this.resets });
  }

  storedAt(id: RealtimeCursor): number {
    return this.#births.get(id)?.at as number;
  }

  override trim(keep: number): void {
    if (this.entries.length > keep) this.#trimmedAt = this.#time.now();
    super.trim(keep);
  }

  /**
   * A slow stream that fell behind the log twice goes on at its end (`#judgeFeed` in `topic.ts`), and a listener may hear of that on one stream
   * when it has come further on another, up to where nothing is missing.
   */
  override mayTellGap(from: RealtimeCursor, to: RealtimeCursor): boolean {
    if (isOrigin(from) && this.#store.mayHaveForgotten(from)) return true;
    return this.isGone(from, to) || this.#time.now() - this.#trimmedAt < MAX_LAG_MS;
  }

  /** Another log stands there from one moment to the next, and no connection breaks: nobody is told. */
  override failOver(behind: number): void {
    for (const id of this.#lose(behind)) this.#remembered.add(id);
  }

  /** Nor is anybody told of this. */
  override expire(): void {
    const limit = this.#time.now() - MAX_DELAY_MS - 1;
    for (const [id, { at }] of this.#births) if (at >= limit) this.#remembered.add(id);
    super.expire();
  }

  /** Is started again without its newest entries, or with none. Everybody has lost the connection, and reads before anything else. */
  restart(behind: number): void {
    if (behind === Infinity) super.expire();
    else this.#lose(behind);
  }

  #lose(behind: number): readonly RealtimeCursor[] {
    const before = this.entries.map(({ id }) => id);
    super.failOver(behind);
    const lost = before.slice(this.entries.length);
    for (const id of lost) this.#lost.add(id);
    return lost;
  }

  /**
   * Whether one server may still show an entry to who has seen it, and was told by another that the log was replaced, where no
   * connection broke. What a failover took is in the ring of a server that has neither read nor heard since, or still on its way to one.
   * Of a log that expired only what is still on its way can come: it looks like the beginning of the next life. Whoever was told stands
   * at the origin, where memory proves nothing.
   */
  mayReturn(id: RealtimeCursor): boolean {
    return this.#remembered.has(id);
  }

  isFormer(id: RealtimeCursor): boolean {
    return this.ever.get(id)?.gone === true && (this.#births.get(id)?.life as number) < this.resets;
  }

  /** The next life may follow the one before without a hole: who had all of that needs no gap. */
  override hides(from: RealtimeCursor, to: RealtimeCursor, events: readonly string[]): boolean {
    if (super.hides(from, to, events)) return true;
    for (const entry of this.ever.values()) {
      const isBetween = this.#isBehind(entry.id, from) && !this.#isBehind(entry.id, to) && entry.id !== to;
      if (isBetween && !this.#lost.has(entry.id) && isShown(entry, events)) return false;
    }
    return true;
  }

  /** Whether an entry lies behind a position; of one without a log, by when it was stored. */
  #isBehind(id: RealtimeCursor, position: RealtimeCursor): boolean {
    if (!isOrigin(position)) return compareCursors(id, position) > 0;
    return (this.#births.get(id)?.storeAt as number) > timeOf(position);
  }
}
