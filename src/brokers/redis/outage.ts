import type { ConnectionKind } from "./driver.ts";

/** Where a broker says what an operator should know. `console` is one. */
export interface BrokerLogger {
  warn(message: string, ...details: unknown[]): void;
}

/** Says once per outage that Redis is gone, however many connections and attempts fail in it. */
export class OutageLog {
  readonly #logger: BrokerLogger;
  readonly #address: string;
  readonly #down = new Set<ConnectionKind>();
  #said = false;

  constructor(logger: BrokerLogger, address: string) {
    this.#logger = logger;
    this.#address = address;
  }

  down(kind: ConnectionKind, error: unknown): void {
    this.#down.add(kind);
    if (this.#said) return;
    this.#said = true;
    const details = error === undefined ? [] : [error];
    this.#logger.warn(
      `tidings: no connection to Redis at ${this.#address}. Streams stay open and catch up when it is back; emits wait until their timeout.`,
      ...details,
    );
  }

  up(kind: ConnectionKind): void {
    this.#down.delete(kind);
    if (this.#down.size === 0) this.#said = false;
  }
}
