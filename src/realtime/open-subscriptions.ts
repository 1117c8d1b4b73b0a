/**
 * The subscriptions of one `Realtime`, from the call of `subscribe` to their end, however that comes. By name: a channel object
 * that nobody holds is forgotten, and what it subscribed to goes on.
 */
export class OpenSubscriptions {
  readonly #ends = new Map<string, Set<() => void>>();

  /** @param end ends the subscription, and takes it out of here by `delete`. */
  add(channel: string, end: () => void): void {
    const ends = this.#ends.get(channel);
    if (ends) ends.add(end);
    else this.#ends.set(channel, new Set([end]));
  }

  delete(channel: string, end: () => void): void {
    const ends = this.#ends.get(channel);
    if (ends?.delete(end) && ends.size === 0) this.#ends.delete(channel);
  }

  endAll(channel: string): void {
    for (const end of this.#ends.get(channel) ?? []) end();
  }
}
