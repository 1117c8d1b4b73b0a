/** Which log holds what: one for each channel, of which everybody has one. Those of users only the server names (server/user-log.ts). */
import { isChannelName } from "../protocol/names.ts";

/** The channel of which everybody has the events. */
export const GLOBAL = "global";
/** How a browser asks for the log of its own user, whom it need not name. No log has this name. */
export const OWN = "user";

const CHANNEL = "channel:";

/** What a channel's name may be, as a sentence for error texts. */
export const CHANNEL_NAME = "1 to 120 of the characters A-Z a-z 0-9 _ . : @ / = + ~ -";

/** The log of a channel; `undefined` for what is no channel's name. */
export function logOfChannel(name: unknown): string | undefined {
  const log = typeof name === "string" && name !== "" && CHANNEL + name;
  return isChannelName(log) ? log : undefined;
}

/** The name of the channel whose log this is. */
export function channelOf(log: string): string | undefined {
  return log.startsWith(CHANNEL) ? log.slice(CHANNEL.length) : undefined;
}
