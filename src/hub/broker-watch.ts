import type { Broker, BrokerState } from "../brokers/broker.ts";
import type { Clock } from "../protocol/clock.ts";
import { isTidingsError } from "../protocol/error.ts";
import type { BrokerStatus } from "./observer.ts";

/** Knows whether a broker can be reached: it says so itself, or it is concluded from what it answers. */
export class BrokerWatch {
  readonly #clock: Clock;
  readonly #broker: Broker;
  readonly #changed: (status: BrokerStatus, durationMs: number) => void;
  readonly #speaks: boolean;
  #state: BrokerState = "idle";
  #changedAt: number;
  #since: number = Date.now();
  #wasReached = false;

  /** @param changed each change, and how long it was in the state before */
  constructor(broker: Broker, clock: Clock, changed: (status: BrokerStatus, durationMs: number) => void) {
    this.#clock = clock;
    this.#broker = broker;
    this.#changed = changed;
    this.#changedAt = clock.now();
    this.#speaks = broker.watch !== undefined;
    broker.watch?.((state) => this.#enter(state));
  }

  get status(): BrokerStatus {
    return { name: this.#broker.name ?? "custom", state: this.#state, since: this.#since };
  }

  /** Whether it was ever reached. */
  get wasReached(): boolean {
    return this.#wasReached;
  }

  /** It did what it was asked to. */
  answered(): void {
    if (!this.#speaks) this.#enter("connected");
  }

  /** It rejected. */
  failed(error: unknown): void {
    if (!this.#speaks && isTidingsError(error) && error.code === "broker_unavailable") this.#enter("away");
  }

  /** It said that nothing is heard on any channel. */
  lost(): void {
    if (!this.#speaks) this.#enter("away");
  }

  #enter(state: BrokerState): void {
    if (state === this.#state) return;
    const now = this.#clock.now();
    const durationMs = now - this.#changedAt;
    this.#state = state;
    this.#changedAt = now;
    this.#since = Date.now();
    this.#wasReached ||= state === "connected";
    this.#changed(this.status, durationMs);
  }
}
