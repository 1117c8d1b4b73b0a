import type { TidingsError } from "../../../protocol/error.ts";
import type { RedisCommand } from "../transport.ts";
import type { RedisNode } from "./driver.ts";

/**
 * - `waiting`: certainly not executed, for it was never sent, or what was sent is certainly not in the log;
 * - `refused`: certainly not executed, for the server said so;
 * - `sent`: on its way;
 * - `inDoubt`: its connection broke while it was on its way.
 */
export type PendingState = "waiting" | "refused" | "sent" | "inDoubt";

/** Where commands wait. */
export interface Place {
  remove(pending: Pending): void;
}

interface PendingOptions {
  /** Orders it among all of its process. */
  readonly number: number;
  /** When it was asked for. */
  readonly calledAt: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: TidingsError) => void;
  /** Nobody waits for it any more. */
  readonly settled: (pending: Pending) => void;
}

/** A command that has not settled, or has settled while it was on its way. */
export class Pending {
  readonly command: RedisCommand;
  readonly number: number;
  readonly calledAt: number;
  /** When it was last sent. */
  sentAt = 0;
  state: PendingState = "waiting";
  /** Where it waits to be sent. */
  place: Place | undefined;
  /**
   * Whether it may have been executed before it was sent again, which is harmless for an emit with an id of the caller's own; but
   * nobody can say any more that it is not in the log.
   */
  isDoubtful = false;
  /** What the server answered last, when that was to try again. */
  refusal: unknown;
  /** The server of a cluster that is to be asked this once, while a slot moves. */
  askNode: RedisNode | undefined;
  readonly #options: PendingOptions;
  #isSettled = false;

  constructor(command: RedisCommand, options: PendingOptions) {
    this.command = command;
    this.number = options.number;
    this.calledAt = options.calledAt;
    this.#options = options;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  resolve(reply: unknown): void {
    if (this.#settle()) this.#options.resolve(reply);
  }

  reject(error: TidingsError): void {
    if (this.#settle()) this.#options.reject(error);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#options.settled(this);
    return true;
  }
}
