import { Subscription, type SubscriptionHandlers } from "../hub/subscription.ts";
import type { FeedStart } from "../hub/feed.ts";
import { compareCursors, isRealtimeCursor, type RealtimeCursor } from "../protocol/cursor.ts";
import { CursorUnavailableError, TidingsError } from "../protocol/error.ts";
import type { Gap } from "../protocol/frames.ts";
import { MAX_HISTORY_LIMIT } from "../protocol/limits.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { CompiledSchema } from "../schema/compile.ts";
import type { DeliveredEvent } from "../schema/message.ts";
import type { RealtimeCore } from "./core.ts";
import { MAX_SEQUENCE, timeBound } from "./history.ts";
import { badOption } from "./options.ts";
import { whenAborted } from "./when-aborted.ts";

/** Options of a server-side `subscribe`, with the message type `M` and the event names `E`. */
export interface SubscribeOptions<E extends string, M> {
  /** Only these events. @default all */
  readonly events?: readonly E[] | undefined;
  /**
   * Called for each event, one at a time, in the order of the log; awaited before the next. If it throws, the error is logged and
   * the next event follows.
   */
  onData(message: M): unknown;
  /** Past events first, then what is new: `true` for all that is held, `{ limit }` for the newest. @default false */
  readonly history?:
    | boolean
    | { readonly limit?: number | undefined; readonly start?: number | undefined; readonly end?: number | undefined }
    | undefined;
  /** Go on after this cursor, exclusive. Not together with `history`. */
  readonly after?: string | undefined;
  /** Events may be missing: fetch the current state anew. Awaited like `onData`. Without it, one warning is logged. */
  onGap?(gap: Gap): unknown;
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const SUBSCRIBE_OPTIONS: Readonly<Record<keyof SubscribeOptions<string, unknown>, true>> = {
  events: true,
  onData: true,
  history: true,
  after: true,
  onGap: true,
  signal: true,
};
const PAST_OPTIONS: Readonly<Record<"limit" | "start" | "end", true>> = { limit: true, start: true, end: true };

/**
 * Subscribes server code to a channel. Resolves when what is emitted from now on will arrive, or when it was ended before that.
 *
 * @returns ends the subscription; safe to call twice.
 * @throws TidingsError `bad_option`, `bad_cursor`, `unknown_event`, `bad_event`, `closed`, `channel_unavailable`;
 * `cursor_unavailable` when `after` cannot be proved and there is no `onGap` to tell it to.
 */
export async function subscribe(
  core: RealtimeCore,
  channel: string,
  options: SubscribeOptions<string, DeliveredEvent<string, unknown>>,
): Promise<() => void> {
  const { start, accepts } = checkSubscribe(options, core.schema);
  const { onData, onGap, signal } = options;
  const { logger } = core.settings;
  signal?.throwIfAborted();
  const hub = core.hub();

  return await new Promise<() => void>((resolve, reject) => {
    let warned = false;
    // A position that was asked for by name and is gone is told to the caller, before anything else happens.
    let asked: RealtimeCursor | undefined = start.kind === "after" && !onGap ? start.cursor : undefined;
    const handlers: SubscriptionHandlers = {
      joined: () => {
        // The gap, if there is one, comes in the same turn as the join.
        queueMicrotask(() => {
          asked = undefined;
          resolve(end);
        });
      },
      entry: (entry, replayed) => {
        if (!accepts(entry.event, replayed ? entry.id : undefined)) return undefined;
        return onData({ id: entry.id, channel, event: entry.event, data: JSON.parse(entry.json) as unknown, replayed });
      },
      gap: (gap) => {
        if (asked !== undefined) {
          finish(new CursorUnavailableError(channel, asked));
        } else if (onGap) {
          return onGap(gap);
        } else if (!warned) {
          warned = true;
          logger.warn(
            `tidings: events of channel "${channel}" may be missing (${gap.reason}). Pass \`onGap\` to \`subscribe\` and fetch the current state there.`,
          );
        }
        return undefined;
      },
      failed: (code) => {
        const error = new TidingsError(
          code,
          `channel "${channel}" cannot be read: its key may hold something else, or the broker refuses it. The broker's own words are in the log.`,
        );
        logger.error(error.message);
        finish(error);
      },
      thrown: (error) => logger.error(`tidings: a subscriber of channel "${channel}" threw; the next event follows.`, error),
    };
    const subscription = new Subscription(handlers, { kind: "subscription", channels: [channel], observer: core.observers });
    /** @param reason what went wrong, if anything did. Once the subscription is joined, nobody hears of it. */
    const finish = (reason?: unknown): void => {
      if (core.subscriptions.delete(channel, finish)) hub.watch.subscriptions--;
      subscription.end();
      forgetSignal?.();
      // It would wait for the broker for ever.
      if (reason === undefined) resolve(end);
      else reject(reason);
    };
    const end = (): void => finish();
    const forgetSignal = signal && whenAborted(signal, () => finish(signal.reason));
    subscription.open(hub.attach(channel, subscription, start));
    core.subscriptions.add(channel, finish);
    hub.watch.subscriptions++;
  });
}

function checkSubscribe(
  options: SubscribeOptions<string, never>,
  schema: CompiledSchema,
): {
  start: FeedStart;
  /** @param replayed the id of an event of the past */
  accepts: (event: string, replayed: RealtimeCursor | undefined) => boolean;
} {
  if (typeof options !== "object" || options === null) throw badOption("subscribe(…)", "an object with onData", options);
  refuseUnknownOptions("`subscribe(…)`", options, SUBSCRIBE_OPTIONS);
  const { events, onData, history, after } = options;
  if (typeof onData !== "function") throw badOption("onData", "a function", onData);
  if (options.onGap !== undefined && typeof options.onGap !== "function") throw badOption("onGap", "a function", options.onGap);
  if (options.signal !== undefined && typeof options.signal?.throwIfAborted !== "function")
    throw badOption("signal", "an AbortSignal", options.signal);
  if (events !== undefined && !Array.isArray(events)) throw badOption("events", "an array of event names", events);
  // It would wait for ever.
  for (const event of events ?? []) schema.checkName(event);
  if (after !== undefined && history !== undefined && history !== false) {
    throw new TidingsError(
      "bad_option",
      "`subscribe` takes `after` or `history`, not both: `after` already says where the past begins.",
    );
  }
  if (after !== undefined && !isRealtimeCursor(after)) {
    throw new TidingsError(
      "bad_cursor",
      `\`after\` takes a cursor as \`emit\`, \`cursor()\` or an event's \`id\` gives it; it got ${JSON.stringify(after)}.`,
    );
  }
  const names = events && events.length > 0 ? new Set<string>(events) : undefined;
  const { start, range } = startOf(after, history);
  const accepts = (event: string, replayed: RealtimeCursor | undefined): boolean =>
    (names === undefined || names.has(event)) &&
    (replayed === undefined ||
      ((range.from === undefined || compareCursors(replayed, range.from) >= 0) &&
        (range.to === undefined || compareCursors(replayed, range.to) <= 0)));
  return { start, accepts };
}

/** Which part of the past is told. */
interface PastRange {
  readonly from?: RealtimeCursor | undefined;
  readonly to?: RealtimeCursor | undefined;
}

function startOf(
  after: RealtimeCursor | undefined,
  history: SubscribeOptions<string, never>["history"],
): { readonly start: FeedStart; readonly range: PastRange } {
  if (after !== undefined) return { start: { kind: "after", cursor: after }, range: {} };
  if (history === undefined || history === false) return { start: { kind: "live" }, range: {} };
  if (history === true) return { start: { kind: "held" }, range: {} };
  if (typeof history !== "object" || history === null)
    throw badOption("history", "true, false or { limit, start, end }", history);
  refuseUnknownOptions("`history` of `subscribe`", history, PAST_OPTIONS);
  const { limit } = history;
  const range = {
    from: timeBound("history.start", history.start, "0"),
    to: timeBound("history.end", history.end, MAX_SEQUENCE),
  };
  if (limit === undefined) return { start: { kind: "held" }, range };
  if (!Number.isSafeInteger(limit) || limit < 1) throw badOption("history.limit", "a whole number of at least 1", limit);
  return { start: { kind: "newest", count: Math.min(limit, MAX_HISTORY_LIMIT), ...range }, range };
}
