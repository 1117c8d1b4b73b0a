/**
 * The subscriptions of one `Realtime`, from the call of `subscribe` to their end, however that comes. By name: a channel object
 * that nobody holds is forgotten, and what it subscribed to goes on.
 */
export class OpenSubscriptions {
  readonly #ends = new Map<string, Set<End>>();

  /** @param end ends the subscription, and takes it out of here by `delete`. */
  add(channel: string, end: End): void {
    const ends = this.#ends.get(channel);
    if (ends) ends.add(end);
    else this.#ends.set(channel, new Set([end]));
  }

  /** @returns whether it was here. */
  delete(channel: string, end: End): boolean {
    const ends = this.#ends.get(channel);
    if (!ends?.delete(end)) return false;
    if (ends.size === 0) this.#ends.delete(channel);
    return true;
  }

  /** Ends those of one channel; those that still wait for the broker resolve, for nothing went wrong. */
  endAll(channel: string): void {
    for (const end of this.#ends.get(channel) ?? []) end();
  }

  /** Ends those of every channel; those that still wait for the broker reject with `reason`. */
  close(reason: Error): void {
    for (const ends of this.#ends.values()) for (const end of ends) end(reason);
  }
}

/** Ends a subscription. Given a reason, it rejects if it still waits for the broker. */
type End = (reason?: Error) => void;
