import type { Clock, Timer } from "../../protocol/clock.ts";
import { TidingsError } from "../../protocol/error.ts";

/** How long a call may take, and what it rejects with when it takes longer. */
export interface CallLimit {
  readonly limitMs: number;
  late(): Error;
}

/** Calls to an adapter, which may never settle: each ends when its time is over, and all of them when the broker closes. */
export class Calls {
  readonly #clock: Clock;
  readonly #pending = new Set<(error: Error) => void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Settles as the call does, if it does so in time; what comes after that is ignored. */
  async run<T>({ limitMs, late }: CallLimit, call: () => PromiseLike<T>): Promise<T> {
    if (this.#closed) throw closedError();
    return await new Promise<T>((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => settle(() => reject(late())), limitMs, "keepAlive");
      const settle = (how: () => void): void => {
        this.#end(timer, abandon);
        how();
      };
      const abandon = (error: Error): void => settle(() => reject(error));
      this.#pending.add(abandon);
      // An adapter may throw where it ought to reject.
      Promise.resolve()
        .then(call)
        .then(
          (value) => settle(() => resolve(value)),
          (error: unknown) => settle(() => reject(error)),
        );
    });
  }

  /** Resolves after `delayMs`. Rejects when the broker closes before. */
  async pause(delayMs: number): Promise<void> {
    if (this.#closed) throw closedError();
    await new Promise<void>((resolve, reject) => {
      const timer = this.#clock.setTimeout(
        () => {
          this.#end(timer, abandon);
          resolve();
        },
        delayMs,
        "keepAlive",
      );
      const abandon = (error: Error): void => {
        this.#end(timer, abandon);
        reject(error);
      };
      this.#pending.add(abandon);
    });
  }

  close(): void {
    this.#closed = true;
    for (const abandon of [...this.#pending]) abandon(closedError());
  }

  #end(timer: Timer, abandon: (error: Error) => void): void {
    this.#clock.clearTimeout(timer);
    this.#pending.delete(abandon);
  }
}

/** The broker was closed. */
export function closedError(): TidingsError {
  return new TidingsError("closed", "the broker over a four-method adapter was closed. Make a new `Realtime`.");
}

/** How long to wait after so many failures in a row. */
export function backOffMs(failures: number, maxMs: number, clock: Clock): number {
  return Math.min(maxMs, 100 * 2 ** Math.min(failures, 20)) * (0.5 + clock.random() / 2);
}
