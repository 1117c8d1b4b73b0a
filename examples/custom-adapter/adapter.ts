import type { RedisClientType } from "redis";
import type { RedisAdapter, StreamEntry } from "tidings";

/** A read waits so long at most before it looks at its signal. */
const SLICE_MS = 100;

/** node-redis as a `RedisAdapter`. Both clients are connected; `reader` belongs to the adapter, for a read that waits blocks it. */
export function createRedisAdapter(client: RedisClientType, reader: RedisClientType): RedisAdapter {
  return {
    async xadd(channel, payload, { maxLen, expireAfterSecs } = {}) {
      const fields = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, JSON.stringify(value)]));
      const trim = maxLen === undefined ? {} : { TRIM: { strategy: "MAXLEN" as const, threshold: maxLen } };
      if (expireAfterSecs === undefined) return await client.xAdd(channel, "*", fields, trim);
      // In one transaction: an entry is never stored without its expiry.
      const added = client.multi().xAdd(channel, "*", fields, trim).expire(channel, expireAfterSecs);
      const [id] = await added.exec();
      return id as unknown as string;
    },

    async xrange(channel, { start = "-", end = "+", count } = {}) {
      const entries = await client.xRange(channel, start, end, count === undefined ? {} : { COUNT: count });
      return (entries ?? []).map(decode);
    },

    async xread({ channels, cursors, blockMs = 0, count, signal }) {
      const streams = channels.map((key, at) => ({ key, id: cursors[at] ?? "$" }));
      const until = Date.now() + blockMs;
      while (!signal?.aborted) {
        const waitMs = Math.min(SLICE_MS, until - Date.now());
        const found = await reader.xRead(streams, {
          ...(waitMs > 0 && { BLOCK: waitMs }),
          ...(count !== undefined && { COUNT: count }),
        });
        if (found) return found.map(({ name, messages }) => ({ channel: name, messages: messages.map(decode) }));
        if (waitMs <= 0) break;
      }
      return [];
    },

    async getLatestCursor(channel) {
      const newest = await client.xRevRange(channel, "+", "-", { COUNT: 1 });
      return newest?.[0]?.id ?? null;
    },
  };
}

function decode({ id, message }: { id: string; message: Record<string, string> }): StreamEntry {
  return { id, payload: Object.fromEntries(Object.entries(message).map(([name, text]) => [name, JSON.parse(text)])) };
}
