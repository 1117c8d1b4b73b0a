/** Names that both sides of this way in share. It imports nothing, so it can go to a browser. */

/** Channels that one connection takes. */
export const MAX_LIVE_CHANNELS = 25;

/** Where the route is, unless it is said otherwise. */
export const DEFAULT_ENDPOINT = "/api/flowpanel/stream";

const LIVE_CHANNEL = /^[A-Za-z0-9_.:-]{1,128}$/;
const RESOURCE = "resource.";

/** What {@link isLiveChannel} accepts, as a sentence for error texts. */
export const LIVE_CHANNEL_GRAMMAR = "1 to 128 of the characters A-Z a-z 0-9 _ . : -";

/** Whether `value` can name a channel here: fewer names than `Realtime` takes. */
export function isLiveChannel(value: unknown): value is string {
  return typeof value === "string" && LIVE_CHANNEL.test(value);
}

/** The channel on which a resource's changes are told. */
export function resourceChannel(name: string): string {
  return RESOURCE + name;
}

/** The resource whose changes a channel tells; nothing for any other channel. */
export function resourceOf(channel: string): string | undefined {
  return channel.startsWith(RESOURCE) ? channel.slice(RESOURCE.length) : undefined;
}

/**
 * A resource as a browser knows it. Plain data: a server component can hand it to a client component, and a route can answer it.
 */
export interface LiveTarget {
  readonly name: string;
  /** Whether its lists refresh by themselves. */
  readonly realtime: boolean;
  /** Where its log stood before the rows were read: a list that goes on from here misses nothing and need not fetch twice. */
  readonly cursor?: string | undefined;
}
