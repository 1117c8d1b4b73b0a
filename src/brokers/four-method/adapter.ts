/** An entry of a stream. */
export interface StreamEntry {
  /** `"<milliseconds>-<sequence>"`, as Redis Streams number their entries. */
  id: string;
  /** Equal, as JSON, to what `xadd` was given. */
  payload: Record<string, unknown>;
}

/** What `xadd` is to do beside appending. */
export interface XAddOptions {
  /** Keeps this many entries, the newest; all without it. */
  maxLen?: number | undefined;
  /** The whole stream expires so many whole seconds after this entry, at least 1. Without it nothing changes. */
  expireAfterSecs?: number | undefined;
}

/** Which entries `xrange` returns. */
export interface XRangeArgs {
  /** The first id, inclusive. @default the oldest entry */
  start?: string | undefined;
  /** The last id, inclusive. @default the newest entry */
  end?: string | undefined;
  /** At most so many, the oldest of the range. Fewer mean that the range holds no more. @default all */
  count?: number | undefined;
}

/** What `xread` waits for. */
export interface XReadArgs {
  channels: string[];
  /** One for each channel: entries above it are wanted. `"0-0"` stands before the first. */
  cursors: string[];
  /** Waits so many milliseconds for an entry when there is none. Without it, it does not wait. */
  blockMs?: number | undefined;
  /** At most so many entries of each channel, the oldest. @default all */
  count?: number | undefined;
  /** Ends the wait when it aborts. */
  signal?: AbortSignal | undefined;
}

/** What `xread` found: the channels that have something new, each with its entries, oldest first. */
export type XReadResult = Array<{ channel: string; messages: StreamEntry[] }>;

/**
 * Any Redis client, or any store of append-only streams, behind four methods: pass it as `redis`. They may reject with anything;
 * tidings tries again. `adapterConformance` in `tidings/testing` says whether an adapter does what is needed.
 */
export interface RedisAdapter {
  /** Appends an entry to a stream and resolves with its id, which is above every id that this stream gave before. */
  xadd(channel: string, payload: Record<string, unknown>, options?: XAddOptions): Promise<string>;
  /** Entries of a stream, oldest first. */
  xrange(channel: string, args?: XRangeArgs): Promise<StreamEntry[]>;
  /** Entries of several streams above a cursor each, as soon as there is one. It must not hold up the other methods. */
  xread(args: XReadArgs): Promise<XReadResult>;
  /** The id of a stream's newest entry; `null` when it has none. */
  getLatestCursor(channel: string): Promise<string | null>;
}

const METHODS = ["xadd", "xrange", "xread", "getLatestCursor"] as const satisfies ReadonlyArray<keyof RedisAdapter>;

/** Whether a value has the four methods of a {@link RedisAdapter}. */
export function isFourMethodAdapter(value: unknown): value is RedisAdapter {
  if (typeof value !== "object" || value === null) return false;
  return METHODS.every((name) => typeof (value as Partial<Record<string, unknown>>)[name] === "function");
}
