import type { Hub } from "../hub/hub.ts";
import type { BrokerStatus } from "../hub/observer.ts";
import type { GapReason, RefusalReason } from "../protocol/codes.ts";

/**
 * What a process does on one broker. All instances that share the broker and the key prefix count together, as Next.js makes several of
 * one module. Counts are since the first of them was used.
 */
export interface RealtimeStats {
  /** Streams that are open. */
  readonly streams: number;
  /** Requests for a page that wait for an answer. */
  readonly pages: number;
  /** Server-side subscriptions that are open. */
  readonly subscriptions: number;
  /** Channels that are listened to: those with a reader, and those whose last reader left less than 30 s ago. */
  readonly channels: number;
  /** Readers that were up to date and are behind. A reader is a stream, a page or a subscription on one of its channels. */
  readonly lagging: number;
  /** Events that were handed to the broker. What was refused before (an unknown event, an invalid payload) is not among them. */
  readonly emits: {
    /** Those whose outcome is not known yet are in no other count. */
    readonly total: number;
    readonly stored: number;
    /** Emits that rejected. Of those with `outcome_unknown` the event may be in the log. */
    readonly failed: number;
  };
  /** Events, each as often as there were readers to whom it was given. */
  readonly deliveries: number;
  /** Bytes that were written to streams, heartbeats included, and of pages. Without headers, and before anything compresses them. */
  readonly bytesSent: number;
  /** Readers that asked for what was before them, and have caught up: from this process's memory alone, or also from the log. */
  readonly replays: { readonly memory: number; readonly log: number };
  /** Gaps that readers were told of, by reason. */
  readonly gaps: Readonly<Record<GapReason, number>>;
  /** Requests that got neither a stream nor a page, by code; `middleware` for those that it answered by itself. */
  readonly refusals: Readonly<Record<RefusalReason, number>>;
  /** Times that the log was asked for what streams, pages and subscriptions need. `history` and `cursor` are not counted. */
  readonly logReads: number;
  readonly broker: BrokerStatus;
}

/** The stats of a hub as of now. */
export function statsOf({ streams, channels, watch }: Hub): RealtimeStats {
  const { pages, subscriptions, lagging, emits, stored, notStored, deliveries, bytesSent, logReads } = watch;
  return {
    ...{ streams, pages, subscriptions, channels, lagging },
    emits: { total: emits, stored, failed: notStored },
    ...{ deliveries, bytesSent },
    replays: { memory: watch.replaysFromMemory, log: watch.replaysFromLog },
    gaps: { ...watch.gaps },
    refusals: { ...watch.refusals },
    logReads,
    broker: watch.broker.status,
  };
}
