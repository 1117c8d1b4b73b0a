import { systemClock, type Clock } from "../../protocol/clock.ts";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { ONCE_MS } from "../../protocol/limits.ts";
import type {
  Broker,
  Draft,
  Listener,
  ListenerHandlers,
  LocateRange,
  Location,
  Page,
  ReadOptions,
  Retention,
} from "../broker.ts";
import { strangeError, type Attempt } from "../redis/failures.ts";
import type { RedisNames } from "../redis/names.ts";
import { Reachable } from "../redis/reachable.ts";
import { Reporter } from "../redis/reporter.ts";
import { parseAppended, parseLocation } from "../redis/replies.ts";
import lastId from "../redis/scripts/last-id.lua";
import locate from "../redis/scripts/locate.lua";
import read from "../redis/scripts/read.lua";
import type { BrokerLogger, RedisSource, RedisTransport } from "../redis/transport.ts";
import { forrealtimeFormat } from "./forrealtime.ts";
import type { Interop, LogFormat } from "./format.ts";
import { PollingListener } from "./listener.ts";
import { LogEnds } from "./log-ends.ts";
import { interopNames } from "./names.ts";
import { parseForeignPage } from "./replies.ts";
import append from "./scripts/append.lua";
import before from "./scripts/before.lua";
import noLog from "../redis/scripts/no-log.lua";
import { upstashFormat } from "./upstash.ts";

const FORMATS: Readonly<Record<Interop, LogFormat>> = { forrealtime: forrealtimeFormat, upstash: upstashFormat };

const APPEND = `${lastId}\n${append}`;
/** How long a read may take. */
const READ_TIMEOUT_MS = 5_000;
/** No log is longer, and Redis reads it as an integer. */
const NO_LIMIT = 2 ** 53;

/** What a broker on another library's logs is made of. */
export interface InteropBrokerOptions {
  readonly interop: Interop;
  readonly source: RedisSource;
  /** What that library puts before the name of a channel, below the client's own prefix. */
  readonly keyPrefix: string;
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
  /** Hears of each outage once, and of what was stored and could not be announced. @default console */
  readonly logger?: BrokerLogger | undefined;
}

/**
 * The logs of another library, which tidings reads and writes beside it: in its format, and never trimming or expiring them, so that
 * the retention of an append is ignored. Looks twice a second for what is new.
 * @throws TidingsError `bad_option` for a prefix with which the keys would not be those of the other library
 */
export function createInteropBroker(options: InteropBrokerOptions): Broker {
  return new InteropBroker(options);
}

/** @throws TidingsError `bad_option`, as {@link createInteropBroker} would. */
export function checkInterop({ interop, source, keyPrefix }: InteropBrokerOptions): void {
  interopNames(FORMATS[interop], source.keyPrefix, keyPrefix);
}

class InteropBroker implements Broker {
  readonly name: string;
  readonly #address: string;
  readonly #clock: Clock;
  readonly #format: LogFormat;
  readonly #names: RedisNames;
  readonly #scripts: { readonly read: string; readonly locate: string };
  readonly #transport: RedisTransport;
  readonly #ends: LogEnds;
  readonly #listeners = new Set<PollingListener>();
  /** Whether an entry is announced with a command of its own, for it is not known that anyone hears what a script publishes. */
  readonly #announcesApart: boolean;
  readonly #reporter: Reporter;
  readonly #reachable = new Reachable();
  #isClosed = false;

  constructor({ interop, source, keyPrefix, clock = systemClock, logger = console }: InteropBrokerOptions) {
    const format = FORMATS[interop];
    this.#format = format;
    this.#address = source.address;
    this.name = `${interop} on redis at ${source.address}`;
    this.#clock = clock;
    this.#names = interopNames(format, source.keyPrefix, keyPrefix);
    const looking = `${lastId}\n${noLog}\n${format.script}\n${before}`;
    this.#scripts = { read: `${looking}\n${read}`, locate: `${looking}\n${locate}` };
    this.#announcesApart = format.isAnnounced && source.isRest === true;
    this.#reporter = new Reporter(source.address, logger);
    this.#transport = source.open({
      ...{ names: this.#names, clock, logger },
      warnOnce: this.#reporter.warnOnce,
      changed: this.#reachable.changed,
    });
    this.#ends = new LogEnds(this.#transport, source.address, source.isCluster);
  }

  watch(changed: Parameters<Reachable["watch"]>[0]): void {
    this.#reachable.watch(changed);
  }

  async append(channel: string, draft: Draft, _retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    const until = this.#clock.now() + timeoutMs;
    const attempt: Attempt = { kind: "append", channel, address: this.#address };
    const key = this.#names.keyOf(channel);
    const { emitId, onceId, json } = draft;
    const keys = [key, ...(onceId === undefined ? [] : [this.#names.onceOf(channel, onceId)])];
    const fields = this.#format.encode(channel, draft);
    const announcement = this.#format.isAnnounced ? this.#format.announce(channel, draft) : "";
    const announced = this.#announcesApart || announcement === "" ? ["", ""] : [key, announcement];
    const reply = await this.#transport.send({
      attempt,
      key,
      name: "EVAL",
      emit: { emitId, isOnce: onceId !== undefined, expireAfterMs: Infinity },
      args: [
        ...[APPEND, String(keys.length), ...keys],
        ...[emitId, String(ONCE_MS), ...announced, String(fields.length), ...fields],
      ],
      bytes: APPEND.length + 2 * json.length,
      timeoutMs,
    });
    const appended = parseAppended(reply);
    if (!appended) throw strangeError(attempt, reply);
    const { id, publishError, onceError } = appended;
    if (onceError !== undefined) {
      this.#reporter.warnHalfDone("remember the id of an emit", onceError, "A second emit with that id would be stored again.");
    }
    if (publishError !== undefined) this.#warnUnannounced(publishError);
    if (this.#announcesApart) await this.#announce(channel, `${announcement}${id}"}`, until - this.#clock.now());
    for (const listener of this.#listeners) listener.appended(channel, id);
    return id;
  }

  async read(channel: string, after: RealtimeCursor, { pageBytes, count }: ReadOptions): Promise<Page> {
    const limits = [limitOf(pageBytes), limitOf(count ?? Number.POSITIVE_INFINITY)];
    const { attempt, reply } = await this.#script(channel, this.#scripts.read, [after, ...limits, channel]);
    const page = parseForeignPage(reply, { channel, after }, this.#format);
    if (!page) throw strangeError(attempt, reply);
    return page;
  }

  async locate(channel: string, { newest, start, end }: LocateRange): Promise<Location> {
    const range = [limitOf(newest), start ?? "-", end ?? "+"];
    const { attempt, reply } = await this.#script(channel, this.#scripts.locate, [...range, channel]);
    const location = parseLocation(reply);
    if (!location) throw strangeError(attempt, reply);
    return location;
  }

  listen(handlers: ListenerHandlers): Listener {
    const listener = new PollingListener(
      { clock: this.#clock, names: this.#names, address: this.#address, ends: this.#ends },
      handlers,
    );
    if (this.#isClosed) listener.close();
    else this.#listeners.add(listener);
    return {
      join: (channel) => listener.join(channel),
      leave: (channel) => listener.leave(channel),
      close: () => {
        listener.close();
        this.#listeners.delete(listener);
      },
    };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    return this.#transport.close();
  }

  async #script(channel: string, script: string, args: readonly string[]): Promise<{ attempt: Attempt; reply: unknown }> {
    const attempt: Attempt = { kind: "read", channel, address: this.#address };
    const key = this.#names.keyOf(channel);
    const reply = await this.#transport.send({
      attempt,
      key,
      name: "EVAL",
      args: [script, "1", key, ...args],
      bytes: script.length,
      timeoutMs: READ_TIMEOUT_MS,
    });
    return { attempt, reply };
  }

  /** The entry is stored, whatever becomes of this. */
  async #announce(channel: string, announcement: string, timeoutMs: number): Promise<void> {
    const key = this.#names.keyOf(channel);
    try {
      await this.#transport.send({
        attempt: { kind: "append", channel, address: this.#address },
        key,
        name: "PUBLISH",
        args: [key, announcement],
        bytes: announcement.length,
        timeoutMs: Math.max(1, timeoutMs),
      });
    } catch (error) {
      this.#warnUnannounced(error instanceof Error ? error.message : String(error));
    }
  }

  #warnUnannounced(error: string): void {
    this.#reporter.warnHalfDone(
      "announce a stored event",
      error,
      `Subscribers of ${this.#format.library} get it only when they next read the log.`,
    );
  }
}

function limitOf(value: number): string {
  return String(Math.min(Math.ceil(value), NO_LIMIT));
}
