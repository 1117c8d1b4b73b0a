import type { RealtimeLogger } from "../realtime/internals.ts";

/** Says once that those who decide about requests give no answer, and not for each of the requests that wait for it. */
export class Silence {
  readonly #logger: RealtimeLogger;
  #isSaid = false;

  constructor(logger: RealtimeLogger) {
    this.#logger = logger;
  }

  /** @param error which of them it was */
  began(error: Error): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.#logger.error(
      "tidings: a request was refused (504 `undecided`), because nobody had decided about it in time; its client asks again. Look at what the function waits for, as a rule a database. This is said once until a request is decided again.",
      error,
    );
  }

  /** A request was decided. */
  broken(): void {
    this.#isSaid = false;
  }
}
