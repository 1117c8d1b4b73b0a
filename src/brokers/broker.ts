/**
 * The port between the hub and the place where the logs live. What a broker must do, and nothing about how. Every broker
 * passes the same conformance suite (`brokerConformance` in `tidings/testing`).
 */
import type { RealtimeCursor } from "../protocol/cursor.ts";

/** An event on its way into a log. */
export interface Draft {
  /** `"namespace.name"`, already checked. */
  readonly event: string;
  /** The JSON text of the payload, stored and returned byte for byte. */
  readonly json: string;
  /** Names this emit, so that a later look into the log can tell whether it was stored. */
  readonly emitId: string;
  /**
   * The caller's own name for this event. Of the appends of one channel with the same one, within five minutes (`ONCE_MS`), the first is
   * stored; each of them resolves with its id.
   */
  readonly onceId?: string | undefined;
  /**
   * The trace context of the emit, when somebody traces it: its W3C `traceparent`, and perhaps more of its tracer's before that. At most
   * 2,200 characters, all of them ASCII. A broker that cannot carry it leaves it out, and one that can keeps it as it is.
   */
  readonly trace?: string | undefined;
}

/** An event as a log holds it. */
export interface Entry {
  readonly id: RealtimeCursor;
  /** The log's last id before this entry; `0-0` for the first entry of a log's life. */
  readonly prev: RealtimeCursor;
  /** Whether `prev` is a guess, because nothing tells what stood before this entry: a gap before it is `unproven`. */
  readonly unproven?: boolean | undefined;
  /** Empty when the stored entry is malformed or of a format that this version cannot read: it only moves the position. */
  readonly event: string;
  readonly json: string;
  /**
   * On an announced entry: how many entries its log keeps, this one included; `Infinity` for all. A hub forgets what the
   * log forgets, so that whether a client is told of a gap does not depend on the server that it returns to.
   */
  readonly keeps?: number | undefined;
  /** The trace context of the emit that stored it, where the log has one. It stays on the server. */
  readonly trace?: string | undefined;
}

/** How much of a log is kept. */
export interface Retention {
  /** Entries kept, exactly. 0 keeps none, yet the log remembers its last id. `Infinity` never trims. */
  readonly maxLength: number;
  /** Idle time after the last append at which the whole log is dropped. `Infinity` never does. */
  readonly expireAfterMs: number;
}

/** What one read found. Both fields are of the same instant. */
export interface Page {
  /** Oldest first. */
  readonly entries: readonly Entry[];
  /**
   * The log's last id. When there is no log, `0-<milliseconds>`: the time, on the clock that ids are made from; or `0-0` from a broker
   * that has no clock to tell, whose readers on an empty channel then hear of no life of the log that came and went while they were away.
   */
  readonly last: RealtimeCursor;
  /** Since when the store lives, on the clock that ids are made from: of what it held before, nothing may be left. */
  readonly aliveSince?: number | undefined;
}

/** How much a page of {@link Broker.read} may hold. */
export interface ReadOptions {
  /** The page ends with the entry that reaches this many bytes of JSON; it holds at least one entry if there is one. */
  readonly pageBytes: number;
  /** At most this many entries. */
  readonly count?: number | undefined;
}

/** Which entries {@link Broker.locate} counts back over. Bounds are inclusive. */
export interface LocateRange {
  /** How many of the newest entries; 0 asks for the log's last id alone. */
  readonly newest: number;
  readonly start?: RealtimeCursor | undefined;
  readonly end?: RealtimeCursor | undefined;
}

/** Where a walk over the newest entries starts. */
export interface Location {
  /** The position before the oldest of the entries asked for; `last` when there is none. */
  readonly after: RealtimeCursor;
  /** As {@link Page.last}. */
  readonly last: RealtimeCursor;
  /** As {@link Page.aliveSince}. */
  readonly aliveSince?: number | undefined;
}

/** What a {@link Listener} tells its hub. Handlers do not throw. */
export interface ListenerHandlers {
  /** A new entry of a joined channel, in the order in which this listener heard them. Repeats are allowed. */
  entry(channel: string, entry: Entry): void;
  /**
   * The last id of a joined channel's log is this one, or was a moment ago; the entries are not sent along. Who stands elsewhere
   * reads the log. May be said at any time, and repeated.
   *
   * @param prev what the entry at `last` follows, when this is said because that entry was appended: the origin tells that it began a
   * new life of the log, which took nothing with it that was not heard before.
   */
  moved(channel: string, last: RealtimeCursor, prev?: RealtimeCursor): void;
  /** Nothing is heard from now on, on these channels, or on any. */
  lost(channels?: readonly string[]): void;
  /**
   * These channels are heard again: the broker has acknowledged the new subscription of each. Entries may be missing
   * between `lost` and now.
   */
  restored(channels: readonly string[]): void;
}

/** One process's subscription to a broker, for all its channels. */
export interface Listener {
  /**
   * Resolves when the broker has acknowledged the subscription: each entry appended from then on is heard. While the
   * broker cannot be reached it waits. Rejects with a `TidingsError` when the broker refuses the channel.
   */
  join(channel: string): Promise<void>;
  /** Forgets a channel. Joining it again later is allowed. */
  leave(channel: string): void;
  close(): void;
}

/** Whether a broker can be reached: `"idle"` before it was, `"away"` while something that is in use cannot be. */
export type BrokerState = "idle" | "connected" | "away";

/**
 * Where the logs live. A channel's name follows the grammar of names (PROTOCOL.md), with one exception: `!control` is the log through
 * which the processes of one application tell each other whom to disconnect. Rejections are `TidingsError`s: `broker_unavailable` (try again later), `broker_refused` (the
 * broker answered with an error), and for `append` also `not_stored` and `outcome_unknown`. Their texts may quote the
 * broker, so they stay on the server.
 */
export interface Broker {
  /** What it is and where, in words, for who watches over it. Holds no password. @default "custom" */
  readonly name?: string | undefined;
  /**
   * Tells whether it can be reached: what is known now, within the call, and then each change. Called once per hub. Of a broker without
   * it, its hub concludes so from what it answers.
   */
  watch?(changed: (state: Exclude<BrokerState, "idle">) => void): void;
  /**
   * Stores one entry and announces it to every listener, atomically. Calls of one channel are stored in call order.
   * Resolves with the entry's id; settles within `timeoutMs`.
   */
  append(channel: string, draft: Draft, retention: Retention, timeoutMs: number): Promise<RealtimeCursor>;
  /** Entries after a position, exclusive. */
  read(channel: string, after: RealtimeCursor, options: ReadOptions): Promise<Page>;
  locate(channel: string, range: LocateRange): Promise<Location>;
  /** Called once per hub. */
  listen(handlers: ListenerHandlers): Listener;
  /** Leaves no timer, socket or listener behind. Pending calls reject. */
  close(): Promise<void>;
}
