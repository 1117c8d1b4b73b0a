import { createRealtimeClient } from "../../src/client/client.ts";
import type { RealtimeClient } from "../../src/client/options.ts";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";
import { CheckedSubscriber, type Logs } from "../support/checked-subscriber.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";
import type { SimulatedTime } from "./simulated-time.ts";
import { WireTap } from "./wire-tap.ts";

const MAX_SUBSCRIBERS = 8;

/** A browser's page: a client and its subscribers. */
export class Page {
  messages = 0;
  gaps = 0;
  readonly #time: SimulatedTime;
  readonly #tap: WireTap;
  readonly #logs: Logs;
  readonly #onShown: (channel: string, cursor: RealtimeCursor) => void;
  #client: RealtimeClient;
  #subscribers: CheckedSubscriber[] = [];

  constructor(network: SimulatedNetwork, redis: SimulatedRedis, onShown: (channel: string, cursor: RealtimeCursor) => void) {
    this.#time = network.time;
    this.#tap = new WireTap(network, redis);
    // A stream that is on its way may lag behind the log.
    this.#logs = {
      log: (channel) => redis.log(channel),
      heard: (channel) => redis.heard(channel),
      mayLag: () => true,
      former: (channel) => redis.log(channel),
      isReplay: (id) => this.#tap.isReplay(id),
    };
    this.#onShown = onShown;
    this.#client = this.#open();
  }

  #open(): RealtimeClient {
    return createRealtimeClient({ api: { url: "/events" }, fetch: this.#tap.fetch, clock: this.#time });
  }

  subscriber(which: number): CheckedSubscriber | undefined {
    return this.#subscribers[which % Math.max(1, this.#subscribers.length)];
  }

  subscribe(channels: readonly string[], which: number): void {
    if (this.#subscribers.length >= MAX_SUBSCRIBERS) return;
    const subscriber = new CheckedSubscriber(this.#client, this.#logs, which % 5 === 0 ? ["x.two"] : []);
    subscriber.onShown = this.#onShown;
    const held = channels.map((channel) => {
      const { entries } = this.#logs.log(channel);
      return [channel, entries[which % Math.max(1, entries.length)]?.id] as const;
    });
    const after = Object.fromEntries(held.filter(([, id]) => id)) as Record<string, RealtimeCursor>;
    const starts = [{}, {}, { history: true }, { history: { limit: 1 + (which % 4) } }, { after }] as const;
    subscriber.start(channels, starts[(which >> 3) % starts.length]);
    this.#subscribers.push(subscriber);
  }

  /** Stops, and goes on where it stood. */
  goOn(which: number): void {
    const subscriber = this.subscriber(which);
    subscriber?.start([...subscriber.cursors.keys()]);
  }

  /** The page goes, with everybody on it. */
  reload(): void {
    this.#count();
    this.#client.destroy();
    this.#client = this.#open();
    this.#subscribers = [];
  }

  /** Whether its status is that of a page where all is well. */
  get #isAsItShould(): boolean {
    const isWanted = this.#subscribers.some(({ channels }) => channels.length > 0);
    return this.#client.getStatus() === (isWanted ? "connected" : "disconnected");
  }

  /** Whether all is well, and everything has come that is stored. */
  get hasAll(): boolean {
    return this.#isAsItShould && this.#subscribers.every(({ hasAll }) => hasAll);
  }

  /** What has come so far was right. */
  check(): void {
    this.#tap.check();
    for (const subscriber of this.#subscribers) subscriber.check();
  }

  /** What is held has come. */
  checkHeld(): void {
    for (const subscriber of this.#subscribers) subscriber.checkHeld();
  }

  /** Everything has come. */
  finish(): void {
    for (const subscriber of this.#subscribers) subscriber.finish();
    if (!this.#isAsItShould) throw new Error(`the status is "${this.#client.getStatus()}" when all is well`);
  }

  close(): void {
    this.#count();
    this.#client.destroy();
  }

  #count(): void {
    this.check();
    for (const { messages, gaps } of this.#subscribers) {
      this.messages += messages;
      this.gaps += gaps;
    }
  }
}
