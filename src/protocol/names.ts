/** The grammar of names, in one place for `emit`, `handle` and the brokers alike (PROTOCOL.md, "Names"). */

/** The channel that is meant when none is named. */
export const DEFAULT_CHANNEL = "default";

const KEY_PREFIX = /^[^{}\s]{1,128}$/;
const CHANNEL = /^[A-Za-z0-9_.:@/=+~-]{1,128}$/;
const ONCE_ID = /^[\x20-\x7e]{1,128}$/;
const EVENT = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,9}$/;

/** What {@link isChannelName} accepts, as a sentence for error texts. */
export const CHANNEL_GRAMMAR = "1 to 128 of the characters A-Z a-z 0-9 _ . : @ / = + ~ -";

/** What {@link isEventName} accepts, as a sentence for error texts. */
export const EVENT_GRAMMAR = "1 to 10 segments of A-Z a-z 0-9 _ - (64 at most each), joined by dots";

/** What {@link isOnceId} accepts, as a sentence for error texts. */
export const ONCE_ID_GRAMMAR = "1 to 128 printable ASCII characters";

/** What {@link isKeyPrefix} accepts, as a sentence for error texts. */
export const KEY_PREFIX_GRAMMAR = "1 to 128 characters without braces and white space";

/** Whether `value` can begin the name of every key. */
export function isKeyPrefix(value: unknown): value is string {
  return typeof value === "string" && KEY_PREFIX.test(value);
}

/** Whether `value` can name a channel. Braces are refused: they would choose the slot of a Redis Cluster. */
export function isChannelName(value: unknown): value is string {
  return typeof value === "string" && CHANNEL.test(value);
}

/**
 * The log through which the processes of one application speak to each other. No request, `emit` or `subscribe` can name it, for no
 * channel's name has a `!`.
 */
export const CONTROL_CHANNEL = "!control";

/** Whether `value` can name a log, for brokers: a channel's, or that of {@link CONTROL_CHANNEL}. */
export function isLogName(value: unknown): value is string {
  return isChannelName(value) || value === CONTROL_CHANNEL;
}

/** Whether `value` can name an event. */
export function isEventName(value: unknown): value is string {
  return typeof value === "string" && EVENT.test(value);
}

/** Whether `value` can be the `id` of an emit. */
export function isOnceId(value: unknown): value is string {
  return typeof value === "string" && ONCE_ID.test(value);
}
