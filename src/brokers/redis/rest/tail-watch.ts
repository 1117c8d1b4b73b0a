import type { Clock, Timer } from "../../../protocol/clock.ts";
import { isRealtimeCursor, type RealtimeCursor } from "../../../protocol/cursor.ts";
import lastId from "../scripts/last-id.lua";
import tails from "../scripts/tails.lua";
import type { Endpoint, RestCommand } from "./endpoint.ts";

const TAILS = `${lastId}\n${tails}`;

/** Logs that one script looks at, and scripts in one request. */
const LOGS = 500;
const SCRIPTS = 8;
/** Time between two looks at logs of which there is no stream. */
const POLL_MS = 1_000;
/**
 * Time between two looks at the logs of silent streams. Whether the service sends anything on an idle stream is not known, so that
 * silence proves nothing; to open sixteen streams again every now and then would cost sixteen requests, and a read of the log each.
 * One command for all of them finds a stream that hangs, and an announcement that was lost, too.
 */
export const AUDIT_MS = 15_000;
const MAX_PAUSE_MS = 10_000;
const LOOK_TIMEOUT_MS = 5_000;

/** How urgently it is wanted to know where a log ends. */
export type Urgency = "each second" | "now and then" | "not now";

/** Those whose logs are looked at. */
export interface TailWatchHandlers<Target> {
  /** Everyone there is. */
  targets(): Iterable<Target>;
  keyOf(target: Target): string;
  urgencyOf(target: Target): Urgency;
  /** Whether one of the second kind is worth a look. */
  isQuiet(target: Target): boolean;
  /** @param last where the log ends; `undefined` when the key cannot be looked at @param look the number of the look */
  found(target: Target, last: RealtimeCursor | undefined, look: number): void;
  /** A look failed; there will be another. @param isRefused whether the service said no in so many words */
  failed(targets: readonly Target[], error: Error, isRefused: boolean): void;
}

/** Asks every now and then where logs end: one script for all, and nothing at all while nobody listens. */
export class TailWatch<Target> {
  readonly #handlers: TailWatchHandlers<Target>;
  readonly #clock: Clock;
  readonly #endpoint: Endpoint;
  #timer: Timer | undefined;
  #auditAt = 0;
  #failures = 0;
  #looks = 0;
  #isLooking = false;
  #isWanted = false;
  #isClosed = false;

  constructor(clock: Clock, endpoint: Endpoint, handlers: TailWatchHandlers<Target>) {
    this.#clock = clock;
    this.#endpoint = endpoint;
    this.#handlers = handlers;
  }

  /** Looks in a row that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** How many looks have begun. */
  get looks(): number {
    return this.#looks;
  }

  /** Looks at the end of this turn, or when the present look is over. */
  look(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    queueMicrotask(() => this.#start());
  }

  /** Plans the next look. To be called when there are others to look at, or the same with another urgency. */
  plan(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isLooking || this.#isWanted || this.#isClosed) return;
    const urgencies = new Set<Urgency>();
    for (const target of this.#handlers.targets()) urgencies.add(this.#handlers.urgencyOf(target));
    const isPressing = urgencies.has("each second");
    if (!isPressing && !urgencies.has("now and then")) return;
    const now = this.#clock.now();
    // Processes that started together need not ask together.
    if (this.#auditAt <= now) this.#auditAt = now + AUDIT_MS * (0.75 + this.#clock.random() / 2);
    const pauseMs = Math.min(MAX_PAUSE_MS, POLL_MS * 2 ** Math.min(this.#failures, 10));
    const delayMs = isPressing || this.#failures > 0 ? pauseMs : this.#auditAt - now;
    this.#timer = this.#clock.setTimeout(() => this.look(), delayMs, "keepAlive");
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #start(): void {
    if (this.#isLooking || this.#isClosed) return;
    this.#isWanted = false;
    this.#clock.clearTimeout(this.#timer);
    const isAudit = this.#auditAt <= this.#clock.now();
    const targets = [...this.#handlers.targets()].filter((target) => {
      const urgency = this.#handlers.urgencyOf(target);
      return urgency === "each second" || (isAudit && urgency === "now and then" && this.#handlers.isQuiet(target));
    });
    void this.#lookAt(targets);
  }

  async #lookAt(targets: readonly Target[]): Promise<void> {
    this.#isLooking = true;
    const number = ++this.#looks;
    for (let at = 0; at < targets.length && !this.#isClosed; at += LOGS * SCRIPTS) {
      await this.#ask(targets.slice(at, at + LOGS * SCRIPTS), number);
    }
    this.#isLooking = false;
    if (this.#isWanted) this.#start();
    else this.plan();
  }

  async #ask(targets: readonly Target[], number: number): Promise<void> {
    const batches: Array<readonly Target[]> = [];
    for (let at = 0; at < targets.length; at += LOGS) batches.push(targets.slice(at, at + LOGS));
    const commands = batches.map((batch): RestCommand => {
      const keys = batch.map((target) => this.#handlers.keyOf(target));
      return ["EVAL", TAILS, String(keys.length), ...keys];
    });
    const answer = await this.#endpoint.post(commands, LOOK_TIMEOUT_MS);
    if (this.#isClosed) return;
    if (answer.kind !== "replies") {
      this.#failures++;
      this.#handlers.failed(targets, answer.error, answer.kind === "refused");
      return;
    }
    for (const [at, batch] of batches.entries()) {
      const reply = answer.replies[at];
      if (reply && "value" in reply && Array.isArray(reply.value)) {
        this.#failures = 0;
        const ids = reply.value as unknown[];
        for (const [at, target] of batch.entries()) {
          const last = ids[at];
          this.#handlers.found(target, isRealtimeCursor(last) ? last : undefined, number);
        }
      } else {
        this.#failures++;
        const error = reply && "error" in reply ? reply.error : new Error("a reply that makes no sense");
        this.#handlers.failed(batch, error, true);
      }
    }
  }
}
