import type { Broker, Listener } from "../brokers/broker.ts";
import type { WireCode } from "../protocol/codes.ts";
import type { Clock, Timer } from "../protocol/clock.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { isTidingsError } from "../protocol/error.ts";
import {
  MAX_LINGERING_TOPICS,
  MAX_READS_IN_FLIGHT,
  PROBE_MS,
  TOPIC_LINGER_MS,
  TOTAL_CATCH_UP_QUEUE_BYTES,
  TOTAL_RING_BYTES,
  TOTAL_SHELF_BYTES,
} from "../protocol/limits.ts";
import { CONTROL_CHANNEL } from "../protocol/names.ts";
import { Backlog } from "./backlog.ts";
import type { Feed, FeedStart, Session } from "./feed.ts";
import { Heartbeat } from "./heartbeat.ts";
import { PageSession, type PageOptions } from "./page-session.ts";
import { ReadLimiter } from "./read-limiter.ts";
import type { ByteBudget } from "./ring.ts";
import { StreamSession, type Flushed, type SessionHost, type Sink, type StreamOptions } from "./stream-session.ts";
import { Topic, type TopicHost } from "./topic.ts";
import { HubWatch } from "./watch.ts";

/** Where a hub says what an operator should know. */
export interface HubLogger {
  warn(message: string, ...details: unknown[]): void;
}

export interface HubOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: HubLogger;
  readonly heartbeatMs: number;
}

/** One channel of a stream or page that is being opened. */
export interface ChannelRequest {
  readonly channel: string;
  readonly start: FeedStart;
  /** Why the client may not have it, if so: the others flow. */
  readonly refused?: WireCode | undefined;
}

/** After a reconnection the topics of a process read the log within this many milliseconds per topic, at most a second. */
const RESTORE_JITTER_MS_PER_TOPIC = 2;

/**
 * One per process and broker: holds the one subscription, knows the channels that someone here listens to, and fans out. At the
 * end of a turn each topic gives what it accepted to its live feeds, then each session that gathered something writes once.
 */
export class Hub implements TopicHost, SessionHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  readonly limiter: ReadLimiter = new ReadLimiter(MAX_READS_IN_FLIGHT);
  readonly ringBudget: ByteBudget = { used: 0, max: TOTAL_RING_BYTES };
  readonly shelfBudget: ByteBudget = { used: 0, max: TOTAL_SHELF_BYTES };
  readonly queueBudget: ByteBudget = { used: 0, max: TOTAL_CATCH_UP_QUEUE_BYTES };
  readonly watch: HubWatch;
  /** What those who use this hub say: the time that a channel's log lives at least after each of its entries, in milliseconds. */
  readonly lives: Set<(channel: string) => number> = new Set();
  readonly backlog: Backlog;
  readonly #logger: HubLogger;
  readonly #topics = new Map<string, Topic>();
  readonly #lingering = new Map<Topic, Timer>();
  #listener: Listener | undefined;
  #dirtyTopics: Topic[] = [];
  #dirtySessions: Flushed[] = [];
  #flushPlanned = false;
  #saidUnreadable = false;
  #saidBacklog = false;
  #closed = false;

  constructor({ broker, clock, logger, heartbeatMs }: HubOptions) {
    this.broker = broker;
    this.clock = clock;
    this.#logger = logger;
    this.heartbeat = new Heartbeat(clock, heartbeatMs);
    this.watch = new HubWatch(broker, clock);
    this.backlog = new Backlog((bytes) => this.#sayBacklog(bytes));
  }

  /** Streams that are open. */
  get streams(): number {
    return this.heartbeat.size;
  }

  /** Channels that are subscribed to. */
  get topics(): number {
    return this.#topics.size;
  }

  /** Those of them that users know of. */
  get channels(): number {
    return this.#topics.size - Number(this.#topics.has(CONTROL_CHANNEL));
  }

  /** Subscribes a session to a channel. */
  attach(channel: string, session: Session, start: FeedStart): Feed {
    return this.#topic(channel).attach(session, start);
  }

  /** Opens a stream on the channels of one request. */
  openStream(sink: Sink, channels: readonly ChannelRequest[], options: StreamOptions): StreamSession {
    const session = new StreamSession(sink, this, { ...options, channels: channels.length });
    session.open(this.#attachAll(channels, session));
    return session;
  }

  /** Begins a page on the channels of one request. @param answer as {@link PageSession} calls it. */
  openPage(channels: readonly ChannelRequest[], options: PageOptions, answer: (body: string | undefined) => void): PageSession {
    const starts = channels.map(({ start }) => start);
    const session = new PageSession(this, { ...options, starts }, answer);
    session.open(this.#attachAll(channels, session));
    return session;
  }

  scheduleSession(session: Flushed): void {
    this.#dirtySessions.push(session);
    this.#planFlush();
  }

  // What topics ask of their hub

  lifeOf(channel: string): number {
    return Math.min(...[...this.lives].map((lifeOf) => lifeOf(channel)));
  }

  schedule(topic: Topic): void {
    this.#dirtyTopics.push(topic);
    this.#planFlush();
  }

  idle(topic: Topic): void {
    // Without frames it could serve nobody who comes back; and a request may name any channel, so that such topics cost nothing.
    // Nor does anybody come back to what servers tell each other.
    if (!topic.holdsFrames || topic.channel === CONTROL_CHANNEL) {
      this.#drop(topic);
      return;
    }
    this.#lingering.set(
      topic,
      this.clock.setTimeout(() => this.#drop(topic), TOPIC_LINGER_MS),
    );
    const [oldest] = this.#lingering.keys();
    if (oldest && this.#lingering.size > MAX_LINGERING_TOPICS) this.#drop(oldest);
  }

  /** Says once per process that a log holds what is no event: who reads it is moved past it. */
  unreadable(channel: string, cursor: RealtimeCursor): void {
    if (this.#saidUnreadable) return;
    this.#saidUnreadable = true;
    this.#logger.warn(
      `tidings: the log of channel "${channel}" holds an entry (${cursor}) from which no event can be read: something else writes to that log, or a later version of tidings does. Readers pass over it. This is said once.`,
    );
  }

  refused(topic: Topic, error: unknown): void {
    this.#logger.warn(
      `tidings: channel "${topic.channel}" cannot be read just now. It is tried again, at least every ${PROBE_MS / 1_000} s; until then its subscribers get nothing new, and nothing is lost that the log still holds.`,
      error,
    );
  }

  failed(topic: Topic, error: unknown): void {
    this.#drop(topic);
    this.#logger.warn(`tidings: channel "${topic.channel}" cannot be read; its subscribers were told so.`, error);
  }

  /** Closes the topics and the broker, and leaves no timer behind. The sessions have been ended by their owners. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const topic of [...this.#topics.values()]) this.#drop(topic);
    this.#listener?.close();
    await this.broker.close();
  }

  #sayBacklog(bytes: number): void {
    if (this.#saidBacklog) return;
    this.#saidBacklog = true;
    this.#logger.warn(
      `tidings: ${bytes} bytes wait for slow readers, more than all of them may have (\`limits.maxTotalBufferedBytes\` of \`Realtime\`). The streams for which the most waits are ended until it is less; their clients come back by their cursors. This is said once.`,
    );
  }

  #attachAll(channels: readonly ChannelRequest[], session: StreamSession | PageSession): Array<Feed | undefined> {
    return channels.map(({ channel, start, refused }) => {
      if (!refused) return this.attach(channel, session, start);
      session.problem(channel, refused);
      return undefined;
    });
  }

  #topic(channel: string): Topic {
    const known = this.#topics.get(channel);
    if (known) {
      this.clock.clearTimeout(this.#lingering.get(known));
      this.#lingering.delete(known);
      return known;
    }
    const topic = new Topic(channel, this);
    this.#topics.set(channel, topic);
    void this.#join(topic);
    return topic;
  }

  async #join(topic: Topic): Promise<void> {
    try {
      this.#listener ??= this.#listen();
      await this.#listener.join(topic.channel);
      this.watch.broker.answered();
      if (this.#topics.get(topic.channel) === topic) topic.heardFrom();
    } catch (error) {
      // A broker can fail at once, before the topic has its first feed.
      await Promise.resolve();
      if (this.#topics.get(topic.channel) !== topic) return;
      if (this.#closed || (isTidingsError(error) && error.code === "closed")) return;
      topic.fail(error);
    }
  }

  #listen(): Listener {
    return this.broker.listen({
      entry: (channel, entry) => this.#topics.get(channel)?.hear(entry),
      moved: (channel, last, prev) => this.#topics.get(channel)?.moved(last, prev),
      lost: (channels) => {
        if (!channels) this.watch.broker.lost();
        for (const channel of channels ?? [...this.#topics.keys()]) {
          const topic = this.#topics.get(channel);
          if (topic && this.#lingering.has(topic)) this.#drop(topic);
          else topic?.lost();
        }
      },
      restored: (channels) => {
        this.watch.broker.answered();
        const spreadMs = Math.min(1_000, channels.length * RESTORE_JITTER_MS_PER_TOPIC);
        for (const channel of channels) this.#topics.get(channel)?.heardFrom(this.clock.random() * spreadMs);
      },
    });
  }

  #drop(topic: Topic): void {
    this.clock.clearTimeout(this.#lingering.get(topic));
    this.#lingering.delete(topic);
    if (this.#topics.get(topic.channel) !== topic) return;
    this.#topics.delete(topic.channel);
    topic.close();
    this.#listener?.leave(topic.channel);
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(() => {
      this.#flushPlanned = false;
      const topics = this.#dirtyTopics;
      this.#dirtyTopics = [];
      for (const topic of topics) topic.flush();
      const sessions = this.#dirtySessions;
      this.#dirtySessions = [];
      for (const session of sessions) session.flush();
    });
  }
}
