import { TidingsError } from "../../protocol/error.ts";
import { CHANNEL_GRAMMAR, isLogName } from "../../protocol/names.ts";

/** Where the log of a channel is and where its entries are announced. */
export interface RedisNames {
  /** The key of a channel's log, as Redis sees it. @throws TidingsError `bad_channel` */
  keyOf(channel: string): string;
  /**
   * The channel on which a log's entries are announced. It carries the number of the database, for `SELECT` does not apply to
   * channels; in braces, so that on a cluster it lives with its key.
   */
  liveOf(channel: string): string;
  /** The key under which the caller's own id of an emit is remembered: on a cluster, beside the log. */
  onceOf(channel: string, onceId: string): string;
}

/**
 * Names below `<clientPrefix><keyPrefix>:`. The channel comes last, so no channel name can lead out of the prefix (I11).
 * @throws TidingsError `bad_option` for a prefix with braces
 */
export function redisNames(clientPrefix: string, keyPrefix: string, db: number): RedisNames {
  const prefix = `${clientPrefix}${keyPrefix}:`;
  if (/[{}]/.test(prefix)) {
    throw new TidingsError(
      "bad_option",
      `the key prefix ${JSON.stringify(prefix)} holds a brace, which would put every channel on one node of a cluster. Choose a \`keyPrefix\` without braces, in tidings and in the Redis client.`,
    );
  }
  function keyOf(channel: string): string {
    if (isLogName(channel)) return prefix + channel;
    throw new TidingsError("bad_channel", `${JSON.stringify(channel)} cannot name a channel. A name has ${CHANNEL_GRAMMAR}.`);
  }
  return {
    keyOf,
    liveOf: (channel) => `{${keyOf(channel)}}:live:${db}`,
    onceOf: (channel, onceId) => `{${keyOf(channel)}}:once:${onceId}`,
  };
}
