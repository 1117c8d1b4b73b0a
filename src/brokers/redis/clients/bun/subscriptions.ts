import type { BunClient } from "./connection.ts";

/**
 * Bun closes a connection that listens at any error reply: one channel that is refused would take all others with it, at every
 * attempt. So the server is asked beforehand. One before 7.0 does not know.
 */
const MAY_LISTEN = "return redis.acl_check_cmd and not redis.acl_check_cmd('SUBSCRIBE', unpack(ARGV)) and 0 or 1";
const REFUSED = "NOPERM this user has no permissions to listen to one of the channels";

interface BunSubscriptionsInit {
  /** Sends a command on the connection; `undefined` when it cannot. */
  readonly command: (name: string, args: readonly string[]) => Promise<unknown> | undefined;
  /** What the server answers, if it does. */
  readonly answer: (reply: Promise<unknown>) => Promise<unknown>;
  readonly hear: (message: string, channel: string) => void;
}

/** The channels of one connection. */
export class BunSubscriptions {
  readonly #client: BunClient;
  readonly #init: BunSubscriptionsInit;
  readonly #wanted = new Set<string>();
  /** What Bun has a listener for, and the acknowledgement. To subscribe again would add a second listener. */
  readonly #heard = new Map<string, Promise<unknown>>();

  constructor(client: BunClient, init: BunSubscriptionsInit) {
    this.#client = client;
    this.#init = init;
  }

  add(channels: readonly string[]): Promise<unknown> | undefined {
    const permission = this.#init.command("EVAL", [MAY_LISTEN, "0", ...channels]);
    return permission && this.#add(channels, permission);
  }

  async #add(channels: readonly string[], permission: Promise<unknown>): Promise<void> {
    const { answer, hear } = this.#init;
    for (const channel of channels) this.#wanted.add(channel);
    if ((await permission) === 0) throw new Error(REFUSED);
    const fresh = channels.filter((channel) => this.#wanted.has(channel) && !this.#heard.has(channel));
    if (fresh.length > 0) {
      // Bun takes the acknowledgement of a channel for that of the next SUBSCRIBE, if nothing comes between: a reply proves more.
      const acknowledged = Promise.all([answer(this.#client.subscribe(fresh, hear)), answer(this.#client.send("PING", []))]);
      for (const channel of fresh) this.#heard.set(channel, acknowledged);
      acknowledged.catch(() => fresh.forEach((channel) => this.#heard.delete(channel)));
    }
    await Promise.all(channels.map(async (channel) => this.#heard.get(channel)));
    // What was left before Bun could do it.
    this.remove(channels.filter((channel) => !this.#wanted.has(channel) && this.#heard.has(channel)));
  }

  remove(channels: readonly string[]): void {
    for (const channel of channels) this.#wanted.delete(channel);
    if (channels.length === 0) return;
    try {
      this.#client.unsubscribe([...channels]).catch(() => {});
      for (const channel of channels) this.#heard.delete(channel);
    } catch {
      // It throws while there is nothing that is acknowledged.
    }
  }
}
