import { TidingsError } from "../protocol/error.ts";
import { DEFAULT_DISCONNECT_SECS, DEFAULT_GRACE_SECS } from "../protocol/limits.ts";
import { CHANNEL_GRAMMAR, isChannelName } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { isTarget, type DisconnectTarget } from "./disconnects.ts";
import { badOption } from "./options.ts";

/** Options of `disconnect`. One of `user` and `channel` is needed; with both, those of this user that have this channel are meant. */
export interface DisconnectOptions {
  /** As `identify` names them. */
  readonly user?: string | undefined;
  readonly channel?: string | undefined;
  /** Seconds for which the answers of other servers are counted. What they end, they end at once. @default 1 */
  readonly timeoutSecs?: number | undefined;
}

/** Options of `drain`. */
export interface DrainOptions {
  /**
   * Seconds over which the clients leave, one after the other. With 0 nobody is told: all streams end at once, as by `close()`, and
   * their clients come back by themselves, each at a moment of its own. @default 10
   */
  readonly graceSecs?: number | undefined;
}

const DISCONNECT_OPTIONS: Readonly<Record<keyof DisconnectOptions, true>> = { user: true, channel: true, timeoutSecs: true };
const DRAIN_OPTIONS: Readonly<Record<keyof DrainOptions, true>> = { graceSecs: true };

/** @throws TidingsError `bad_option` */
export function checkDisconnect(options: DisconnectOptions): { readonly target: DisconnectTarget; readonly answerMs: number } {
  if (typeof options !== "object" || options === null) throw badOption("disconnect(…)", "{ user, channel }", options);
  refuseUnknownOptions("`disconnect(…)`", options, DISCONNECT_OPTIONS);
  const { user, channel, timeoutSecs } = options;
  if (user !== undefined && typeof user !== "string") throw badOption("user", "a name, as `identify` returns it", user);
  if (channel !== undefined && !isChannelName(channel))
    throw badOption("channel", `a channel's name, ${CHANNEL_GRAMMAR}`, channel);
  if (!isTarget({ user, channel })) {
    throw new TidingsError(
      "bad_option",
      "`disconnect` takes `{ user }`, as `identify` names them, `{ channel }`, or both: it ends the streams of that user, those that have that channel, or those of that user that have it. It got neither. To end all streams, close or drain the instance.",
    );
  }
  return { target: { user, channel }, answerMs: 1_000 * secondsOf("timeoutSecs", timeoutSecs, DEFAULT_DISCONNECT_SECS) };
}

/** @returns the grace, in milliseconds. @throws TidingsError `bad_option` */
export function checkDrain(options: DrainOptions): number {
  if (typeof options !== "object" || options === null) throw badOption("drain(…)", "{ graceSecs }", options);
  refuseUnknownOptions("`drain(…)`", options, DRAIN_OPTIONS);
  return 1_000 * secondsOf("graceSecs", options.graceSecs, DEFAULT_GRACE_SECS);
}

function secondsOf(name: string, value: number | undefined, fallback: number): number {
  const secs = value ?? fallback;
  // Somebody waits for it: there is an end.
  if (typeof secs !== "number" || !(secs >= 0 && secs <= 3_600))
    throw badOption(name, "a number of seconds from 0 to 3600", secs);
  return secs;
}
