import type { Timer } from "../../../protocol/clock.ts";
import { versionProblem } from "../failures.ts";
import type { RedisNode } from "./driver.ts";
import { Link, type LinkContext } from "./link.ts";

/** A channel that is wanted. */
export interface Wanted {
  /** As Redis sees it. */
  readonly live: string;
}

/** What a {@link Shard} tells its owner. */
export interface ShardHandlers<W extends Wanted> {
  /** The server has acknowledged these, anew after a loss. */
  acknowledged(wanted: readonly W[]): void;
  /** @returns whether to ask again, and when */
  refused(wanted: W, error: unknown): number | undefined;
  /** These are heard no more. */
  lost(wanted: readonly W[]): void;
  message(live: string, message: string): void;
  /** Slots have left the server. */
  moved(): void;
}

/** Channels in one SUBSCRIBE. */
const BATCH = 500;
/** The first Redis with sharded channels. */
const SHARDED_SINCE = 7;

/**
 * The connection on which one server is listened to. The channels of one turn are subscribed to and left with one command each; on a
 * cluster, where a command takes channels of one slot, with one for each channel.
 */
export class Shard<W extends Wanted> {
  readonly node: RedisNode | undefined;
  readonly #context: LinkContext;
  readonly #handlers: ShardHandlers<W>;
  readonly #link: Link;
  readonly #wanted = new Map<string, W>();
  readonly #heard = new Set<W>();
  readonly #toSubscribe = new Set<W>();
  readonly #toUnsubscribe = new Set<string>();
  readonly #retries = new Set<Timer>();
  #isSharded = false;
  /** Tells what an earlier connection answers from what the present one does. */
  #life = 0;
  /** What is wrong with the server for good, if anything. */
  #problem: string | undefined;
  #flushPlanned = false;

  constructor(context: LinkContext, handlers: ShardHandlers<W>, node?: RedisNode) {
    this.node = node;
    this.#context = context;
    this.#handlers = handlers;
    this.#link = new Link({
      kind: "subscription",
      node,
      context,
      handlers: {
        up: ({ version }) => {
          this.#problem = versionProblem(version);
          // An older cluster tells all its servers what is published on one.
          this.#isSharded = node !== undefined && Number.parseInt(version ?? "7", 10) >= SHARDED_SINCE;
          this.#toUnsubscribe.clear();
          for (const wanted of this.#wanted.values()) this.#toSubscribe.add(wanted);
          this.#flush();
        },
        down: () => this.#lose(),
        message: (live, message) => handlers.message(live, message),
        moved: () => handlers.moved(),
      },
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get isEmpty(): boolean {
    return this.#wanted.size === 0;
  }

  /** Subscribes to a channel, also when it was subscribed to before: its owner wants to know that it is. */
  want(wanted: W): void {
    this.#wanted.set(wanted.live, wanted);
    this.#toUnsubscribe.delete(wanted.live);
    this.#toSubscribe.add(wanted);
    this.#link.open();
    this.#planFlush();
  }

  forget(wanted: W): void {
    if (this.#wanted.get(wanted.live) !== wanted) return;
    this.#wanted.delete(wanted.live);
    this.#toSubscribe.delete(wanted);
    this.#heard.delete(wanted);
    this.#toUnsubscribe.add(wanted.live);
    this.#planFlush();
  }

  /** Resolves when the connection is gone. */
  close(): Promise<void> {
    for (const timer of this.#retries) this.#context.clock.clearTimeout(timer);
    this.#wanted.clear();
    this.#toSubscribe.clear();
    this.#toUnsubscribe.clear();
    return this.#link.close();
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
    const size = this.#isSharded ? 1 : BATCH;
    for (const batch of inBatches(this.#toUnsubscribe, size)) this.#link.unsubscribe(batch, this.#isSharded);
    this.#toUnsubscribe.clear();
    for (const batch of inBatches(this.#toSubscribe, size)) this.#subscribe(batch);
  }

  #subscribe(batch: readonly W[]): void {
    if (this.#problem !== undefined) {
      for (const wanted of batch) {
        this.#toSubscribe.delete(wanted);
        this.#refuse(wanted, new Error(this.#problem));
      }
      return;
    }
    const acknowledged = this.#link.subscribe(
      batch.map((wanted) => wanted.live),
      this.#isSharded,
    );
    // Not sent: the connection is about to be lost, and what comes after it subscribes to everything.
    if (!acknowledged) return;
    for (const wanted of batch) this.#toSubscribe.delete(wanted);
    const life = this.#life;
    acknowledged.then(
      () => {
        if (life === this.#life) this.#acknowledge(batch);
      },
      (error: unknown) => {
        // A connection that breaks takes back what it was asked: that is no answer.
        if (life !== this.#life || !this.#link.isUp) return;
        const [wanted] = batch;
        // One channel that is refused takes the others of its command with it.
        if (batch.length > 1) {
          for (const each of batch) if (this.#isWanted(each)) this.#subscribe([each]);
        } else if (wanted && this.#isWanted(wanted)) {
          this.#refuse(wanted, error);
        }
      },
    );
  }

  #isWanted(wanted: W): boolean {
    return this.#wanted.get(wanted.live) === wanted;
  }

  #acknowledge(batch: readonly W[]): void {
    // Some may have been left meanwhile, and perhaps wanted again with a command of its own.
    const heard = batch.filter((wanted) => this.#isWanted(wanted));
    for (const wanted of heard) this.#heard.add(wanted);
    if (heard.length > 0) this.#handlers.acknowledged(heard);
  }

  #refuse(wanted: W, error: unknown): void {
    const delayMs = this.#handlers.refused(wanted, error);
    if (delayMs === undefined) return;
    const timer = this.#context.clock.setTimeout(() => {
      this.#retries.delete(timer);
      if (!this.#isWanted(wanted)) return;
      this.#toSubscribe.add(wanted);
      this.#flush();
    }, delayMs);
    this.#retries.add(timer);
  }

  #lose(): void {
    this.#life++;
    const lost = [...this.#heard];
    this.#heard.clear();
    if (lost.length > 0) this.#handlers.lost(lost);
  }
}

function inBatches<T>(items: Iterable<T>, size: number): T[][] {
  const batches: T[][] = [];
  for (const item of items) {
    const current = batches.at(-1);
    if (current && current.length < size) current.push(item);
    else batches.push([item]);
  }
  return batches;
}
