import { systemClock, type Clock } from "../../protocol/clock.ts";
import type { RedisAdapter, StreamEntry, XAddOptions, XRangeArgs, XReadArgs, XReadResult } from "./adapter.ts";
import add from "./scripts/add.lua";

/**
 * Sends one command to Redis and resolves with its reply, in the types of RESP2 or RESP3: a map as an object, as a `Map` or as a
 * flat list, whatever the client makes of it. Commands reach Redis in call order. `key` is one of the arguments, and on a cluster
 * decides which server is asked.
 */
export type RedisCommand = (name: string, args: readonly string[], key: string) => Promise<unknown>;

/** How {@link fourMethods} names keys, and what it waits by. */
export interface FourMethodsOptions {
  /** Goes before each channel to make its key. @default "" */
  readonly prefix?: string | undefined;
  /** What the client library itself puts before each key, which then stands in replies. @default "" */
  readonly clientPrefix?: string | undefined;
  /** Whether channels live on several servers, which a command cannot ask together. @default false */
  readonly isCluster?: boolean | undefined;
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
}

/** The field that holds a payload as JSON. */
const FIELD = "message";
/** Time between two looks of a waiting `xread`. */
const POLL_MS = 100;

/**
 * The four documented methods over one command at a time. An entry is one field, `message`, with the payload as JSON. `xread` never
 * blocks the connection, which others may use: it looks every 100 ms until its time is over.
 */
export function fourMethods(command: RedisCommand, options: FourMethodsOptions = {}): RedisAdapter {
  const { prefix = "", clientPrefix = "", isCluster = false, clock = systemClock } = options;

  async function readEach({ channels, cursors, ...args }: XReadArgs): Promise<XReadResult> {
    const one = (channel: string, at: number) => readOnce({ ...args, channels: [channel], cursors: cursors.slice(at, at + 1) });
    return (await Promise.all(channels.map(one))).flat();
  }

  async function readOnce({ channels, cursors, count }: XReadArgs): Promise<XReadResult> {
    const keys = channels.map((channel) => prefix + channel);
    const limit = count === undefined ? [] : ["COUNT", String(count)];
    const reply = await command("XREAD", [...limit, "STREAMS", ...keys, ...cursors], keys[0] ?? "");
    const found = new Map(pairsOf(reply).map(([key, entries]) => [String(key), entries]));
    return channels.flatMap((channel, at) => {
      const messages = entriesOf(found.get(`${clientPrefix}${keys[at] ?? ""}`));
      return messages.length > 0 ? [{ channel, messages }] : [];
    });
  }

  return {
    async xadd(
      channel: string,
      payload: Record<string, unknown>,
      { maxLen, expireAfterSecs }: XAddOptions = {},
    ): Promise<string> {
      const key = prefix + channel;
      const message = JSON.stringify(payload);
      if (expireAfterSecs !== undefined) {
        const args = [maxLen === undefined ? "" : String(maxLen), String(expireAfterSecs), message];
        return String(await command("EVAL", [add, "1", key, ...args], key));
      }
      const trim = maxLen === undefined ? [] : ["MAXLEN", "=", String(maxLen)];
      return String(await command("XADD", [key, ...trim, "*", FIELD, message], key));
    },

    async xrange(channel: string, { start = "-", end = "+", count }: XRangeArgs = {}): Promise<StreamEntry[]> {
      const limit = count === undefined ? [] : ["COUNT", String(count)];
      return entriesOf(await command("XRANGE", [prefix + channel, start, end, ...limit], prefix + channel));
    },

    async xread(args: XReadArgs): Promise<XReadResult> {
      const until = clock.now() + (args.blockMs ?? 0);
      for (;;) {
        if (args.signal?.aborted || args.channels.length === 0) return [];
        const found = await (isCluster ? readEach(args) : readOnce(args));
        const leftMs = until - clock.now();
        if (found.length > 0 || !(leftMs > 0)) return found;
        await pause(Math.min(POLL_MS, leftMs), clock, args.signal);
      }
    },

    async getLatestCursor(channel: string): Promise<string | null> {
      const newest = await command("XREVRANGE", [prefix + channel, "+", "-", "COUNT", "1"], prefix + channel);
      return entriesOf(newest)[0]?.id ?? null;
    },
  };
}

/** The entries of a stream: pairs of an id and a flat list of fields. */
function entriesOf(reply: unknown): StreamEntry[] {
  if (!Array.isArray(reply)) return [];
  return (reply as readonly unknown[]).map((entry) => {
    const [id, fields] = entry as readonly [unknown, unknown];
    return { id: String(id), payload: payloadOf(pairsOf(fields)) };
  });
}

/** What stands in {@link FIELD}; in an entry that someone else wrote, its fields as they are. */
function payloadOf(fields: ReadonlyArray<readonly [unknown, unknown]>): Record<string, unknown> {
  const payload = Object.fromEntries(fields.map(([name, value]) => [String(name), value]));
  const message = payload[FIELD];
  if (typeof message !== "string") return payload;
  try {
    const parsed: unknown = JSON.parse(message);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch {
    // Someone else's.
  }
  return payload;
}

/** A map, in any of the shapes in which clients give it: a `Map`, an object, a list of pairs, a flat list. */
function pairsOf(reply: unknown): ReadonlyArray<readonly [unknown, unknown]> {
  if (reply instanceof Map) return [...(reply as Map<unknown, unknown>)];
  if (Array.isArray(reply)) {
    const list = reply as readonly unknown[];
    if (list.every((item) => Array.isArray(item) && item.length === 2))
      return list as ReadonlyArray<readonly [unknown, unknown]>;
    return Array.from({ length: list.length >> 1 }, (_, at) => [list[2 * at], list[2 * at + 1]] as const);
  }
  return typeof reply === "object" && reply !== null ? Object.entries(reply) : [];
}

/** Resolves after `delayMs`, or when the signal aborts. */
function pause(delayMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimeout(end, delayMs);
    signal?.addEventListener("abort", end);
  });
}
