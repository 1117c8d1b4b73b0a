import { TidingsError } from "../../protocol/error.ts";
import { CHANNEL_GRAMMAR, isChannelName } from "../../protocol/names.ts";
import type { RedisNames } from "../redis/names.ts";
import type { LogFormat } from "./format.ts";

/**
 * Names as the other library builds them: the key of a channel is `<clientPrefix><keyPrefix><channel>`. With no prefix at all, any key
 * of the database can be named as a channel.
 * @throws TidingsError `bad_option` for a prefix with braces, or where that library knows no prefix
 */
export function interopNames(format: LogFormat, clientPrefix: string, keyPrefix: string): RedisNames {
  const prefix = clientPrefix + keyPrefix;
  if (format.name === "upstash" && prefix !== "") {
    throw new TidingsError(
      "bad_option",
      `${format.library} puts nothing before the name of a channel, so that with the prefix ${JSON.stringify(prefix)} tidings would write other keys than it. Leave out \`keyPrefix\`, here and in the Redis client, while \`interop\` is on.`,
    );
  }
  if (/[{}]/.test(prefix)) {
    throw new TidingsError(
      "bad_option",
      `the key prefix ${JSON.stringify(prefix)} holds a brace, which would put every channel on one node of a cluster. tidings cannot share such keys.`,
    );
  }
  function keyOf(channel: string): string {
    if (isChannelName(channel)) return prefix + channel;
    throw new TidingsError("bad_channel", `${JSON.stringify(channel)} cannot name a channel. A name has ${CHANNEL_GRAMMAR}.`);
  }
  return {
    keyOf,
    // Nobody subscribes to it for us: we look where the logs end.
    liveOf: keyOf,
    // With a brace, which no channel's name has: it can never be mistaken for a log.
    onceOf: (channel, onceId) => `{${keyOf(channel)}}:tidings:once:${onceId}`,
  };
}
