import type { Clock, Timer } from "../protocol/clock.ts";
import { isOrigin, ORIGIN, originAt, timeOf, type RealtimeCursor } from "../protocol/cursor.ts";
import { PROBE_MS } from "../protocol/limits.ts";

/** Those on a channel without a log are told again that there is none after this time, or a quarter of a log's life if that is less. */
const REFRESH_MS = 900_000;
/** A subscription that hears nothing any more is found out within this time. */
const UNNOTICED_MS = 3 * PROBE_MS;

interface Seen {
  readonly tail: RealtimeCursor;
  /** On the clock of this process. */
  readonly at: number;
}

/**
 * Keeps the date of a topic's tail fresh while there is no log. All that tells a reader later whether it has missed a whole life of the
 * log is when it last heard that there was none, so those who listen are told again from time to time. That costs the store nothing:
 * who listens without a break would have heard of a birth.
 */
export class DatedTail {
  readonly #clock: Clock;
  readonly #refreshed: (tail: RealtimeCursor) => void;
  #seen: Seen | undefined;
  #timer: Timer | undefined;

  /** @param refreshed is told where the tail is now. */
  constructor(clock: Clock, refreshed: (tail: RealtimeCursor) => void) {
    this.#clock = clock;
    this.#refreshed = refreshed;
  }

  /** There was no log just now, as was read. @param lifeMs that a log lives at least */
  follow(tail: RealtimeCursor, lifeMs: number): void {
    if (tail === ORIGIN || !isOrigin(tail)) return this.stop();
    this.#seen = { tail, at: this.#clock.now() };
    // Others are told in their time, however often somebody reads.
    this.#timer ??= this.#plan(Math.min(REFRESH_MS, lifeMs / 4));
  }

  #plan(everyMs: number): Timer {
    return this.#clock.setTimeout(() => {
      this.#timer = this.#plan(everyMs);
      const { tail, at } = this.#seen as Seen;
      this.#refreshed(originAt(timeOf(tail) + this.#clock.now() - at - UNNOTICED_MS));
    }, everyMs);
  }

  /** The log was born, or the topic has ended. */
  stop(): void {
    if (this.#timer === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
