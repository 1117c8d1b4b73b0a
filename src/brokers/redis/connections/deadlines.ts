import type { Clock, Timer } from "../../../protocol/clock.ts";
import type { Pending } from "./pending.ts";

/** Those that have the same time, oldest first. */
interface Queue {
  readonly pendings: Set<Pending>;
  timer: Timer | undefined;
}

/**
 * Calls back for each command whose time is up. Emits are many and nearly all have the same time, so one timer serves all of a
 * kind: a timer of its own costs an emit more than everything else that is done for it here.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expire: (pending: Pending) => void;
  readonly #queues = new Map<number, Queue>();

  constructor(clock: Clock, expire: (pending: Pending) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  add(pending: Pending): void {
    const { timeoutMs } = pending.command;
    const known = this.#queues.get(timeoutMs);
    if (known) {
      known.pendings.add(pending);
      return;
    }
    const queue: Queue = { pendings: new Set([pending]), timer: undefined };
    this.#queues.set(timeoutMs, queue);
    this.#plan(queue, timeoutMs, timeoutMs);
  }

  /** It has settled. The last one takes the timer with it. */
  remove(pending: Pending): void {
    const { timeoutMs } = pending.command;
    const queue = this.#queues.get(timeoutMs);
    if (!queue?.pendings.delete(pending) || queue.pendings.size > 0) return;
    this.#clock.clearTimeout(queue.timer);
    this.#queues.delete(timeoutMs);
  }

  #plan(queue: Queue, timeoutMs: number, delayMs: number): void {
    queue.timer = this.#clock.setTimeout(() => this.#look(queue, timeoutMs), delayMs, "keepAlive");
  }

  /** The timer was set for one that may have settled since. */
  #look(queue: Queue, timeoutMs: number): void {
    const now = this.#clock.now();
    for (const pending of queue.pendings) {
      const leftMs = pending.calledAt + timeoutMs - now;
      if (leftMs > 0) {
        this.#plan(queue, timeoutMs, Math.ceil(leftMs));
        return;
      }
      this.#expire(pending);
    }
  }
}
