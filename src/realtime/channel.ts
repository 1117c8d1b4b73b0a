import type { Retention } from "../brokers/broker.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";
import { isOnceId, ONCE_ID_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { HistoryMessage, Message } from "../schema/message.ts";
import type { EventInput, EventName } from "../schema/schema.ts";
import { brokerFailure } from "./broker-failure.ts";
import type { RealtimeCore } from "./core.ts";
import { readHistory, type HistoryQuery } from "./history.ts";
import { inTime } from "../protocol/in-time.ts";
import type { AnyOptions } from "./options.ts";
import { subscribe, type SubscribeOptions } from "./subscribe.ts";

/** Options of one emit. */
export interface EmitOptions {
  /**
   * Your own id for this event, such as that of the order or the webhook: 1 to 128 printable ASCII characters. For five minutes
   * a second emit of this channel with it stores nothing, and resolves with the cursor of the first, so that trying again is
   * safe whatever happened.
   */
  readonly id?: string | undefined;
}

const EMIT_OPTIONS: Readonly<Record<keyof EmitOptions, true>> = { id: true };

/** @throws TidingsError `bad_option` */
function checkOptions(options: EmitOptions | undefined): string | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null)
    throw new TidingsError("bad_option", "`emit(event, data, …)` takes { id }; it got something else.");
  refuseUnknownOptions("`emit`", options, EMIT_OPTIONS);
  const { id } = options;
  if (id !== undefined && !isOnceId(id)) {
    throw new TidingsError("bad_option", `\`id\` of \`emit\` takes ${ONCE_ID_GRAMMAR}.`);
  }
  return id;
}

/** A named, ordered log of events. `realtime.channel(name)` gives the same object for the same name. */
export class Channel<O = AnyOptions> {
  readonly name: string;
  readonly #core: RealtimeCore;
  readonly #retention: () => Retention;
  /** Settles when the newest emit whose payload is still being validated has been handed to the broker. */
  #validating: Promise<void> | undefined;

  /** @internal */
  constructor(name: string, core: RealtimeCore, retention: () => Retention) {
    this.name = name;
    this.#core = core;
    this.#retention = retention;
  }

  /**
   * Validates an event and stores it. Resolves with its cursor when it is stored, which is before it is delivered. Emits of one
   * channel object are stored in the order of the calls, awaited or not.
   *
   * @throws TidingsError (as a rejection) `unknown_event`, `invalid_payload`, `payload_not_json`, `payload_too_large`: nothing was
   * stored, and nothing will be by trying again. `not_stored`: the log could not be reached, or an asynchronous validator took
   * more than four fifths of `emitTimeoutSecs`; try again. `outcome_unknown`: the reply was lost, so the event may be stored.
   * Settles within `emitTimeoutSecs`.
   */
  emit<E extends EventName<O>>(event: E, data: EventInput<O, E>, options?: EmitOptions): Promise<RealtimeCursor> {
    // Not an async function: that would hold the payload until the reply comes, and its memory is most of what an emit costs.
    try {
      this.#core.hub();
      const onceId = checkOptions(options);
      const before = this.#validating;
      const json = this.#core.encode(event, data);
      if (typeof json !== "string" || before) return this.#emitInTurn({ event, onceId }, json, before);
      return this.#core.append(this.name, { event, json, onceId }, this.#retention(), this.#core.settings.emitTimeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Stored events, oldest first: the newest `limit`, or those that follow `after`. */
  async history(query?: HistoryQuery): Promise<Array<HistoryMessage<O>>> {
    const messages: unknown[] = await readHistory(this.#core.hub(), this.name, query).catch(this.#notRead);
    // The log holds what the schema's output was when it was stored.
    return messages as Array<HistoryMessage<O>>;
  }

  /**
   * The channel's position now. Ask for it first, then read your data: a client that goes on `after` it misses nothing in between.
   */
  async cursor(): Promise<RealtimeCursor> {
    const { broker } = this.#core.hub();
    return (await broker.locate(this.name, { newest: 0 }).catch(this.#notRead)).last;
  }

  /** Subscribes server code to this channel: see {@link SubscribeOptions}. Any number of subscriptions, each on its own. */
  subscribe<E extends EventName<O> = EventName<O>>(options: SubscribeOptions<E, Message<O, E>>): Promise<() => void> {
    return subscribe(this.#core, this.name, options);
  }

  /**
   * Ends every subscription to this channel that was made through its `Realtime`. One that still waits for the broker ends too:
   * its promise resolves, and its handlers are never called.
   */
  unsubscribe(): void {
    this.#core.subscriptions.endAll(this.name);
  }

  readonly #notRead = (error: unknown): never => {
    throw brokerFailure(error, "broker_refused", this.name);
  };

  /** Waits for its own validation and for its predecessor's, so that a slow validator does not change the order of the log. */
  #emitInTurn(
    draft: { readonly event: string; readonly onceId: string | undefined },
    json: string | Promise<string>,
    before: Promise<void> | undefined,
  ): Promise<RealtimeCursor> {
    const { event } = draft;
    const { clock, settings } = this.#core;
    const calledAt = clock.now();
    const limitMs = settings.emitTimeoutMs * VALIDATION_SHARE;
    const late = (): TidingsError => notInTime(event, limitMs);
    const validated = typeof json === "string" ? json : inTime(json, { clock, limitMs, late });
    const stored = Promise.all([validated, before]).then(([text]) => {
      const leftMs = Math.floor(settings.emitTimeoutMs - (clock.now() - calledAt));
      if (leftMs <= 0) throw notInTime(event, settings.emitTimeoutMs);
      // Wrapped: the next in line waits until this one was handed to the broker, not until it is stored.
      return { cursor: this.#core.append(this.name, { ...draft, json: text }, this.#retention(), leftMs) };
    });
    const handedOver = stored.then(
      () => {},
      () => before,
    );
    this.#validating = handedOver;
    void handedOver.then(() => {
      if (this.#validating === handedOver) this.#validating = undefined;
    });
    return stored.then(({ cursor }) => cursor);
  }
}

/**
 * Of the time that an emit may take, what validators may. Who waits in line behind a validator that never answers was called
 * after it, and so always has the rest left to be stored in.
 */
const VALIDATION_SHARE = 0.8;

function notInTime(event: string, limitMs: number): TidingsError {
  return new TidingsError(
    "not_stored",
    `the validator of "${event}", or one of an earlier emit on this channel, gave no answer within ${limitMs} ms, so nothing was stored. Give the validator a time limit, or raise \`emitTimeoutSecs\`: validators may take four fifths of it.`,
  );
}
