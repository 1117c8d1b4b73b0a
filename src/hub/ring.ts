import { compareCursors, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Frame } from "./frame.ts";

/** Bytes that several rings share. */
export interface ByteBudget {
  used: number;
  readonly max: number;
}

/**
 * The newest frames of a topic: the first level of its log. They follow one another without a hole and end at the topic's tail,
 * so that a feed found in here needs no read.
 */
export class Ring {
  readonly #frames: Frame[] = [];
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  #bytes = 0;
  /** As many as the log itself keeps. */
  #maxFrames = Number.POSITIVE_INFINITY;

  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Frames held. */
  get length(): number {
    return this.#frames.length;
  }

  push(frame: Frame): void {
    this.#maxFrames = frame.entry?.keeps ?? this.#maxFrames;
    this.#frames.push(frame);
    this.#bytes += frame.size;
    this.#budget.used += frame.size;
    while (this.#frames.length > 0 && this.#isOverfull()) this.#dropOldest();
  }

  /** Takes frames that were read from the log and end at the topic's tail, where they reach further back than what is held. */
  extend(frames: readonly Frame[]): void {
    if (frames.length <= this.#frames.length) return;
    this.clear();
    for (const frame of frames) this.push(frame);
  }

  clear(): void {
    this.#budget.used -= this.#bytes;
    this.#bytes = 0;
    this.#frames.length = 0;
  }

  has(id: RealtimeCursor): boolean {
    return this.#frames[firstAbove(this.#frames, id, cursorOf) - 1]?.cursor === id;
  }

  /**
   * The frames that follow `position`, oldest first, ending with the one that reaches `maxBytes`; `undefined` when this ring
   * cannot prove what follows.
   */
  after(position: RealtimeCursor, maxBytes: number): readonly Frame[] | undefined {
    return framesAfter(this.#frames, position, maxBytes);
  }

  #isOverfull(): boolean {
    return this.#frames.length > this.#maxFrames || this.#bytes > this.#maxBytes || this.#budget.used > this.#budget.max;
  }

  #dropOldest(): void {
    const oldest = this.#frames.shift() as Frame;
    this.#bytes -= oldest.size;
    this.#budget.used -= oldest.size;
  }
}

/**
 * Of frames that follow one another, those that follow `position`, ending with the one that reaches `maxBytes`; `undefined` when they
 * cannot prove what follows it.
 */
export function framesAfter(
  frames: readonly Frame[],
  position: RealtimeCursor,
  maxBytes: number = Number.POSITIVE_INFINITY,
): readonly Frame[] | undefined {
  const start = firstAbove(frames, position, cursorOf);
  const next = frames[start];
  // Also between the last entry of a log that expired and the first of its next life, which does not chain to it.
  if (!next || (next.entry?.prev !== position && frames[start - 1]?.cursor !== position)) return undefined;
  let end = start;
  for (let bytes = 0; end < frames.length && bytes < maxBytes; end++) bytes += (frames[end] as Frame).bytes(true).length;
  return frames.slice(start, end);
}

const cursorOf = (frame: Frame): RealtimeCursor => frame.cursor;

/** Index of the first item whose cursor is above `id`, in a list that is sorted by these. */
export function firstAbove<T>(sorted: readonly T[], id: RealtimeCursor, cursorOfItem: (item: T) => RealtimeCursor): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareCursors(cursorOfItem(sorted[middle] as T), id) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
