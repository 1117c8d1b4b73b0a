import type { Draft, Retention } from "../brokers/broker.ts";
import type { ChannelRequest, Hub } from "../hub/hub.ts";
import type { PageSession } from "../hub/page-session.ts";
import type { Sink, StreamSession } from "../hub/stream-session.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { RefusalReason } from "../protocol/codes.ts";
import { TidingsError } from "../protocol/error.ts";
import { CONTROL_CHANNEL } from "../protocol/names.ts";
import { DEFAULT_CHANNEL } from "../protocol/names.ts";
import { toJson } from "../schema/json.ts";
import type { CompiledSchema } from "../schema/compile.ts";
import { brokerFailure } from "./broker-failure.ts";
import { CONTROL_RETENTION, Disconnects } from "./disconnects.ts";
import { Drain } from "./drain.ts";
import type { OpenPageRequest, OpenRequest, OpenStreamRequest, RealtimeInternals } from "./internals.ts";
import type { RealtimeHealth } from "./health.ts";
import { Observers } from "./observers.ts";
import { OpenSessions } from "./open-sessions.ts";
import { OpenSubscriptions } from "./open-subscriptions.ts";
import type { Settings } from "./options.ts";
import { leaseHub, type HubLease } from "./registry.ts";
import { statsOf, type RealtimeStats } from "./stats.ts";
import type { BrokerSource } from "./resolve-broker.ts";
import { systemClock, type Clock } from "../protocol/clock.ts";
import { BUN_HEARTBEAT_MS, HEARTBEAT_MS } from "../protocol/limits.ts";

const IS_BUN = "Bun" in globalThis;
const PROCESS_ID = Math.random().toString(36).slice(2, 10).padEnd(8, "0");
let emits = 0;

/** An emit of which somebody wants to hear. */
interface WatchedEmit {
  /** The trace context that goes with it. */
  readonly trace: string | undefined;
  settled(cursor: RealtimeCursor | undefined, error: TidingsError | undefined): void;
}

/** What every use of a closed `Realtime` gets. */
function closedError(): TidingsError {
  return new TidingsError("closed", "this Realtime was closed. Make a new one to go on.");
}

/** What the channels of one `Realtime` share. */
export class RealtimeCore implements RealtimeInternals {
  readonly clock: Clock = systemClock;
  readonly settings: Settings;
  readonly schema: CompiledSchema;
  readonly subscriptions: OpenSubscriptions = new OpenSubscriptions();
  readonly disconnector: Disconnects;
  readonly observers: Observers;
  readonly sessions: OpenSessions;
  /** What is kept of single channels, where it differs from the instance. */
  readonly retentions: Map<string, Retention> = new Map();
  readonly whenClosed: Set<() => void> = new Set();
  readonly #source: BrokerSource;
  #lease: HubLease | undefined;
  #reaching: Promise<void> | undefined;
  #drain: Drain | undefined;
  #drained: Promise<void> | undefined;
  #isClosed = false;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings, schema: CompiledSchema, source: BrokerSource) {
    this.settings = settings;
    this.schema = schema;
    this.#source = source;
    this.observers = new Observers(settings.logger, settings.hooks);
    this.sessions = new OpenSessions(this.clock, this.observers);
    this.disconnector = new Disconnects(this);
  }

  get logger(): Settings["logger"] {
    return this.settings.logger;
  }

  get sharesKeys(): boolean {
    return this.settings.interop !== undefined;
  }

  /** What is kept of a channel's log. */
  retentionOf(channel: string): Retention {
    return this.retentions.get(channel) ?? this.settings.retention;
  }

  /** For the hub: what another library's logs are kept for, that library says. */
  readonly #lifeOf = (channel: string): number =>
    this.sharesKeys
      ? Infinity
      : channel === CONTROL_CHANNEL
        ? CONTROL_RETENTION.expireAfterMs
        : this.retentionOf(channel).expireAfterMs;

  isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether it takes no new streams, for its clients are being sent to other servers, or it has closed. */
  isDraining(): boolean {
    return this.#isClosed || this.#drained !== undefined;
  }

  refused(reason: RefusalReason): void {
    this.#hubToWatch().watch.refusals[reason]++;
  }

  disconnects(): number {
    return this.disconnector.count;
  }

  wasDisconnected(since: number, user: string | undefined, channels: readonly string[]): boolean {
    return this.disconnector.hit(since, user, channels);
  }

  openStream(sink: Sink, request: OpenStreamRequest): StreamSession {
    this.#admit(request);
    const { channels, keepsCursors, user, limits, watcher } = request;
    const { maxDurationMs, maxTotalBufferedBytes } = this.settings;
    const { maxBufferedBytes, maxReplayBytes } = limits;
    const owner = this.sessions.ownerOfStream({ user, channels: admittedOf(channels) }, watcher);
    const options = { keepsCursors, maxDurationMs, maxBufferedBytes, maxTotalBufferedBytes, maxReplayBytes, owner };
    return this.hub().openStream(sink, channels, options);
  }

  openPage(request: OpenPageRequest, answer: (body: string | undefined) => void): PageSession {
    this.#admit(request);
    const { channels, waitMs, validMs = Infinity, user, limits } = request;
    // Bun cuts a response that is silent for long, and a page is silent until it is there.
    const maxDurationMs = Math.min(this.settings.maxDurationMs, validMs, IS_BUN ? BUN_HEARTBEAT_MS : Infinity);
    const owner = this.sessions.ownerOfPage({ user, channels: admittedOf(channels) });
    return this.hub().openPage(channels, { waitMs, maxDurationMs, maxBytes: limits.maxBufferedBytes, owner }, answer);
  }

  /** The process's hub for this instance's broker. @throws TidingsError `closed` */
  hub(): Hub {
    if (this.isClosed()) throw closedError();
    return (this.#lease ??= this.#leaseHub()).hub;
  }

  /** What this process does on this instance's broker. Also after the instance was closed. */
  stats(): RealtimeStats {
    return statsOf(this.#hubToWatch());
  }

  /** Reaches out to the broker if nobody has yet: a process that gets no requests before it is ready would never be. */
  health(): RealtimeHealth {
    const { watch, broker } = this.#hubToWatch();
    const live = !this.isClosed();
    const draining = this.isDraining();
    if (live && !watch.broker.wasReached && !this.#reaching) this.#reaching = this.#reach(watch.broker, broker);
    return { live, ready: live && !draining && watch.broker.wasReached, draining, broker: watch.broker.status };
  }

  async #reach(watch: Hub["watch"]["broker"], broker: Hub["broker"]): Promise<void> {
    try {
      await broker.locate(DEFAULT_CHANNEL, { newest: 0 });
      watch.answered();
    } catch (error) {
      watch.failed(error);
    } finally {
      this.#reaching = undefined;
    }
  }

  /** Another instance may have made the hub, and then this one sees what it counted. */
  #hubToWatch(): Hub {
    if (this.#lease) return this.#lease.hub;
    const lease = this.#leaseHub();
    // Closed before it was used: nothing is kept.
    if (this.#isClosed) void this.#release(lease);
    this.#lease = lease;
    return lease.hub;
  }

  #leaseHub(): HubLease {
    const lease = leaseHub(this.#source.address, () => ({
      broker: this.#source.create(),
      clock: this.clock,
      logger: this.settings.logger,
      heartbeatMs: IS_BUN ? BUN_HEARTBEAT_MS : HEARTBEAT_MS,
    }));
    lease.hub.watch.observers.add(this.observers);
    lease.hub.lives.add(this.#lifeOf);
    return lease;
  }

  /** Validates a payload and returns its JSON: at once, unless the validator is asynchronous. @throws TidingsError */
  encode(event: string, data: unknown): string | Promise<string> {
    const parsed = this.schema.validate(event, data);
    return parsed instanceof Promise ? parsed.then((output) => this.#toJson(event, output)) : this.#toJson(event, parsed);
  }

  /** @param timeoutMs within which it settles. @throws TidingsError `closed`, at once */
  append(channel: string, draft: Omit<Draft, "emitId">, retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    const { broker, watch } = this.hub();
    // What servers tell each other is no event of anybody's.
    if (channel === CONTROL_CHANNEL) return broker.append(channel, this.#signed(draft, undefined), retention, timeoutMs);
    const watched = this.observers.wantsEmits ? this.#watchEmit(channel, draft.event) : undefined;
    watch.emits++;
    // What is named in these functions is held until the reply comes: not the draft, whose payload is large.
    return broker.append(channel, this.#signed(draft, watched?.trace), retention, timeoutMs).then(
      (cursor) => {
        watch.stored++;
        watch.broker.answered();
        watched?.settled(cursor, undefined);
        return cursor;
      },
      (reason: unknown) => {
        const error = brokerFailure(reason, "outcome_unknown", channel);
        watch.notStored++;
        watched?.settled(undefined, error);
        throw error;
      },
    );
  }

  /** With what the emit is known by. */
  #signed(draft: Omit<Draft, "emitId">, trace: string | undefined): Draft {
    const emitId = `${PROCESS_ID}-${(++emits).toString(36)}`;
    return trace === undefined ? { ...draft, emitId } : { ...draft, emitId, trace };
  }

  #watchEmit(channel: string, event: string): WatchedEmit {
    const startedAt = this.clock.now();
    const traced = this.observers.emitting(channel, event);
    return {
      trace: traced.find(({ trace }) => trace !== undefined)?.trace,
      settled: (cursor, error) => {
        const durationMs = this.clock.now() - startedAt;
        this.observers.emitted({ channel, event, durationMs, cursor, error }, traced);
      },
    };
  }

  /** Sends the clients of all streams away within the grace, then closes. Called again, it is the same drain. */
  drain(graceMs: number): Promise<void> {
    return (this.#drained ??= this.#drainWithin(graceMs));
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #drainWithin(graceMs: number): Promise<void> {
    if (!this.#isClosed) {
      this.#drain = new Drain(this.sessions, this.clock, graceMs);
      await this.#drain.done;
    }
    await this.close();
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#drain?.stop();
    this.disconnector.close();
    this.subscriptions.close(closedError());
    this.sessions.close();
    for (const tell of this.whenClosed) tell();
    this.whenClosed.clear();
    if (this.#lease) await this.#release(this.#lease);
  }

  #release(lease: HubLease): Promise<void> {
    lease.hub.watch.observers.delete(this.observers);
    lease.hub.lives.delete(this.#lifeOf);
    return lease.release();
  }

  /**
   * Before a stream or page opens, in the same turn.
   * @throws TidingsError `closed` also to those that were being decided when the drain began, and to those that `disconnect` meant
   * after it was asked about for the last time: they come back, and are decided anew.
   */
  #admit({ isGuarded = false, decidedAt, user, channels }: OpenRequest): void {
    if (this.isDraining()) throw closedError();
    if (!isGuarded) return;
    if (decidedAt !== undefined && this.wasDisconnected(decidedAt, user, admittedOf(channels))) throw closedError();
    if (!this.sharesKeys) this.disconnector.guard();
  }

  #toJson(event: string, output: unknown): string {
    const json = toJson(output, event);
    const { maxPayloadBytes } = this.settings;
    // A UTF-16 unit is at most three bytes: most payloads need not be counted.
    if (json.length * 3 > maxPayloadBytes) {
      const bytes = new TextEncoder().encode(json).length;
      if (bytes > maxPayloadBytes) {
        throw new TidingsError(
          "payload_too_large",
          `the payload of "${event}" has ${bytes} bytes of JSON; \`limits.maxPayloadBytes\` is ${maxPayloadBytes}. Emit a reference, and let the client fetch the rest.`,
        );
      }
    }
    return json;
  }
}

function admittedOf(channels: readonly ChannelRequest[]): string[] {
  return channels.filter(({ refused }) => !refused).map(({ channel }) => channel);
}
