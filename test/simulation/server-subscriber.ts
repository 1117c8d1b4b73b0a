/** Code of a server that subscribes to a channel, and checks the promise at each step. */
import type { FeedStart } from "../../src/hub/feed.ts";
import type { Hub } from "../../src/hub/hub.ts";
import { Subscription } from "../../src/hub/subscription.ts";
import { compareCursors, isOrigin, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { demand, Ledger } from "../support/ledger.ts";
import type { SimulatedLog } from "./simulated-log.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";
import type { SimulatedTime } from "./simulated-time.ts";

export interface ServerSubscriberOptions {
  readonly hub: Hub;
  readonly channel: string;
  readonly start: FeedStart;
  readonly redis: SimulatedRedis;
  readonly time: SimulatedTime;
  /** What its handler takes for each event, in milliseconds; 0 for nothing. */
  readonly workMs: number;
  onShown(channel: string, cursor: RealtimeCursor): void;
}

export class ServerSubscriber {
  readonly hub: Hub;
  readonly channel: string;
  messages = 0;
  gaps = 0;
  readonly #log: SimulatedLog;
  readonly #ledger: Ledger;
  readonly #subscription: Subscription;
  /** What every server had heard of when it subscribed. */
  readonly #heard: RealtimeCursor;
  #joinedAt: RealtimeCursor | undefined;
  #joinedMs = Infinity;
  #isBusy = false;
  /** The channel could not be had: its caller was told. */
  #isRefused = false;
  #failure: unknown;

  constructor({ hub, channel, start, redis, time, workMs, onShown }: ServerSubscriberOptions) {
    this.hub = hub;
    this.channel = channel;
    const log = redis.log(channel);
    this.#log = log;
    this.#heard = redis.heard(channel);
    this.#ledger = new Ledger(log, {
      events: [],
      first: () => this.#joinedAt as RealtimeCursor,
      former: log,
    });
    const work = async (cursor: RealtimeCursor): Promise<void> => {
      onShown(channel, cursor);
      if (this.#isBusy) this.#failure ??= new Error("a handler was called before it was done");
      if (workMs === 0) return;
      this.#isBusy = true;
      await new Promise<void>((resolve) => time.setTimeout(resolve, workMs));
      this.#isBusy = false;
    };
    this.#subscription = new Subscription({
      joined: (cursor) => {
        if (this.#joinedAt !== undefined) this.#failure ??= new Error("a server's subscription was joined twice");
        this.#joinedAt = cursor;
        this.#joinedMs = time.now();
      },
      entry: (entry, replayed) => {
        this.messages++;
        this.#checkReplayed(entry.id, replayed);
        this.#ledger.event(entry.id, entry.event);
        return work(entry.id);
      },
      gap: (gap) => {
        this.gaps++;
        this.#ledger.gap(gap);
        const { after, cursor, reason } = gap;
        demand(
          reason === "reset" || reason === "unproven" || log.isGone(after, cursor),
          () => `a gap over nothing on a server, from ${after} to ${cursor}`,
        );
        return work(gap.cursor);
      },
      failed: () => {
        if (this.#joinedAt !== undefined) this.#failure ??= new Error("a server's subscription that was joined was given up");
        this.#isRefused = true;
      },
      thrown: (error) => (this.#failure ??= error),
    });
    this.#subscription.open(hub.attach(channel, this.#subscription, start));
  }

  /** What was stored before it was joined is a replay, as far as its server knew of it; what was stored later is none. */
  #checkReplayed(id: RealtimeCursor, replayed: boolean): void {
    const mayBe = this.#log.storedAt(id) <= this.#joinedMs;
    const mustBe = this.#log.resets === 0 && compareCursors(id, this.#heard) <= 0;
    demand(
      replayed ? mayBe : !mustBe,
      () => `${id} is given to a handler as ${replayed ? "a replay" : "new"}, which it is not`,
    );
  }

  end(): void {
    this.#subscription.end();
  }

  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Whether everything has come that is stored. */
  get hasAll(): boolean {
    return this.#isRefused || (!this.#isBusy && this.#joinedAt !== undefined && this.#ledger.missing().length === 0);
  }

  /** What is held has come. */
  checkHeld(): void {
    this.check();
    if (this.#isRefused) return;
    demand(this.#joinedAt !== undefined, () => `a server's subscription to ${this.channel} was never joined`);
    const missing = this.#ledger.missing();
    demand(missing.length === 0, () => `${this.channel}: ${missing.join()} is missing on a server`);
    const { position } = this.#ledger;
    demand(
      compareCursors(position, this.#log.last) <= 0 || isOrigin(position) || this.#log.resets > 0,
      () => `${this.channel}: ${position} was never stored`,
    );
  }
}
