import type { NodeRedisClient } from "./options.ts";

/** The commands of one turn, and what those that succeeded have changed. */
interface Turn {
  readonly changes: Array<() => void>;
  /** Resolves when library and server were seen to agree after them. */
  readonly agreed: Promise<void>;
}

/**
 * Makes sure that node-redis and the server agree on the sharded channels of a connection. A server ends a subscription of its own
 * accord when a slot leaves it. The library tells so, except while it waits for a reply: then it takes the news for that reply. So
 * the commands of each turn are followed by the question how many channels the server holds.
 */
export class NodeRedisShardedChannels {
  readonly #client: NodeRedisClient;
  readonly #disagree: (error: unknown) => void;
  /** What the server should hold. */
  readonly #held = new Set<string>();
  #turn: Turn | undefined;

  /** @param disagree called when the connection cannot be trusted any more */
  constructor(client: NodeRedisClient, disagree: (error: unknown) => void) {
    this.#client = client;
    this.#disagree = disagree;
  }

  subscribed(channels: readonly string[], reply: Promise<unknown>): Promise<unknown> {
    return this.followed(reply, () => channels.forEach((channel) => this.#held.add(channel)));
  }

  unsubscribed(channels: readonly string[], reply: Promise<unknown>): Promise<unknown> {
    return this.followed(reply, () => channels.forEach((channel) => this.#held.delete(channel)));
  }

  /** The library told that the server ended a subscription. */
  moved(channel: string): void {
    this.#held.delete(channel);
  }

  /** The reply to a command that was just given to the library, once it is known to be its own. */
  async followed(reply: Promise<unknown>, change: () => void = () => {}): Promise<unknown> {
    const turn = (this.#turn ??= this.#begin());
    reply.then(
      () => turn.changes.push(change),
      () => {},
    );
    const [own] = await Promise.all([reply, turn.agreed]);
    return own;
  }

  #begin(): Turn {
    const changes: Array<() => void> = [];
    return { changes, agreed: this.#ask(changes) };
  }

  async #ask(changes: ReadonlyArray<() => void>): Promise<void> {
    // Behind all commands of this turn.
    await Promise.resolve();
    this.#turn = undefined;
    let count: string | undefined;
    try {
      count = /\bssub=(\d+)/.exec(String(await this.#client.sendCommand(["CLIENT", "INFO"])))?.[1];
    } catch (error) {
      // Who may not ask has to believe. Any other error is the reply to another command.
      if (!/^NOPERM|unknown (sub)?command/i.test((error as Error).message)) {
        this.#disagree(error);
        throw error;
      }
    }
    for (const change of changes) change();
    if (count === undefined || Number(count) === this.#held.size) return;
    const error = new Error(`the server ended subscriptions: it holds ${count} of ${this.#held.size} channels`);
    this.#disagree(error);
    throw error;
  }
}
