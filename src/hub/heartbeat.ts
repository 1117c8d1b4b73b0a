import type { Clock, Timer } from "../protocol/clock.ts";

/** What beats: a stream. */
export interface Beating {
  /** The tick of its last write. */
  lastWrite: number;
  /**
   * Comes every half interval.
   * @param isSilent whether it has to write a comment, or it would be silent for longer than the interval
   */
  visit(isSilent: boolean): void;
}

const SLOTS = 8;
/** Of {@link Heartbeat.tick}, in one interval. */
export const TICKS_PER_INTERVAL: number = 2 * SLOTS;

/**
 * One timer for the heartbeats of all streams of a process. Streams are spread over slots, for 9,000 writes in one turn block
 * the process for 100 ms. Each stream is visited every half interval and writes a comment when it would otherwise be silent for
 * longer than the interval: a busy stream writes none. Ticks count only time in which the process ran.
 */
export class Heartbeat {
  readonly intervalMs: number;
  /** Ticks since the start: the coarse time that a stream notes when it writes. */
  tick = 0;
  readonly #clock: Clock;
  readonly #slots: ReadonlyArray<Set<Beating>> = Array.from({ length: SLOTS }, () => new Set<Beating>());
  #size = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.intervalMs = intervalMs;
  }

  get size(): number {
    return this.#size;
  }

  add(stream: Beating): void {
    const slot = this.#slots[Math.floor(this.#clock.random() * SLOTS)] as Set<Beating>;
    slot.add(stream);
    this.#size++;
    stream.lastWrite = this.tick;
    if (!this.#timer) this.#arm();
  }

  remove(stream: Beating): void {
    // A few looks at its end cost less than a note of its slot for as long as it lives.
    if (!this.#slots.some((slot) => slot.delete(stream)) || --this.#size > 0) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#arm();
      this.tick++;
      for (const stream of this.#slots[this.tick % SLOTS] as Set<Beating>) {
        stream.visit(this.tick - stream.lastWrite > SLOTS);
      }
    }, this.intervalMs / TICKS_PER_INTERVAL);
  }
}
