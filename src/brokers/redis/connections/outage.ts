import type { BrokerLogger } from "../transport.ts";

/** Says once per outage that Redis is gone, however many connections and attempts fail in it. */
export class OutageLog {
  readonly #logger: BrokerLogger;
  readonly #address: string;
  readonly #down = new Set<object>();
  #said = false;

  constructor(logger: BrokerLogger, address: string) {
    this.#logger = logger;
    this.#address = address;
  }

  /** @param connection whatever stands for it */
  down(connection: object, error: unknown): void {
    this.#down.add(connection);
    if (this.#said) return;
    this.#said = true;
    const details = error === undefined ? [] : [error];
    this.#logger.warn(
      `tidings: no connection to Redis at ${this.#address}. Streams stay open and catch up when it is back; emits wait until their timeout.`,
      ...details,
    );
  }

  up(connection: object): void {
    this.#down.delete(connection);
    if (this.#down.size === 0) this.#said = false;
  }
}
