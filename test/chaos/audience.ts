/** Readers with the real client, publishers, and what they saw of each other. */
import { setTimeout as sleep } from "node:timers/promises";
import { createRealtimeClient } from "../../src/client/core.ts";
import type { RealtimeClient } from "../../src/client/options.ts";
import { isTidingsError } from "../../src/protocol/error.ts";
import { until } from "../support/until.ts";
import { tally, type Fate, type Step, type Tally } from "./tally.ts";

/** What an emit of a test needs of a `Realtime`. */
export interface Emitter {
  channel(name: string): { emit(event: string, data: unknown): Promise<unknown> };
}

/** Emits on one channel, one event after the other, numbered from 1, and keeps what became of each. */
export class Publisher {
  readonly fates: Fate[] = [];
  readonly #channel: string;
  readonly #emitter: Emitter;
  readonly #everyMs: number;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  constructor(emitter: Emitter, channel: string, everyMs: number) {
    this.#emitter = emitter;
    this.#channel = channel;
    this.#everyMs = everyMs;
    this.#running = this.#run();
  }

  get channel(): string {
    return this.#channel;
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#emit();
      // oxlint-disable-next-line no-await-in-loop
      await sleep(this.#everyMs, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
  }

  /** @returns whether it was stored. */
  async #emit(): Promise<boolean> {
    const at = this.fates.push("unknown") - 1;
    try {
      await this.#emitter.channel(this.#channel).emit("count.up", { n: at + 1 });
      this.fates[at] = "stored";
    } catch (error) {
      // Nothing else may ever be said to who emits.
      if (!isTidingsError(error)) throw error;
      if (error.code !== "outcome_unknown") this.fates[at] = "refused";
    }
    return this.fates[at] === "stored";
  }

  /** Ends, with a last event that is stored: what follows it can be waited for. */
  async finish(): Promise<void> {
    this.#ended.abort();
    await this.#running;
    await until(`a last event on ${this.#channel}`, async () => (await this.#emit()) || undefined, { timeoutMs: 60_000 });
  }
}

/** One reader's way to the servers: which of them a request goes to. */
export type Route = (attempt: number) => string;

/** A page of its own somewhere: a client that is subscribed to some channels. */
class Reader {
  readonly steps = new Map<string, Step[]>();
  readonly client: RealtimeClient;

  constructor(channels: readonly string[], route: Route) {
    let attempt = 0;
    for (const channel of channels) this.steps.set(channel, []);
    this.client = createRealtimeClient({
      api: { url: "/api/realtime" },
      fetch: (input, init) => fetch(new URL(input as string, route(attempt++)), init),
    });
    const stepsOf = (channel: string): Step[] => this.steps.get(channel) as Step[];
    this.client.subscribe({
      channels: [...channels],
      onData: ({ channel, data }) => stepsOf(channel).push((data as { n: number }).n),
      onGap: ({ channel }) => stepsOf(channel).push("gap"),
    });
  }
}

export interface AudienceOptions {
  readonly readers: number;
  /** The channels of the reader with this number. */
  readonly channelsOf: (reader: number) => readonly string[];
  /** The way of the reader with this number. */
  readonly routeOf: (reader: number) => Route;
}

/** So many readers. */
export class Audience implements Disposable {
  readonly #readers: Reader[];

  constructor({ readers, channelsOf, routeOf }: AudienceOptions) {
    this.#readers = Array.from({ length: readers }, (_, number) => new Reader(channelsOf(number), routeOf(number)));
  }

  /** How many have the status "connected". */
  get connected(): number {
    return this.#readers.filter(({ client }) => client.getStatus() === "connected").length;
  }

  /** Resolves when all are connected. */
  async ready(): Promise<void> {
    const all = this.#readers.length;
    await until(`${all} readers`, async () => (this.connected === all ? true : undefined), { timeoutMs: 60_000 });
  }

  /**
   * Resolves when everybody has the last event of each channel, or was told that it may be missing: with what each was shown of each
   * channel.
   */
  async settle(publishers: readonly Publisher[]): Promise<Tally[]> {
    for (const publisher of publishers) {
      // oxlint-disable-next-line no-await-in-loop -- the last one of each
      await publisher.finish();
    }
    const lasts = new Map(publishers.map(({ channel, fates }) => [channel, fates.length]));
    const isThere = ({ steps }: Reader): boolean =>
      [...steps].every(([channel, seen]) => seen.at(-1) === lasts.get(channel) || seen.at(-1) === "gap");
    await until(
      "the last event at everybody",
      async () => (this.#readers.every(isThere) ? true : undefined),
      // A lost connection comes back within 30 s by itself, one that went silent is found out after 37.5 s.
      { timeoutMs: 120_000, everyMs: 50 },
    ).catch(() => {
      // The tally says what is missing.
    });
    const fatesOf = new Map(publishers.map(({ channel, fates }) => [channel, fates]));
    return this.#readers.flatMap(({ steps }) =>
      [...steps].map(([channel, seen]) => tally(fatesOf.get(channel) as Fate[], seen)),
    );
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#readers) client.destroy();
  }
}
