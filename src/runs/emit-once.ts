import { isTidingsError, TidingsError, type Channel, type HistoryMessage } from "../index.ts";
import type { RunChannels } from "./events.ts";
import { onceIdOf } from "./once-id.ts";

/** One event of a run, which may be told of several times and is to be stored once. */
export interface RunEvent {
  /** Where it is stored. */
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
  /** What makes it the only one, the run's id among it: the `id` of the emit. */
  readonly id: readonly string[];
  /** How an earlier one is found in a log that only this run writes to. @default it is not looked for */
  readonly earlier?: EarlierEvent | undefined;
}

/** What a log is searched for when the log's own memory for ids, five minutes, may not reach back far enough. */
export interface EarlierEvent {
  /** When the run began, in milliseconds since 1970; `NaN` if nobody knows. */
  readonly since: number;
  /** Whether a stored event of the same name may be this one. */
  readonly matches: (data: unknown) => boolean;
  /** How many of them there are when this one is stored: 2 for the second step of a name. */
  readonly count: number;
}

/** The log remembers ids for five minutes. One less, so that clocks may differ. */
const REMEMBERED_MS = 240_000;

/**
 * Stores an event unless it is stored: within five minutes by the `id` of the emit, later by what the log holds.
 *
 * @throws TidingsError of the emit's or the look-up's code, which says what is missing now on a page
 */
export async function emitOnce<O>(realtime: RunChannels<O>, one: RunEvent): Promise<void> {
  try {
    // Names and data are checked when it runs: they come from options.
    const channel = realtime.channel(one.channel) as unknown as Channel;
    if (one.earlier && (await isStored(channel, one.event, one.earlier))) return;
    await channel.emit(one.event, one.data, { id: await onceIdOf(one.id) });
  } catch (cause) {
    const because = cause instanceof Error ? cause.message.replace(/^tidings: /, "") : String(cause);
    throw new TidingsError(
      isTidingsError(cause) ? cause.code : "not_stored",
      `"${one.event}" was not stored on channel "${one.channel}", so pages do not show it; the run goes on. ${because}`,
      // What the application's own code threw would be thrown again, and who tries again would never come to the next event.
      { cause, retryable: isTidingsError(cause) && cause.retryable },
    );
  }
}

async function isStored(channel: Channel, event: string, { since, matches, count }: EarlierEvent): Promise<boolean> {
  const end = Date.now() - REMEMBERED_MS;
  if (since > end) return false;
  const log: Array<HistoryMessage<object>> = await channel.history({ end });
  return log.filter((entry) => entry.event === event && matches(entry.data)).length >= count;
}
