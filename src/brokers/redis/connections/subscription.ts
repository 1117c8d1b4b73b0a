import type { Timer } from "../../../protocol/clock.ts";
import type { TidingsError } from "../../../protocol/error.ts";
import { PROBE_MS } from "../../../protocol/limits.ts";
import type { Listener, ListenerHandlers } from "../../broker.ts";
import { closedError, isPassing, refusedError } from "../failures.ts";
import { parseAnnouncement } from "../replies.ts";
import type { TransportContext } from "../transport.ts";
import { Link, type LinkContext } from "./link.ts";

/** What a {@link Subscription} shares with its broker. */
export interface SubscriptionContext extends LinkContext, TransportContext {}

/** A channel that is wanted. */
interface Wanted {
  readonly channel: string;
  readonly live: string;
  /** Whether it was heard before, on this connection or an earlier one. */
  heard: boolean;
  /** The join that is not acknowledged yet. */
  join: Join | undefined;
}

interface Join {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: TidingsError) => void;
}

/** Channels in one SUBSCRIBE. */
const BATCH = 500;

/** The subscription of one process: one connection, on which the channels of one turn are joined and left with one command each. */
export class Subscription implements Listener {
  readonly #context: SubscriptionContext;
  readonly #handlers: ListenerHandlers;
  readonly #onEnd: () => void;
  readonly #link: Link;
  readonly #wanted = new Map<string, Wanted>();
  readonly #byLive = new Map<string, Wanted>();
  readonly #toSubscribe = new Set<Wanted>();
  readonly #toUnsubscribe = new Set<string>();
  readonly #retries = new Set<Timer>();
  /** Whether the hub believes that it hears something. */
  #hearing = false;
  #flushPlanned = false;
  #closing: Promise<void> | undefined;

  constructor(context: SubscriptionContext, handlers: ListenerHandlers, onEnd: () => void) {
    this.#context = context;
    this.#handlers = handlers;
    this.#onEnd = onEnd;
    this.#link = new Link({
      kind: "subscription",
      context,
      handlers: {
        up: () => this.#resubscribe(),
        down: () => this.#lose(),
        message: (live, message) => this.#hear(live, message),
      },
    });
  }

  async join(channel: string): Promise<void> {
    if (this.#closing) throw closedError(this.#context.driver.address);
    let wanted = this.#wanted.get(channel);
    if (!wanted) {
      wanted = { channel, live: this.#context.names.liveOf(channel), heard: false, join: undefined };
      this.#wanted.set(channel, wanted);
      this.#byLive.set(wanted.live, wanted);
    }
    wanted.join ??= createJoin();
    this.#toUnsubscribe.delete(wanted.live);
    this.#toSubscribe.add(wanted);
    this.#link.open();
    this.#planFlush();
    return wanted.join.promise;
  }

  leave(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (!wanted) return;
    this.#forget(wanted);
    this.#toUnsubscribe.add(wanted.live);
    this.#planFlush();
    wanted.join?.reject(closedError(this.#context.driver.address));
  }

  close(): void {
    void this.end();
  }

  /** Closes; resolves when the connection is gone. */
  end(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const timer of this.#retries) this.#context.clock.clearTimeout(timer);
    const joins = [...this.#wanted.values()].map((wanted) => wanted.join);
    this.#wanted.clear();
    this.#byLive.clear();
    this.#toSubscribe.clear();
    this.#toUnsubscribe.clear();
    for (const join of joins) join?.reject(closedError(this.#context.driver.address));
    await this.#link.close();
    this.#onEnd();
  }

  #forget(wanted: Wanted): void {
    this.#wanted.delete(wanted.channel);
    this.#byLive.delete(wanted.live);
    this.#toSubscribe.delete(wanted);
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#link.isUp) return;
    for (const batch of inBatches(this.#toUnsubscribe)) this.#link.unsubscribe(batch, false);
    this.#toUnsubscribe.clear();
    for (const batch of inBatches(this.#toSubscribe)) this.#subscribe(batch);
  }

  #subscribe(batch: readonly Wanted[]): void {
    const acknowledged = this.#link.subscribe(
      batch.map((wanted) => wanted.live),
      false,
    );
    // Not sent: the connection is about to be lost, and what comes after it subscribes to everything.
    if (!acknowledged) return;
    for (const wanted of batch) this.#toSubscribe.delete(wanted);
    acknowledged.then(
      () => this.#acknowledge(batch),
      (error: unknown) => this.#refuse(batch, error),
    );
  }

  #acknowledge(batch: readonly Wanted[]): void {
    const restored: string[] = [];
    for (const wanted of batch) {
      // Left meanwhile, and perhaps joined again with a SUBSCRIBE of its own.
      if (this.#wanted.get(wanted.channel) !== wanted) continue;
      this.#hearing = true;
      if (wanted.heard && !wanted.join) restored.push(wanted.channel);
      wanted.heard = true;
      wanted.join?.resolve();
      wanted.join = undefined;
    }
    if (restored.length > 0) this.#handlers.restored(restored);
  }

  #refuse(batch: readonly Wanted[], error: unknown): void {
    if (this.#closing) return;
    const [wanted] = batch;
    if (wanted && batch.length > 1) {
      // One channel that is refused takes the others of its command with it.
      for (const each of batch) if (this.#wanted.get(each.channel) === each) this.#subscribe([each]);
      return;
    }
    if (!wanted || this.#wanted.get(wanted.channel) !== wanted) return;
    const { channel } = wanted;
    const reason = refusedError({ kind: "join", channel, address: this.#context.driver.address }, error);
    if (wanted.heard || isPassing(error)) {
      this.#context.warnOnce(`${reason.message} It is tried again every ${PROBE_MS / 1_000} s.`, error);
      this.#retry(wanted);
    } else {
      this.#forget(wanted);
      wanted.join?.reject(reason);
    }
  }

  #retry(wanted: Wanted): void {
    const timer = this.#context.clock.setTimeout(() => {
      this.#retries.delete(timer);
      if (this.#wanted.get(wanted.channel) !== wanted) return;
      this.#toSubscribe.add(wanted);
      this.#flush();
    }, PROBE_MS);
    this.#retries.add(timer);
  }

  #resubscribe(): void {
    this.#toUnsubscribe.clear();
    for (const wanted of this.#wanted.values()) this.#toSubscribe.add(wanted);
    this.#flush();
  }

  #lose(): void {
    if (!this.#hearing) return;
    this.#hearing = false;
    this.#handlers.lost();
  }

  #hear(live: string, message: string): void {
    const wanted = this.#byLive.get(live);
    if (!wanted) return;
    const entry = parseAnnouncement(message);
    if (entry) {
      this.#handlers.entry(wanted.channel, entry);
      return;
    }
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

function inBatches<T>(items: Iterable<T>): T[][] {
  const batches: T[][] = [];
  for (const item of items) {
    const current = batches.at(-1);
    if (current && current.length < BATCH) current.push(item);
    else batches.push([item]);
  }
  return batches;
}
