import type { Channel } from "./channel.ts";

/**
 * Gives the same object for the same name for as long as someone holds it, and forgets it then: a server that emits to a channel
 * per user must not keep one object for every user it ever saw.
 */
export class ChannelCache<O> {
  readonly #channels = new Map<string, WeakRef<Channel<O>>>();
  readonly #collected = new FinalizationRegistry<string>((name) => {
    // Another object may have taken the name in the meantime.
    if (this.#channels.get(name)?.deref() === undefined) this.#channels.delete(name);
  });

  get(name: string, create: () => Channel<O>): Channel<O> {
    const known = this.#channels.get(name)?.deref();
    if (known) return known;
    const channel = create();
    this.#channels.set(name, new WeakRef(channel));
    this.#collected.register(channel, name);
    return channel;
  }
}
