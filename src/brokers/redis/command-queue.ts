import type { Timer } from "../../protocol/clock.ts";
import type { TidingsError } from "../../protocol/error.ts";
import { PROBE_MS } from "../../protocol/limits.ts";
import { closedError, refusedError, replyCode, unansweredError, unsentError, type Attempt } from "./failures.ts";
import { Link, type LinkContext } from "./link.ts";

/** A command on its way to Redis. */
export interface Request {
  readonly attempt: Attempt;
  readonly name: string;
  readonly args: readonly string[];
  /** About what it weighs. */
  readonly bytes: number;
  readonly timeoutMs: number;
}

interface Pending extends Request {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: TidingsError) => void;
  timer: Timer | undefined;
  settled: boolean;
}

/** What may wait here while Redis cannot be reached, or is slower than we are. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES: number = 32 * 1024 * 1024;
/** What may be on its way. What is not yet sent can still say for certain that it was not. */
const MAX_IN_FLIGHT = 2_000;
const MAX_IN_FLIGHT_BYTES: number = 8 * 1024 * 1024;
/** Node's timers hold no more. */
const MAX_TIMER_MS: number = 2 ** 31 - 1;

/**
 * Sends commands in call order, each at most once, and settles each exactly once. The client library's own queues are off: it
 * would send a command again whose reply was lost (one emit, two entries), or drop what it holds without a word.
 */
export class CommandQueue {
  readonly #link: Link;
  readonly #context: LinkContext;
  readonly #waiting = new Set<Pending>();
  readonly #inFlight = new Set<Pending>();
  #waitingBytes = 0;
  #inFlightBytes = 0;
  /** Whether the server turned out to be a replica: then the connection ends with the last reply, and the next finds the master. */
  #retiring = false;
  #retiredAt: number = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(context: LinkContext) {
    this.#context = context;
    this.#link = new Link("commands", context, {
      up: () => this.#pump(),
      down: () => this.#abandon("the connection was lost before the reply"),
      message() {},
    });
  }

  /** Resolves with the reply. Rejects with a `TidingsError`, within `timeoutMs`. */
  send(request: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError(this.#context.driver.address));
        return;
      }
      this.#link.open();
      const full = this.#waiting.size >= MAX_WAITING || this.#waitingBytes + request.bytes > MAX_WAITING_BYTES;
      // An empty queue takes anything.
      if (full && this.#waiting.size > 0) {
        reject(unsentError(request.attempt, "too much is waiting to be sent"));
        return;
      }
      const pending: Pending = { ...request, resolve, reject, timer: undefined, settled: false };
      pending.timer = this.#context.clock.setTimeout(() => this.#expire(pending), Math.min(request.timeoutMs, MAX_TIMER_MS));
      this.#waiting.add(pending);
      this.#waitingBytes += pending.bytes;
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#abandon("the broker was closed before the reply");
    for (const pending of [...this.#waiting]) {
      this.#unqueue(pending);
      this.#settle(pending, closedError(this.#context.driver.address));
    }
    await this.#link.close();
  }

  #pump(): void {
    if (this.#retiring) return;
    for (const pending of this.#waiting) {
      if (this.#inFlight.size >= MAX_IN_FLIGHT || this.#inFlightBytes >= MAX_IN_FLIGHT_BYTES) return;
      const reply = this.#link.command(pending.name, pending.args);
      if (!reply) return;
      this.#unqueue(pending);
      this.#inFlight.add(pending);
      this.#inFlightBytes += pending.bytes;
      reply.then(
        (value) => this.#answered(pending, value, undefined),
        (error: unknown) => this.#answered(pending, undefined, error ?? new Error("no reason given")),
      );
    }
  }

  #answered(pending: Pending, reply: unknown, error: unknown): void {
    // Else its connection is gone and it was settled then.
    if (!this.#inFlight.delete(pending)) return;
    this.#inFlightBytes -= pending.bytes;
    if (error === undefined) {
      if (this.#finish(pending)) pending.resolve(reply);
    } else {
      if (replyCode(error) === "READONLY") this.#retire();
      this.#settle(pending, refusedError(pending.attempt, error));
    }
    if (this.#retiring && this.#inFlight.size === 0) this.#link.reset();
    else this.#pump();
  }

  #expire(pending: Pending): void {
    const after = `no reply within ${pending.timeoutMs} ms`;
    if (this.#waiting.has(pending)) {
      this.#unqueue(pending);
      this.#settle(pending, unsentError(pending.attempt, `it was not sent within ${pending.timeoutMs} ms`));
    } else {
      // It stays in flight: a reply that comes later is ignored.
      this.#settle(pending, unansweredError(pending.attempt, `there was ${after}`));
    }
  }

  /** What is in flight will not be answered any more. */
  #abandon(why: string): void {
    this.#retiring = false;
    const pendings = [...this.#inFlight];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    for (const pending of pendings) this.#settle(pending, unansweredError(pending.attempt, why));
  }

  /** Not more often than connections are probed: every server at hand may be a replica. */
  #retire(): void {
    const now = this.#context.clock.now();
    if (now - this.#retiredAt < PROBE_MS) return;
    this.#retiredAt = now;
    this.#retiring = true;
  }

  #unqueue(pending: Pending): void {
    if (this.#waiting.delete(pending)) this.#waitingBytes -= pending.bytes;
  }

  #settle(pending: Pending, error: TidingsError): void {
    if (this.#finish(pending)) pending.reject(error);
  }

  #finish(pending: Pending): boolean {
    if (pending.settled) return false;
    pending.settled = true;
    this.#context.clock.clearTimeout(pending.timer);
    return true;
  }
}
