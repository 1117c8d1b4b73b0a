import type { Timer } from "../../../protocol/clock.ts";
import { AUDIT_MS } from "../../../protocol/limits.ts";
import { isRealtimeCursor } from "../../../protocol/cursor.ts";
import type { ListenerHandlers } from "../../broker.ts";
import lastId from "../scripts/last-id.lua";
import tails from "../scripts/tails.lua";
import type { ClusterRouter } from "./cluster-router.ts";
import type { Subscription, SubscriptionContext } from "./subscription.ts";

const TAILS = `${lastId}\n${tails}`;

/** Logs that one script looks at. */
const BATCH = 1_000;

interface AuditOptions {
  readonly context: SubscriptionContext;
  readonly cluster: ClusterRouter;
  readonly subscription: Subscription;
  readonly handlers: ListenerHandlers;
}

/**
 * Asks the servers of a cluster, every now and then, where the logs of the channels end from which nothing was heard. On a cluster
 * what is announced is not always heard: while a slot moves, neither its old nor its new server may tell anyone.
 */
export class Audit {
  readonly #options: AuditOptions;
  #timer: Timer | undefined;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#plan();
  }

  stop(): void {
    this.#options.context.clock.clearTimeout(this.#timer);
  }

  #plan(): void {
    const { clock } = this.#options.context;
    // Processes that started together need not ask together.
    this.#timer = clock.setTimeout(() => this.#audit(), AUDIT_MS * (0.75 + clock.random() / 2));
  }

  #audit(): void {
    this.#plan();
    const { cluster, subscription } = this.#options;
    const quiet = subscription.quietFor(AUDIT_MS);
    if (quiet.size === 0) return;
    cluster.topology.look();
    for (const [node, channels] of quiet) {
      const pipeline = cluster.to(node);
      for (let at = 0; at < channels.length; at += BATCH) void this.#ask(pipeline, channels.slice(at, at + BATCH));
    }
  }

  async #ask(pipeline: ReturnType<ClusterRouter["to"]>, channels: readonly string[]): Promise<void> {
    const { context, handlers } = this.#options;
    const keys = channels.map((channel) => context.names.keyOf(channel));
    // As arguments, for as keys they would have to be of one slot.
    const reply = await pipeline.ask("EVAL", [TAILS, "0", ...keys])?.catch(() => undefined);
    const ids = Array.isArray(reply) ? (reply as unknown[]) : [];
    for (const [at, channel] of channels.entries()) {
      const last = ids[at];
      // What cannot be looked at there is looked at in the ordinary way.
      if (isRealtimeCursor(last)) handlers.moved(channel, last);
      else if (ids.length > 0) handlers.restored([channel]);
    }
  }
}
