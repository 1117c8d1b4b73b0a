import type { BrokerLogger } from "./transport.ts";

/** Different things that are said once: what others do to Redis must not fill our memory or the operator's log. */
const MAX_SAID = 50;

/** Tells an operator what went wrong and did not fail anything, each thing once. */
export class Reporter {
  readonly #address: string;
  readonly #logger: BrokerLogger;
  readonly #said = new Set<string>();

  constructor(address: string, logger: BrokerLogger) {
    this.#address = address;
    this.#logger = logger;
  }

  readonly warnOnce = (message: string, ...details: unknown[]): void => {
    if (this.#said.has(message) || this.#said.size >= MAX_SAID) return;
    this.#said.add(message);
    this.#logger.warn(message, ...details);
  };

  /** An event is stored, and something that belongs to it was not permitted. */
  warnHalfDone(what: string, error: string, consequence: string): void {
    this.warnOnce(
      `tidings: Redis at ${this.#address} did not let us ${what}: ${error}. ${consequence} Give the Redis user that permission.`,
    );
  }
}
