import type { Draft, Retention } from "../brokers/broker.ts";
import type { ChannelRequest, Hub } from "../hub/hub.ts";
import type { PageSession } from "../hub/page-session.ts";
import type { Sink, StreamSession } from "../hub/stream-session.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";
import { toJson } from "../schema/json.ts";
import type { CompiledSchema } from "../schema/compile.ts";
import { brokerFailure } from "./broker-failure.ts";
import { Disconnects } from "./disconnects.ts";
import { Drain } from "./drain.ts";
import type { OpenPageRequest, OpenStreamRequest, RealtimeInternals } from "./internals.ts";
import { OpenSessions } from "./open-sessions.ts";
import { OpenSubscriptions } from "./open-subscriptions.ts";
import type { Settings } from "./options.ts";
import { leaseHub, type HubLease } from "./registry.ts";
import type { BrokerSource } from "./resolve-broker.ts";
import { systemClock, type Clock } from "../protocol/clock.ts";
import { BUN_HEARTBEAT_MS, HEARTBEAT_MS } from "../protocol/limits.ts";

const IS_BUN = "Bun" in globalThis;
const PROCESS_ID = Math.random().toString(36).slice(2, 10).padEnd(8, "0");
let emits = 0;

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
  readonly sessions: OpenSessions = new OpenSessions();
  readonly #source: BrokerSource;
  #lease: HubLease | undefined;
  #drain: Drain | undefined;
  #drained: Promise<void> | undefined;
  #isClosed = false;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings, schema: CompiledSchema, source: BrokerSource) {
    this.settings = settings;
    this.schema = schema;
    this.#source = source;
    this.disconnector = new Disconnects(this);
  }

  get logger(): Settings["logger"] {
    return this.settings.logger;
  }

  get sharesKeys(): boolean {
    return this.settings.interop !== undefined;
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  isDraining(): boolean {
    return this.#isClosed || this.#drained !== undefined;
  }

  disconnects(): number {
    return this.disconnector.count;
  }

  wasDisconnected(since: number, user: string | undefined, channels: readonly string[]): boolean {
    return this.disconnector.hit(since, user, channels);
  }

  openStream(sink: Sink, { channels, keepsCursors, user, limits, isGuarded, watcher }: OpenStreamRequest): StreamSession {
    this.#admit(isGuarded);
    const { maxDurationMs } = this.settings;
    const { maxReplayBytes } = limits;
    const owner = this.sessions.ownerOfStream({ user, channels: admittedOf(channels) }, watcher);
    return this.hub().openStream(sink, channels, { keepsCursors, maxDurationMs, maxReplayBytes, owner });
  }

  openPage(
    { channels, waitMs, user, limits, isGuarded }: OpenPageRequest,
    answer: (body: string | undefined) => void,
  ): PageSession {
    this.#admit(isGuarded);
    // Bun cuts a response that is silent for long, and a page is silent until it is there.
    const maxDurationMs = Math.min(this.settings.maxDurationMs, IS_BUN ? BUN_HEARTBEAT_MS : Infinity);
    const owner = this.sessions.ownerOfPage({ user, channels: admittedOf(channels) });
    return this.hub().openPage(channels, { waitMs, maxDurationMs, maxBytes: limits.maxBufferedBytes, owner }, answer);
  }

  /** The process's hub for this instance's broker. @throws TidingsError `closed` */
  hub(): Hub {
    if (this.isClosed()) throw closedError();
    this.#lease ??= leaseHub(this.#source.address, () => ({
      broker: this.#source.create(),
      clock: this.clock,
      logger: this.settings.logger,
      heartbeatMs: IS_BUN ? BUN_HEARTBEAT_MS : HEARTBEAT_MS,
    }));
    return this.#lease.hub;
  }

  /** Validates a payload and returns its JSON: at once, unless the validator is asynchronous. @throws TidingsError */
  encode(event: string, data: unknown): string | Promise<string> {
    const parsed = this.schema.validate(event, data);
    return parsed instanceof Promise ? parsed.then((output) => this.#toJson(event, output)) : this.#toJson(event, parsed);
  }

  /** @param timeoutMs within which it settles. @throws TidingsError `closed`, at once */
  append(channel: string, draft: Omit<Draft, "emitId">, retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    const emitId = `${PROCESS_ID}-${(++emits).toString(36)}`;
    return this.hub()
      .broker.append(channel, { ...draft, emitId }, retention, timeoutMs)
      .catch((error: unknown) => {
        throw brokerFailure(error, "outcome_unknown", channel);
      });
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
    await this.#lease?.release();
  }

  /** Before a stream or page opens. @throws TidingsError `closed` also to those that were being decided when the drain began */
  #admit(isGuarded = false): void {
    if (this.isDraining()) throw closedError();
    if (isGuarded && !this.sharesKeys) this.disconnector.guard();
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
