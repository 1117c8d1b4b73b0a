import type { Clock } from "../../../protocol/clock.ts";
import type { BrokerState } from "../../broker.ts";
import type { BrokerLogger } from "../transport.ts";

/** What an {@link OutageLog} is made of. */
export interface OutageLogOptions {
  readonly logger: BrokerLogger;
  readonly clock: Clock;
  /** The server in words. */
  readonly address: string;
  /** Hears of each change, beside the operator. */
  readonly changed?: ((state: Exclude<BrokerState, "idle">) => void) | undefined;
}

/** Says once per outage that Redis is gone, however many connections and attempts fail in it, and once that it is back. */
export class OutageLog {
  readonly #options: OutageLogOptions;
  readonly #down = new Set<object>();
  #state: BrokerState = "idle";
  #since = 0;
  #isClosed = false;

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  /** @param connection whatever stands for it */
  down(connection: object, error: unknown): void {
    this.#down.add(connection);
    if (this.#isClosed || this.#state === "away") return;
    const { logger, address, clock } = this.#options;
    this.#since = clock.now();
    const details = error === undefined ? [] : [error];
    logger.warn(
      `tidings: no connection to Redis at ${address}. Streams stay open and catch up when it is back; emits wait until their timeout.`,
      ...details,
    );
    this.#enter("away");
  }

  /** It answers. */
  up(connection: object): void {
    this.#down.delete(connection);
    this.#consider(true);
  }

  /** It is not wanted any more. */
  forget(connection: object): void {
    if (this.#down.delete(connection)) this.#consider(false);
  }

  /** Nothing is said any more: what ends now was ended. */
  close(): void {
    this.#isClosed = true;
  }

  /** @param hasAnswered whether something did just now */
  #consider(hasAnswered: boolean): void {
    if (this.#isClosed || this.#down.size > 0 || this.#state === "connected") return;
    if (this.#state === "idle" && !hasAnswered) return;
    if (this.#state === "away") {
      const { logger, address, clock } = this.#options;
      const awaySecs = ((clock.now() - this.#since) / 1_000).toFixed(1);
      logger.warn(`tidings: Redis at ${address} is back, after ${awaySecs} s.`);
    }
    this.#enter("connected");
  }

  #enter(state: Exclude<BrokerState, "idle">): void {
    this.#state = state;
    this.#options.changed?.(state);
  }
}
