/** A stream whose reader is slow. */
export interface SlowReader {
  /** Ends it, and throws away what waits for it. Its client comes back by its cursors. */
  letGo(): void;
}

/**
 * What waits for all slow readers of a process. Each of them alone is bounded; a thousand that take next to nothing are not, for they can
 * do so without an end. Above a total the one for whom the most waits goes first.
 */
export class Backlog {
  readonly #waiting = new Map<SlowReader, number>();
  readonly #onFull: (bytes: number) => void;
  #bytes = 0;

  /** @param onFull with what waits, when somebody has to go. */
  constructor(onFull: (bytes: number) => void) {
    this.#onFull = onFull;
  }

  /** Bytes that wait for all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param bytes that have been waiting for this reader for a while. @param max for all readers together. */
  note(reader: SlowReader, bytes: number, max: number): void {
    this.#bytes += bytes - (this.#waiting.get(reader) ?? 0);
    if (bytes > 0) this.#waiting.set(reader, bytes);
    else this.#waiting.delete(reader);
    if (this.#bytes > max) this.#onFull(this.#bytes);
    while (this.#bytes > max) this.#letGo();
  }

  forget(reader: SlowReader): void {
    this.#bytes -= this.#waiting.get(reader) ?? 0;
    this.#waiting.delete(reader);
  }

  #letGo(): void {
    const [first, ...others] = this.#waiting;
    if (!first) return;
    const [reader] = others.reduce((most, each) => (each[1] > most[1] ? each : most), first);
    this.forget(reader);
    reader.letGo();
  }
}
