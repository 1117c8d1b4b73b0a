import type { RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";
import { CHANNEL_GRAMMAR, DEFAULT_CHANNEL, isChannelName } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { compileSchema } from "../schema/compile.ts";
import type { CarriesEvents } from "../schema/infer.ts";
import type { HistoryMessage, Message } from "../schema/message.ts";
import type { EventInput, EventName, SchemaOf } from "../schema/schema.ts";
import { Channel, type EmitOptions } from "./channel.ts";
import { ChannelCache } from "./channel-cache.ts";
import { RealtimeCore } from "./core.ts";
import { checkDisconnect, checkDrain, type DisconnectOptions, type DrainOptions } from "./farewell-options.ts";
import type { RealtimeHealth } from "./health.ts";
import type { HistoryQuery } from "./history.ts";
import { exposeInternals } from "./internals.ts";
import {
  badOption,
  checkHistory,
  checkOptions,
  refuseHistory,
  type AnyOptions,
  type HistoryOptions,
  type RealtimeOptions,
} from "./options.ts";
import { installPlugins, silentLogger, type PluginApis } from "./plugins.ts";
import { exposeObservers } from "./observers.ts";
import { resolveBroker } from "./resolve-broker.ts";
import type { RealtimeStats } from "./stats.ts";
import type { SubscribeOptions } from "./subscribe.ts";

/** Options of one channel. */
export interface ChannelOptions {
  /** What is kept of this channel's log, where it differs from the instance. Holds for the instance from then on. */
  readonly history?: boolean | HistoryOptions | undefined;
}

const CHANNEL_OPTIONS: Readonly<Record<keyof ChannelOptions, true>> = { history: true };

/**
 * What server code holds in its hands: emits typed events, reads their history, subscribes. `handle({ realtime })` makes it an
 * endpoint for browsers. Its own `emit`, `history`, `cursor` and `subscribe` are those of the channel `"default"`.
 */
class RealtimeInstance<const O extends RealtimeOptions> {
  readonly #core: RealtimeCore;
  readonly #channels = new ChannelCache<O>();
  readonly #default: Channel<O>;

  /** @throws TidingsError `bad_option`, `bad_schema` */
  constructor(options: O = {} as O) {
    const settings = checkOptions(options);
    this.#core = new RealtimeCore(settings, compileSchema(options.schema), resolveBroker(options, settings));
    this.#default = this.channel(DEFAULT_CHANNEL);
    exposeInternals(this, this.#core);
    exposeObservers(this, this.#core.observers);
    installPlugins(this, options.plugins ?? [], {
      emit: async (channel, event, data) => {
        await this.channel(channel).emit(event as EventName<O>, data as EventInput<O, EventName<O>>);
      },
      logger: settings.verbose ? settings.logger : silentLogger,
    });
  }

  /** A channel by its name. The same name gives the same object. @throws TidingsError `bad_channel`, `bad_option` */
  channel(name: string, options: ChannelOptions = {}): Channel<O> {
    if (!isChannelName(name)) {
      throw new TidingsError(
        "bad_channel",
        `${JSON.stringify(name) ?? String(name)} is not a channel name: ${CHANNEL_GRAMMAR}.`,
      );
    }
    if (typeof options !== "object" || options === null) throw badOption("channel(…)", "{ history }", options);
    refuseUnknownOptions("`channel(…)`", options, CHANNEL_OPTIONS);
    if (this.#core.settings.interop !== undefined) refuseHistory("history", options.history);
    if (options.history !== undefined)
      this.#core.retentions.set(name, checkHistory("history", options.history, this.#core.settings.retention));
    return this.#channels.get(name, () => new Channel<O>(name, this.#core, () => this.#core.retentionOf(name)));
  }

  /** {@link Channel.emit} of the channel `"default"`. */
  emit<E extends EventName<O>>(event: E, data: EventInput<O, E>, options?: EmitOptions): Promise<RealtimeCursor> {
    return this.#default.emit(event, data, options);
  }

  /** {@link Channel.history} of the channel `"default"`. */
  history(query?: HistoryQuery): Promise<Array<HistoryMessage<O>>> {
    return this.#default.history(query);
  }

  /** {@link Channel.cursor} of the channel `"default"`. */
  cursor(): Promise<RealtimeCursor> {
    return this.#default.cursor();
  }

  /** {@link Channel.subscribe} of the channel `"default"`. */
  subscribe<E extends EventName<O> = EventName<O>>(options: SubscribeOptions<E, Message<O, E>>): Promise<() => void> {
    return this.#default.subscribe(options);
  }

  /** {@link Channel.unsubscribe} of the channel `"default"`. */
  unsubscribe(): void {
    this.#default.unsubscribe();
  }

  /** What this process does on this broker, as counts: cheap enough to be asked for with each scrape. Also after `close`. */
  stats(): RealtimeStats {
    return this.#core.stats();
  }

  /**
   * Whether this process should live, and whether requests should come to it: for the probes of an orchestrator or a load balancer.
   * Waits for nothing. The first call opens the connection to the broker, if nobody has.
   */
  health(): RealtimeHealth {
    return this.#core.health();
  }

  /**
   * Ends the streams and pages of a user, those that have a channel, or, with both, those of that user that have it: on all servers
   * of this Redis and prefix whose endpoint has `identify`, `authorize` or `middleware`. A client comes back by itself and is
   * decided anew, so take the right away first. Streams that are left when a server could not be told live on.
   *
   * @returns how many were ended in all, as far as other servers said so within `timeoutSecs` (1); it resolves after that time.
   * @throws TidingsError `bad_option`, `closed`, `broker_unavailable` when other servers could not be told.
   */
  async disconnect(options: DisconnectOptions): Promise<number> {
    const { target, answerMs } = checkDisconnect(options);
    if (this.#core.sharesKeys) {
      throw new TidingsError(
        "bad_option",
        "`disconnect` does not go with `interop`, where tidings writes no log of its own through which it could tell the other servers. `revalidateSecs` of `handle` does: it asks again about each open stream.",
      );
    }
    return await this.#core.disconnector.order(target, { storeMs: this.#core.settings.emitTimeoutMs, answerMs });
  }

  /**
   * Sends the clients of all streams to other servers, at even distances over `graceSecs` (10), and closes. A stream lives until its
   * client has moved, so that nothing is missed; new ones are turned away from the first moment on. Resolves when it is closed.
   * Called again, it is the same promise.
   *
   * @throws TidingsError `bad_option`
   */
  drain(options: DrainOptions = {}): Promise<void> {
    try {
      return this.#core.drain(checkDrain(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Ends every stream and subscription of this instance. The last instance on a broker closes its connections; a client that you
   * passed in stays yours to close. Leaves no timer, socket or listener behind, except for a
   * reader that has not taken the end of its response: it is cut off 5 seconds later, by a timer that keeps no process alive, and goes
   * on elsewhere from its cursor. Safe to call twice.
   */
  close(): Promise<void> {
    return this.#core.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * An instance with the options `O`, its events in its type, and the methods of its plugins. Plain `Realtime`, as the type of a
 * parameter, takes any instance: names and payloads are then checked when it runs, not by the compiler.
 */
export type Realtime<O extends RealtimeOptions = AnyOptions> = RealtimeInstance<O> & CarriesEvents<SchemaOf<O>> & PluginApis<O>;

/** The constructor of {@link Realtime}. */
export interface RealtimeConstructor {
  new (): Realtime<object>;
  // Without a default for `O`: it would stand for the options while what `hooks` are told is looked up.
  new <const O extends RealtimeOptions>(options?: O): Realtime<O>;
}

// A class cannot say that its instances also have what its plugins add; the type of its constructor can.
export const Realtime: RealtimeConstructor = RealtimeInstance;
