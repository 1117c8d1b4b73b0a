import type { TidingsError } from "../../../protocol/error.ts";
import { PROBE_MS } from "../../../protocol/limits.ts";
import type { Listener, ListenerHandlers } from "../../broker.ts";
import { closedError, isDeferrable, isPassing, refusedError } from "../failures.ts";
import { parseAnnouncement } from "../replies.ts";
import type { TransportContext } from "../transport.ts";
import { nameOf } from "./cluster-nodes.ts";
import type { RedisNode } from "./driver.ts";
import type { LinkContext } from "./link.ts";
import { Shard, type Wanted } from "./shard.ts";

/** What a {@link Subscription} shares with its broker. */
export interface SubscriptionContext extends LinkContext, TransportContext {}

/** Where a {@link Subscription} finds its channels. */
export interface Whereabouts {
  /** `"only"`: there is one server. `undefined`: not known yet; `Subscription.changed` tells. */
  nodeOf(live: string): RedisNode | "only" | undefined;
  /** Something is not where it should be. */
  look(): void;
  /** A server refused to let a channel be heard. @returns whether it belongs elsewhere */
  refused(live: string, error: unknown): boolean;
  /** The subscription has ended. */
  ended(): void;
}

interface Channel extends Wanted {
  readonly channel: string;
  /** Whether it was heard before, on this connection or an earlier one. */
  heard: boolean;
  /** When it was last heard. */
  heardAt: number;
  /** The join that is not acknowledged yet. */
  join: Join | undefined;
  shard: Shard<Channel> | undefined;
}

interface Join {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: TidingsError) => void;
}

/** Time until a server is asked again for a channel that it could not give just then. */
const RETRY_MS = 200;

/** The subscription of one process: a connection to each server that has one of its channels. */
export class Subscription implements Listener {
  readonly #context: SubscriptionContext;
  readonly #handlers: ListenerHandlers;
  readonly #whereabouts: Whereabouts;
  readonly #channels = new Map<string, Channel>();
  readonly #byLive = new Map<string, Channel>();
  readonly #shards = new Map<string, Shard<Channel>>();
  readonly #ending = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(context: SubscriptionContext, handlers: ListenerHandlers, whereabouts: Whereabouts) {
    this.#context = context;
    this.#handlers = handlers;
    this.#whereabouts = whereabouts;
  }

  async join(name: string): Promise<void> {
    if (this.#closing) throw closedError(this.#context.driver.address);
    let channel = this.#channels.get(name);
    if (!channel) {
      const live = this.#context.names.liveOf(name);
      channel = { channel: name, live, heard: false, heardAt: 0, join: undefined, shard: undefined };
      this.#channels.set(name, channel);
      this.#byLive.set(live, channel);
    }
    channel.join ??= createJoin();
    const { promise } = channel.join;
    this.#place(channel, true);
    return promise;
  }

  leave(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    this.#forget(channel);
    channel.join?.reject(closedError(this.#context.driver.address));
  }

  close(): void {
    void this.end();
  }

  /** Closes; resolves when the connections are gone. */
  end(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  // What the cluster says

  /** Slots have other servers. */
  changed(): void {
    if (this.#closing) return;
    for (const channel of this.#channels.values()) this.#place(channel, false);
    for (const [name, shard] of this.#shards) {
      if (!shard.isEmpty) continue;
      this.#shards.delete(name);
      const ended = shard.close();
      this.#ending.add(ended);
      void ended.then(() => this.#ending.delete(ended));
    }
  }

  /** Whether a channel cannot be heard where it is said to be. */
  isTroubled(): boolean {
    for (const shard of this.#shards.values()) if (!shard.isEmpty && !shard.isUp) return true;
    for (const { shard } of this.#channels.values()) if (!shard) return true;
    return false;
  }

  /** Channels that have not been heard for a while, by server. */
  quietFor(ms: number): ReadonlyMap<RedisNode, readonly string[]> {
    const quiet = new Map<RedisNode, string[]>();
    const since = this.#context.clock.now() - ms;
    for (const { channel, shard, heard, heardAt } of this.#channels.values()) {
      if (!heard || heardAt > since || !shard?.node) continue;
      const others = quiet.get(shard.node);
      if (others) others.push(channel);
      else quiet.set(shard.node, [channel]);
    }
    return quiet;
  }

  async #end(): Promise<void> {
    const joins = [...this.#channels.values()].map((channel) => channel.join);
    this.#channels.clear();
    this.#byLive.clear();
    for (const join of joins) join?.reject(closedError(this.#context.driver.address));
    await Promise.all([...this.#ending, ...[...this.#shards.values()].map((shard) => shard.close())]);
    this.#whereabouts.ended();
  }

  /** Puts a channel where it belongs. @param again whether it is to be subscribed to there even if it has been */
  #place(channel: Channel, again: boolean): void {
    const node = this.#whereabouts.nodeOf(channel.live);
    // While nobody has it, who had it last may have it still.
    const shard = node === undefined ? channel.shard : this.#shard(node);
    if (shard !== channel.shard) channel.shard?.forget(channel);
    else if (!again) return;
    channel.shard = shard;
    shard?.want(channel);
  }

  #shard(node: RedisNode | "only"): Shard<Channel> {
    const name = node === "only" ? node : nameOf(node);
    const known = this.#shards.get(name);
    if (known) return known;
    const shard = new Shard<Channel>(
      this.#context,
      {
        acknowledged: (channels) => this.#acknowledged(channels),
        refused: (channel, error) => this.#refused(channel, error),
        lost: (channels) => this.#lost(channels),
        message: (live, message) => this.#hear(live, message),
        moved: () => this.#whereabouts.look(),
      },
      node === "only" ? undefined : node,
    );
    this.#shards.set(name, shard);
    return shard;
  }

  #forget(channel: Channel): void {
    this.#channels.delete(channel.channel);
    this.#byLive.delete(channel.live);
    channel.shard?.forget(channel);
  }

  #acknowledged(channels: readonly Channel[]): void {
    const restored: string[] = [];
    for (const channel of channels) {
      if (channel.heard && !channel.join) restored.push(channel.channel);
      channel.heard = true;
      channel.join?.resolve();
      channel.join = undefined;
    }
    if (restored.length > 0) this.#handlers.restored(restored);
  }

  #refused(channel: Channel, error: unknown): number | undefined {
    const isElsewhere = this.#whereabouts.refused(channel.live, error);
    if (this.#closing) return undefined;
    if (isElsewhere || isDeferrable(error)) return RETRY_MS;
    const attempt = { kind: "join", channel: channel.channel, address: this.#context.driver.address } as const;
    const reason = refusedError(attempt, error);
    if (channel.heard || isPassing(error)) {
      this.#context.warnOnce(`${reason.message} It is tried again every ${PROBE_MS / 1_000} s.`, error);
      return PROBE_MS;
    }
    this.#forget(channel);
    channel.join?.reject(reason);
    return undefined;
  }

  #lost(channels: readonly Channel[]): void {
    if (this.#closing) return;
    this.#whereabouts.look();
    this.#handlers.lost(channels.map(({ channel }) => channel));
  }

  #hear(live: string, message: string): void {
    const channel = this.#byLive.get(live);
    if (!channel) return;
    channel.heardAt = this.#context.clock.now();
    const announced = parseAnnouncement(message);
    if (announced && "json" in announced) this.#handlers.entry(channel.channel, announced);
    else if (announced) this.#handlers.moved(channel.channel, announced.id, announced.prev);
    else
      this.#context.warnOnce(
        `tidings: someone else publishes on the Redis channel ${JSON.stringify(live)}, or a later version of tidings does. Such messages are ignored.`,
      );
  }
}

function createJoin(): Join {
  let resolve = () => {};
  let reject: Join["reject"] = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
