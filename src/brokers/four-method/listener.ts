import type { Listener, ListenerHandlers } from "../broker.ts";
import { closedError } from "./calls.ts";
import type { LiveReader } from "./live.ts";
import type { LogName } from "./log.ts";

/** One subscription to what a {@link LiveReader} hears. */
export class FourMethodListener implements Listener {
  readonly #reader: LiveReader;
  readonly #handlers: ListenerHandlers;
  readonly #logOf: (channel: string) => LogName;
  /** By channel: ends a join that still waits. */
  readonly #joined = new Map<string, PromiseWithReject>();
  #isClosed = false;

  /** @param logOf throws a `TidingsError` for a name that is none */
  constructor(reader: LiveReader, handlers: ListenerHandlers, logOf: (channel: string) => LogName) {
    this.#reader = reader;
    // An object of its own, by which the reader tells two listeners apart.
    this.#handlers = {
      entry: (channel, entry) => handlers.entry(channel, entry),
      moved: (channel, last) => handlers.moved(channel, last),
      lost: (channels) => handlers.lost(channels),
      restored: (channels) => handlers.restored(channels),
    };
    this.#logOf = logOf;
    reader.listen(this.#handlers);
  }

  async join(channel: string): Promise<void> {
    if (this.#isClosed) throw closedError();
    const log = this.#logOf(channel);
    let left = this.#joined.get(channel);
    if (!left) this.#joined.set(channel, (left = rejectable()));
    await Promise.race([this.#reader.join(log, this.#handlers), left.promise]);
  }

  leave(channel: string): void {
    this.#reader.leave(channel, this.#handlers);
    this.#joined.get(channel)?.reject(closedError());
    this.#joined.delete(channel);
  }

  close(): void {
    this.#isClosed = true;
    this.#reader.forget(this.#handlers);
    for (const { reject } of this.#joined.values()) reject(closedError());
    this.#joined.clear();
  }
}

interface PromiseWithReject {
  readonly promise: Promise<never>;
  readonly reject: (error: Error) => void;
}

function rejectable(): PromiseWithReject {
  let reject = (_error: Error): void => {};
  const promise = new Promise<never>((_, onReject) => (reject = onReject));
  // Who joined is told by the race; when nobody waits any more, nobody needs to know.
  promise.catch(() => {});
  return { promise, reject };
}
