import { Subscription } from "../hub/subscription.ts";
import type { Clock, Timer } from "../protocol/clock.ts";
import { TidingsError } from "../protocol/error.ts";
import { CONTROL_CHANNEL, isChannelName } from "../protocol/names.ts";
import type { Draft, Entry, Retention } from "../brokers/broker.ts";
import type { FeedStart } from "../hub/feed.ts";
import type { Hub } from "../hub/hub.ts";
import type { RealtimeLogger } from "./internals.ts";
import type { OpenSessions } from "./open-sessions.ts";

/** Whose streams and pages are meant: of this user, those that have this channel, or both. */
export interface DisconnectTarget {
  readonly user?: string | undefined;
  readonly channel?: string | undefined;
}

/** What disconnecting needs of its `Realtime`. */
export interface DisconnectHost {
  readonly clock: Clock;
  readonly logger: RealtimeLogger;
  readonly sessions: OpenSessions;
  /** @throws TidingsError `closed` */
  hub(): Hub;
  append(channel: string, draft: Omit<Draft, "emitId">, retention: Retention, timeoutMs: number): Promise<unknown>;
}

/** How long an order may take, in two parts. */
export interface DisconnectTimes {
  /** Until it is stored. */
  readonly storeMs: number;
  /** For the answers of other processes. */
  readonly answerMs: number;
}

/** Told to the other processes. */
const ORDER = "control.disconnect";
/** What one of them has to say about it: only when it has ended something. */
const ANSWER = "control.disconnected";
/** A process that was cut off for no longer than this hears of the orders meanwhile. */
export const CONTROL_RETENTION: Retention = { maxLength: 1_000, expireAfterMs: 3_600_000 };
/** An order of this age can have expired. A minute less than the log lives: a loss is noticed late, and clocks run apart. */
const EXPIRED_MS = CONTROL_RETENTION.expireAfterMs - 60_000;
/** All that is in the log. */
const HELD: FeedStart = { kind: "held" };
/** Who has given an order, and guards nothing, looks at so many of the newest entries for answers that were there before it could listen. */
const ANSWERS = 100;
/** For so long a process tries to say what it has ended: nobody waits for longer, as a rule. */
const ANSWER_MS = 10_000;
/** After the broker refused the control log, it is asked again no sooner than this. */
const RETRY_MS = 10_000;
/** Orders that are remembered: for requests which were being decided when they came, and so as to obey each once. As many as the log keeps. */
const MAX_REMEMBERED = CONTROL_RETENTION.maxLength;

/**
 * Ends streams and pages in all processes of one broker and prefix. Processes speak to each other through a log of their own: it
 * reaches those for which the connection is away just now, when it is back.
 */
export class Disconnects {
  readonly #host: DisconnectHost;
  readonly #self: string = randomId();
  /** The newest orders that were obeyed here, the last at the end. */
  readonly #obeyed: DisconnectTarget[] = [];
  /** The newest orders of others that were heard, by their ids. */
  readonly #heard = new Set<string>();
  #count = 0;
  /** By order: what other processes said that they ended. */
  readonly #awaited = new Map<string, Map<string, number>>();
  /** Ends the wait for answers. */
  readonly #waits = new Map<Timer, () => void>();
  #subscription: Subscription | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #isGuarding = false;
  #isClosed = false;

  constructor(host: DisconnectHost) {
    this.#host = host;
  }

  /** Orders obeyed here so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether one of the orders since `count` was so many meant this user, or one of these channels. */
  hit(count: number, user: string | undefined, channels: readonly string[]): boolean {
    if (count < this.#count - this.#obeyed.length) return true;
    const since = this.#obeyed.slice(this.#obeyed.length - (this.#count - count));
    return since.some(
      (target) =>
        (target.user === undefined || target.user === user) &&
        (target.channel === undefined || channels.includes(target.channel)),
    );
  }

  /** Obeys other processes from now on: this one has a stream that was let in by a decision, which can be withdrawn. */
  guard(): void {
    const waitsForAnswers = !this.#isGuarding && this.#subscription !== undefined;
    this.#isGuarding = true;
    // Who listened for answers alone has passed over what was ordered before.
    if (waitsForAnswers) this.#hearFrom(HELD);
    else this.#listen();
  }

  /**
   * Ends them here and everywhere, and resolves with how many. Here they are ended in any case.
   * @throws TidingsError `broker_unavailable` when the others could not be told, `closed`
   */
  async order(target: DisconnectTarget, { storeMs, answerMs }: DisconnectTimes): Promise<number> {
    this.#host.hub();
    const here = this.#obey(target);
    const id = randomId();
    const answers = new Map<string, number>();
    this.#awaited.set(id, answers);
    try {
      this.#listen();
      await this.#tell(ORDER, { id, from: this.#self, ...target }, storeMs);
      await this.#wait(answerMs);
    } catch (error) {
      if (this.#isClosed) throw error;
      throw new TidingsError(
        "broker_unavailable",
        `\`disconnect\` ended ${here} here, and could not tell the other servers: \`cause\` has the reason. Call it again, for it does no harm twice.`,
        { cause: error },
      );
    } finally {
      this.#awaited.delete(id);
      if (!this.#isGuarding && this.#awaited.size === 0) this.#deafen();
    }
    return [...answers.values()].reduce((sum, ended) => sum + ended, here);
  }

  /** Leaves no timer behind; who waits for answers has what came by now. */
  close(): void {
    this.#isClosed = true;
    this.#deafen();
    for (const end of this.#waits.values()) end();
  }

  #obey(target: DisconnectTarget): number {
    this.#count++;
    this.#obeyed.push(target);
    if (this.#obeyed.length > MAX_REMEMBERED) this.#obeyed.shift();
    return this.#host.sessions.disconnect(target);
  }

  #listen(): void {
    if (this.#subscription || this.#isClosed || this.#host.clock.now() - this.#refusedAt < RETRY_MS) return;
    // The first stream can be older than the ears. No clock is asked by how much, for those of two servers differ: an old order that is
    // obeyed once more ends the few streams that were let in since, and they come back.
    this.#hearFrom(this.#isGuarding ? HELD : { kind: "newest", count: ANSWERS });
  }

  #hearFrom(start: FeedStart): void {
    const subscription = new Subscription({
      joined: () => {},
      entry: (entry) => this.#hear(entry),
      gap: ({ reason }) => {
        // A log that has expired, or may have come and gone. What was ordered in a short time of silence, its next life holds. To end
        // everything whenever Redis was started anew would be worse than the order that it lost.
        if (reason === "reset" || reason === "unproven") {
          if (feed.source.deafMs >= EXPIRED_MS) this.#endOld();
          return this.#hearFrom(HELD);
        }
        const ended = this.#obey({});
        this.#host.logger.warn(
          `tidings: this server was cut off from its broker while there were so many calls of \`disconnect\` that it may have missed one. All its streams and pages (${ended}) were ended; their clients come back, and are decided anew.`,
        );
      },
      failed: () => {
        this.#subscription = undefined;
        this.#refusedAt = this.#host.clock.now();
        this.#host.logger.warn(
          `tidings: \`disconnect\` on another server does not reach this one, for the broker refuses the log ${JSON.stringify(CONTROL_CHANNEL)}. Its own words are above.`,
        );
      },
      thrown: (error) => this.#host.logger.error("tidings: an order to disconnect could not be carried out.", error),
    });
    const before = this.#subscription;
    this.#subscription = subscription;
    const feed = this.#host.hub().attach(CONTROL_CHANNEL, subscription, start);
    subscription.open(feed);
    before?.end();
  }

  /** Orders have expired unheard: each of them is older than all streams but these. */
  #endOld(): void {
    const ended = this.#host.sessions.endOlderThan(EXPIRED_MS);
    if (ended === 0) return;
    this.#host.logger.warn(
      `tidings: this server was cut off from its broker for so long that calls of \`disconnect\` may have expired unheard. Its streams and pages that are older than that (${ended}) were ended; their clients come back, and are decided anew.`,
    );
  }

  #deafen(): void {
    this.#subscription?.end();
    this.#subscription = undefined;
  }

  #hear({ event, json }: Entry): void {
    // Another process may be of a later version, so that nothing about it is believed.
    const fields = JSON.parse(json) as Readonly<Record<string, unknown>> | null;
    const { id, from, ended, user, channel } = fields ?? {};
    if (typeof id !== "string" || typeof from !== "string" || from === this.#self) return;
    if (event === ANSWER && typeof ended === "number") this.#awaited.get(id)?.set(from, ended);
    if (!this.#isGuarding || event !== ORDER || !isTarget({ user, channel }) || this.#heard.has(id)) return;
    this.#heard.add(id);
    if (this.#heard.size > MAX_REMEMBERED) this.#heard.delete(this.#heard.values().next().value as string);
    const count = this.#obey({ user, channel } as DisconnectTarget);
    if (count > 0) void this.#answer(id, count);
  }

  async #answer(id: string, ended: number): Promise<void> {
    try {
      await this.#tell(ANSWER, { id, from: this.#self, ended }, ANSWER_MS);
    } catch {
      // They are ended; one who counts them does without.
    }
  }

  async #tell(event: string, fields: object, timeoutMs: number): Promise<void> {
    await this.#host.append(CONTROL_CHANNEL, { event, json: JSON.stringify(fields) }, CONTROL_RETENTION, timeoutMs);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve();
      const end = (): void => {
        this.#host.clock.clearTimeout(timer);
        this.#waits.delete(timer);
        resolve();
      };
      const timer = this.#host.clock.setTimeout(end, ms, "keepAlive");
      this.#waits.set(timer, end);
    });
  }
}

/** Whether it names somebody: an order that names nobody would end all streams everywhere. */
export function isTarget({ user, channel }: { readonly user?: unknown; readonly channel?: unknown }): boolean {
  if (user === undefined && channel === undefined) return false;
  return (user === undefined || typeof user === "string") && (channel === undefined || isChannelName(channel));
}

function randomId(): string {
  return Math.random().toString(36).slice(2, 12).padEnd(10, "0");
}
