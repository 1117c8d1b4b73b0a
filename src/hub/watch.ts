import type { Broker } from "../brokers/broker.ts";
import type { Clock } from "../protocol/clock.ts";
import { noRefusals, type GapReason, type RefusalReason } from "../protocol/codes.ts";
import type { Gap } from "../protocol/frames.ts";
import { BrokerWatch } from "./broker-watch.ts";
import type { Feed } from "./feed.ts";
import type { Frame } from "./frame.ts";
import type { HubObserver, TracedEntry } from "./observer.ts";

/** What has happened to a reader that came back, until it has caught up. */
export interface OpenReplay {
  readonly since: number;
  events: number;
  readsLog: boolean;
}

/**
 * Sees what happens in a hub: the hub, its topics and its sessions tell it, in one word each. It counts, and tells those who want to hear.
 * What is done per event is done once per batch, however many readers there are.
 */
export class HubWatch {
  /** Told of the broker; of everything else, the one to whom the session belongs. */
  readonly observers: Set<HubObserver> = new Set();
  readonly broker: BrokerWatch;
  readonly #clock: Clock;

  // Since the hub was made
  emits = 0;
  stored = 0;
  notStored = 0;
  /** Events, each as often as there were readers to whom it was given. */
  deliveries = 0;
  /** Of streams, their heartbeats included. */
  bytesSent = 0;
  replaysFromMemory = 0;
  replaysFromLog = 0;
  logReads = 0;
  /** Requests that got neither a stream nor a page. */
  readonly refusals: Record<RefusalReason, number> = noRefusals();
  readonly gaps: Record<GapReason, number> = { trimmed: 0, reset: 0, unproven: 0, limit: 0 };

  // Now
  pages = 0;
  subscriptions = 0;
  lagging = 0;

  constructor(broker: Broker, clock: Clock) {
    this.#clock = clock;
    this.broker = new BrokerWatch(broker, clock, (status, durationMs) => {
      for (const observer of this.observers) observer.broker(status, durationMs);
    });
  }

  // What topics tell

  /** Frames are about to be given to all who are up to date. @returns to be called when they were, if somebody traces one of them */
  fan(frames: readonly Frame[], live: ReadonlySet<Feed>): (() => void) | undefined {
    if (live.size === 0) return undefined;
    const traced: TracedEntry[] = [];
    for (const { gap, entry, isUnreadable } of frames) {
      if (gap) this.#toldAll(gap, live);
      if (!entry || isUnreadable) continue;
      this.deliveries += live.size;
      if (entry.trace !== undefined) traced.push(entry as TracedEntry);
    }
    return traced.length > 0 ? this.#trace(traced, live) : undefined;
  }

  /** Frames are given to one who is not. */
  give(feed: Feed, frames: readonly Frame[]): void {
    for (const { gap, entry, isUnreadable } of frames) {
      if (gap) this.#told(gap, feed);
      else if (entry && !isUnreadable) this.#gave(feed);
    }
  }

  /** A reader asks for what was before it. */
  returned(feed: Feed): void {
    feed.replay = { since: this.#clock.now(), events: 0, readsLog: false };
  }

  /** A reader that was up to date is so no more. */
  fellBehind(feed: Feed): void {
    const { reader } = feed.session;
    // A page that is full is no slow reader: the next one goes on.
    if (reader?.kind === "page") return;
    this.lagging++;
    feed.laggingSince = this.#clock.now();
    reader?.observer.lag(reader, { channel: feed.channel, isBehind: true, durationMs: 0 });
  }

  caughtUp(feed: Feed): void {
    const { channel, replay, laggingSince, session } = feed;
    const { reader } = session;
    if (replay) {
      feed.replay = undefined;
      if (replay.readsLog) this.replaysFromLog++;
      else this.replaysFromMemory++;
      const durationMs = this.#clock.now() - replay.since;
      reader?.observer.replayed(reader, {
        channel,
        events: replay.events,
        from: replay.readsLog ? "log" : "memory",
        durationMs,
      });
    }
    if (laggingSince === undefined) return;
    this.left(feed);
    reader?.observer.lag(reader, { channel, isBehind: false, durationMs: this.#clock.now() - laggingSince });
  }

  /** A reader is gone, and with it its lag. */
  left(feed: Feed): void {
    if (feed.laggingSince === undefined) return;
    feed.laggingSince = undefined;
    this.lagging--;
  }

  // What is asked of the broker

  /** Counts a look into a log, and learns from its outcome. */
  read<T>(answer: Promise<T>): Promise<T> {
    this.logReads++;
    answer.then(
      () => this.broker.answered(),
      (error: unknown) => this.broker.failed(error),
    );
    return answer;
  }

  #gave(feed: Feed): void {
    this.deliveries++;
    if (feed.replay) feed.replay.events++;
  }

  #told(gap: Gap, { session: { reader } }: Feed): void {
    this.gaps[gap.reason]++;
    reader?.observer.gap(gap, 1, reader);
  }

  #toldAll(gap: Gap, live: ReadonlySet<Feed>): void {
    this.gaps[gap.reason] += live.size;
    for (const [observer, readers] of byObserver(live)) observer.gap(gap, readers);
  }

  #trace(entries: readonly TracedEntry[], live: ReadonlySet<Feed>): () => void {
    const startedAt = this.#clock.now();
    const observers = byObserver(live);
    const [{ channel }] = live as Iterable<Feed> as [Feed];
    return () => {
      const durationMs = this.#clock.now() - startedAt;
      for (const { id, event, trace } of entries)
        for (const [observer, readers] of observers) observer.delivered({ channel, id, event, trace, readers, durationMs });
    };
  }
}

/** What a topic tells of itself. */
export type TopicWatch = Pick<HubWatch, "fan" | "give" | "returned" | "fellBehind" | "caughtUp" | "left" | "read">;

/** Sees nothing: for a topic that is nobody's business, as that through which servers speak to each other. */
export const UNWATCHED: TopicWatch = {
  fan: () => undefined,
  give() {},
  returned() {},
  fellBehind() {},
  caughtUp() {},
  left() {},
  read: (answer) => answer,
};

/** How many of these readers belong to each observer. */
function byObserver(feeds: Iterable<Feed>): ReadonlyMap<HubObserver, number> {
  const counts = new Map<HubObserver, number>();
  for (const { session } of feeds) {
    const observer = session.reader?.observer;
    if (observer) counts.set(observer, (counts.get(observer) ?? 0) + 1);
  }
  return counts;
}
