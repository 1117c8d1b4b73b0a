import type { StreamSession } from "../hub/stream-session.ts";
import type { Clock, Timer } from "../protocol/clock.ts";
import { DRAIN_OVERLAP_MS } from "../protocol/limits.ts";
import type { OpenSessions } from "./open-sessions.ts";

/** The overlap is no larger a part of the grace than this. */
const OVERLAP_SHARE = 0.2;
/** A turn tells, or ends, no more streams than this: ten thousand writes in one turn would hold up everything else. */
const STREAMS_PER_TURN = 250;
const TURN_MS = 10;

/** What becomes of one stream, in milliseconds since the drain began. */
interface Slot {
  readonly stream: StreamSession;
  /** When its client is to leave. */
  readonly leaveMs: number;
  /** When it ends, if its client has not left by then. */
  readonly endMs: number;
}

/**
 * Sends the clients of all streams away, one after the other at even distances. A client is told at the beginning when its time
 * comes. Its stream lives until it has left, or a moment longer than its time; that of a client which does not know the word (a
 * plain `EventSource`) ends when its time comes.
 */
export class Drain {
  /** Resolves when no stream is open any more, or when it was stopped. */
  readonly done: Promise<void>;
  readonly #sessions: OpenSessions;
  readonly #clock: Clock;
  readonly #began: number;
  /** By the time at which they leave, and how many of them were told. */
  readonly #slots: readonly Slot[];
  #told = 0;
  /** By the time at which they end, and how many of them were looked at. */
  readonly #ends: readonly Slot[];
  #over = 0;
  #timer: Timer | undefined;
  #resolve: () => void = () => {};

  constructor(sessions: OpenSessions, clock: Clock, graceMs: number) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#began = clock.now();
    const overlapMs = Math.min(DRAIN_OVERLAP_MS, graceMs * OVERLAP_SHARE);
    const streams = [...sessions.streams.keys()];
    const stepMs = (graceMs - overlapMs) / streams.length;
    this.#slots = streams.map((stream, at) => {
      const leaveMs = (at + 0.5) * stepMs;
      return { stream, leaveMs, endMs: stream.keepsCursors ? leaveMs + overlapMs : leaveMs };
    });
    this.#ends = this.#slots.toSorted((a, b) => a.endMs - b.endMs);
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    sessions.concludePages();
    this.#turn();
  }

  /** Leaves the streams as they are, and no timer behind. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#resolve();
  }

  #turn(): void {
    const nowMs = this.#clock.now() - this.#began;
    this.#tellSome(nowMs);
    this.#endSome(nowMs);
    if (this.#sessions.streams.size === 0) this.stop();
    // Somebody waits for this: the process must not end in silence before.
    else this.#timer = this.#clock.setTimeout(() => this.#turn(), TURN_MS, "keepAlive");
  }

  #tellSome(nowMs: number): void {
    const some = this.#slots.slice(this.#told, this.#told + STREAMS_PER_TURN);
    this.#told += some.length;
    for (const { stream, leaveMs } of some) stream.farewell(Math.max(0, Math.round(leaveMs - nowMs)));
  }

  #endSome(nowMs: number): void {
    for (let ended = 0; ended < STREAMS_PER_TURN; ended++) {
      const next = this.#ends[this.#over];
      if (!next || next.endMs > nowMs) return;
      this.#over++;
      next.stream.end();
    }
  }
}
