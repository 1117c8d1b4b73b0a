import { systemClock, type Clock } from "../../protocol/clock.ts";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
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
import { redisNames, type RedisNames } from "../redis/names.ts";
import type { RedisAdapter } from "./adapter.ts";
import { Appends } from "./appends.ts";
import { Calls, closedError } from "./calls.ts";
import { FourMethodListener } from "./listener.ts";
import { LiveReader, type FourMethodLogger } from "./live.ts";
import { AdapterLog, type LogName } from "./log.ts";

/** What a broker over a {@link RedisAdapter} is made of. */
export interface FourMethodBrokerOptions {
  readonly adapter: RedisAdapter;
  /** Begins the name of every stream: `<keyPrefix>:<channel>`. Without braces. */
  readonly keyPrefix: string;
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
  /** Epoch milliseconds, to compare with the times in ids. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Hears once of each outage, and of each channel that cannot be read. @default console */
  readonly logger?: FourMethodLogger | undefined;
}

/**
 * Logs behind an adapter's four methods. Delivers at least once; as nothing in four methods tells what stood before an entry,
 * a gap can be announced where nothing is missing, never the reverse. An emit's `id` is looked for before the event is stored,
 * which two processes may do at the same moment. A `maxLength` of 0 keeps 100 entries, which are never read as history.
 * @throws TidingsError `bad_option` for a prefix with braces
 */
export function createFourMethodBroker(options: FourMethodBrokerOptions): Broker {
  return new FourMethodBroker(options);
}

class FourMethodBroker implements Broker {
  readonly name = "four-method adapter";
  readonly #names: RedisNames;
  readonly #calls: Calls;
  readonly #log: AdapterLog;
  readonly #appends: Appends;
  readonly #reader: LiveReader;
  readonly #listeners = new Set<Listener>();

  constructor({ adapter, keyPrefix, clock = systemClock, now = Date.now, logger = console }: FourMethodBrokerOptions) {
    this.#names = redisNames("", keyPrefix, 0);
    const calls = new Calls(clock);
    const log = new AdapterLog(adapter, calls);
    this.#calls = calls;
    this.#log = log;
    this.#appends = new Appends({ adapter, calls, log, clock, now });
    this.#reader = new LiveReader({ adapter, calls, log, clock, logger });
  }

  async append(channel: string, draft: Draft, retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    return await this.#appends.append(this.#logOf(channel), draft, retention, timeoutMs);
  }

  async read(channel: string, after: RealtimeCursor, options: ReadOptions): Promise<Page> {
    return await this.#log.read(this.#logOf(channel), after, options);
  }

  async locate(channel: string, range: LocateRange): Promise<Location> {
    return await this.#log.locate(this.#logOf(channel), range);
  }

  listen(handlers: ListenerHandlers): Listener {
    const listener = new FourMethodListener(this.#reader, handlers, (channel) => this.#logOf(channel));
    this.#listeners.add(listener);
    if (this.#calls.isClosed) listener.close();
    return listener;
  }

  /** Leaves the adapter's own connections to their owner. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#reader.close();
    this.#calls.close();
  }

  /** @throws TidingsError `bad_channel`, `closed` */
  #logOf(channel: string): LogName {
    if (this.#calls.isClosed) throw closedError();
    return { channel, key: this.#names.keyOf(channel) };
  }
}
