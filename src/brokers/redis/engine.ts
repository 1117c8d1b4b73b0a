import { systemClock, type Clock } from "../../protocol/clock.ts";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { MAX_ANNOUNCED_BYTES, ONCE_MS } from "../../protocol/limits.ts";
import { partsOfTrace } from "../../protocol/trace.ts";
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
import { strangeError, type Attempt } from "./failures.ts";
import { redisNames, type RedisNames } from "./names.ts";
import { parseAppended, parseLocation, parsePage } from "./replies.ts";
import append from "./scripts/append.lua";
import entries from "./scripts/entries.lua";
import lastId from "./scripts/last-id.lua";
import locate from "./scripts/locate.lua";
import noLog from "./scripts/no-log.lua";
import read from "./scripts/read.lua";
import { Reachable } from "./reachable.ts";
import { Reporter } from "./reporter.ts";
import type { BrokerLogger, RedisSource, RedisTransport } from "./transport.ts";

/** What a Redis broker is made of. */
export interface RedisBrokerOptions {
  readonly source: RedisSource;
  /** Begins every key, below the client's own prefix: `<client's prefix><keyPrefix>:<channel>`. Without braces. */
  readonly keyPrefix: string;
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
  /** Hears of each outage once, and of what was stored and could not be announced. @default console */
  readonly logger?: BrokerLogger | undefined;
}

// Whole here; a connection sends them by their hash from the second time on (connections/script-hashes.ts).
const APPEND = `${lastId}\n${append}`;
const READ = `${lastId}\n${noLog}\n${entries}\n${read}`;
const LOCATE = `${lastId}\n${noLog}\n${entries}\n${locate}`;

const ANNOUNCED_BYTES = String(MAX_ANNOUNCED_BYTES);
const REMEMBERED_MS = String(ONCE_MS);
/** How long a read may take. */
const READ_TIMEOUT_MS = 5_000;
/** No log is longer, and Redis reads it as an integer. */
const NO_LIMIT = 2 ** 53;

/**
 * Logs in Redis Streams: one script per append, on one key. It opens its first connection at the first command and its second
 * at the first join. Throws `bad_option` for a prefix with braces.
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(options);
}

class RedisBroker implements Broker {
  readonly name: string;
  readonly #address: string;
  readonly #names: RedisNames;
  /** The command by which entries are announced. */
  readonly #publish: "PUBLISH" | "SPUBLISH";
  readonly #transport: RedisTransport;
  readonly #reporter: Reporter;
  readonly #reachable = new Reachable();

  constructor({ source, keyPrefix, clock = systemClock, logger = console }: RedisBrokerOptions) {
    this.#address = source.address;
    this.name = `redis at ${source.address}`;
    this.#names = redisNames(source.keyPrefix, keyPrefix, source.db);
    this.#publish = source.isCluster ? "SPUBLISH" : "PUBLISH";
    this.#reporter = new Reporter(source.address, logger);
    this.#transport = source.open({
      ...{ names: this.#names, clock, logger },
      warnOnce: this.#reporter.warnOnce,
      changed: this.#reachable.changed,
    });
  }

  watch(changed: Parameters<Reachable["watch"]>[0]): void {
    this.#reachable.watch(changed);
  }

  async append(channel: string, draft: Draft, retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    const attempt: Attempt = { kind: "append", channel, address: this.#address };
    const { event, json, emitId, onceId, trace } = draft;
    const key = this.#names.keyOf(channel);
    const args = onceId === undefined ? [APPEND, "1", key] : [APPEND, "2", key, this.#names.onceOf(channel, onceId)];
    args.push(countOf(retention.maxLength), countOf(retention.expireAfterMs), this.#names.liveOf(channel));
    args.push(event, json, emitId, this.#publish, ANNOUNCED_BYTES, REMEMBERED_MS);
    args.push(...(trace === undefined ? ["", ""] : partsOfTrace(trace)));
    const reply = await this.#transport.send({
      attempt,
      key,
      name: "EVAL",
      emit: { emitId, isOnce: onceId !== undefined, expireAfterMs: retention.expireAfterMs },
      args,
      bytes: APPEND.length + json.length,
      timeoutMs,
    });
    const appended = parseAppended(reply);
    if (!appended) throw strangeError(attempt, reply);
    const { id, expireError, publishError, onceError } = appended;
    if (onceError !== undefined) {
      this.#reporter.warnHalfDone("remember the id of an emit", onceError, "A second emit with that id would be stored again.");
    }
    if (expireError !== undefined)
      this.#reporter.warnHalfDone("set the expiry of a log", expireError, "Logs will stay for ever.");
    if (publishError !== undefined) {
      this.#reporter.warnHalfDone(
        "announce a stored event",
        publishError,
        "Subscribers get it only when they next read the log.",
      );
    }
    return id;
  }

  async read(channel: string, after: RealtimeCursor, { pageBytes, count }: ReadOptions): Promise<Page> {
    const attempt: Attempt = { kind: "read", channel, address: this.#address };
    const limits = [limitOf(pageBytes), limitOf(count ?? Number.POSITIVE_INFINITY)];
    const reply = await this.#script(attempt, READ, [after, ...limits]);
    const page = parsePage(reply, after);
    if (!page) throw strangeError(attempt, reply);
    return page;
  }

  async locate(channel: string, { newest, start, end }: LocateRange): Promise<Location> {
    const attempt: Attempt = { kind: "read", channel, address: this.#address };
    const reply = await this.#script(attempt, LOCATE, [limitOf(newest), start ?? "-", end ?? "+"]);
    const location = parseLocation(reply);
    if (!location) throw strangeError(attempt, reply);
    return location;
  }

  listen(handlers: ListenerHandlers): Listener {
    return this.#transport.listen(handlers);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #script(attempt: Attempt, script: string, args: readonly string[]): Promise<unknown> {
    const key = this.#names.keyOf(attempt.channel);
    return this.#transport.send({
      attempt,
      key,
      name: "EVAL",
      args: [script, "1", key, ...args],
      bytes: script.length,
      timeoutMs: READ_TIMEOUT_MS,
    });
  }
}

/** A count for Redis, `""` for none. Whole, and never 0 for a time above 0. */
function countOf(value: number): string {
  return value < NO_LIMIT ? String(Math.ceil(value)) : "";
}

function limitOf(value: number): string {
  return String(Math.min(Math.ceil(value), NO_LIMIT));
}
