import { compareCursors, isCursorText, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { DEFAULT_CHANNEL, isChannelName } from "../protocol/names.ts";
import type { ClientSubscribeOptions } from "./options.ts";
import { guarded, warn } from "./report.ts";
import type { MovingFrame, WireEvent, WireFrame } from "./wire.ts";

/** What a stream has said of one channel: everything from where it began up to `cursor`. */
export interface Coverage {
  /** The log's last id when the stream joined. */
  tail: RealtimeCursor;
  cursor: RealtimeCursor;
}

/**
 * One subscription. It has a cursor of its own on each channel, and takes from a stream only what continues it: of two streams
 * that overlap, each event is taken once, from whichever has it first without a hole.
 */
export interface Listener {
  readonly channels: readonly string[];
  /** Whether it is subscribed. Nothing is called after it has ended, and no cursor moves. */
  active: boolean;
  /** How a stream must ask for `channel`: `""` from now on, `"-"` what is held, `"-20"` the newest 20, or after a cursor. */
  request(channel: string): string;
  /**
   * Whether what a stream brings from `position` on is all that it asks for. Anywhere else is for the server to say.
   *
   * @param position `undefined` when it is not known yet, `false` when the stream brings nothing: the server has refused the channel.
   */
  suits(channel: string, position: RealtimeCursor | undefined | false): boolean;
  /**
   * A stream has joined a channel, and was asked for with this listener in mind.
   *
   * @param isUnasked whether the place where it stands is another than the server was asked about, and was so from the beginning.
   */
  joined(channel: string, coverage: Coverage, isUnasked?: boolean): void;
  /** A stream moves from the position `from`. */
  take(frame: MovingFrame, from: RealtimeCursor, coverage: Coverage): void;
  /** A channel was not to be had; without a frame: the stream was lost. For who passes on what a stream says. */
  problem?(frame?: WireFrame): void;
}

/** Turns options into a listener. @throws TypeError for an `after` that cannot be meant */
export function createListener(options: ClientSubscribeOptions): Listener {
  const { history, after, events, channels: given = [DEFAULT_CHANNEL], cursors = new Map<string, RealtimeCursor>() } = options;
  const { limit = Infinity, length: wanted = limit, since = 0 } = history === true ? {} : history || { limit: 0 };
  void warn(async () => (await import("./explain-options.ts")).explainSubscribe(options, given));
  // Only what the server can take: for one bad name it would refuse the channels of all the others.
  const channels = [...new Set(given)].filter((channel) => {
    void warn(() => (!channel || isChannelName(channel) ? "" : `"${String(channel)}" is not a channel name, and is left out.`));
    return isChannelName(channel);
  });
  for (const channel of channels) {
    const cursor = typeof after === "object" ? Object.hasOwn(after, channel) && after[channel] : after;
    if (!cursor) continue;
    if (history || !isCursorText(cursor) || (after === cursor && channels[1])) {
      void warn(async () =>
        (await import("./explain-options.ts")).explainAfter({ cursor, isCursor: isCursorText(cursor), history, channels }),
      );
      throw new TypeError("tidings: after");
    }
    if (!cursors.has(channel)) cursors.set(channel, cursor);
  }
  /** How many of the newest are wanted; 0 for no such wish. */
  const newest = wanted < 1e9 ? wanted | 0 : 0;
  const start = wanted < 1 ? "" : newest ? `-${newest}` : "-";
  /**
   * The newest of what was stored, by the stream that brings it, until all of it has come. The listener has no cursor until it
   * was handed over: a stream that breaks before is asked for the newest again.
   */
  const held = new WeakMap<Coverage, WireEvent[]>();

  /** @returns something only while it is subscribed */
  const move = (channel: string, to: RealtimeCursor): unknown => listener.active && cursors.set(channel, to);

  /** Goes on at `to`, and says that entries before it may be missing. */
  function skip(channel: string, to: RealtimeCursor, reason: Gap["reason"]): void {
    const gap: Gap = { channel, after: cursors.get(channel) as RealtimeCursor, cursor: to, reason };
    if (!move(channel, to)) return;
    void warn(() =>
      options.onGap ? "" : `events of channel "${channel}" may be missing (${reason}). Fetch the current state in onGap.`,
    );
    void guarded(() => options.onGap?.(gap));
  }

  function hand({ channel, cursor: id, event, data }: WireEvent, replayed: boolean): void {
    if (!move(channel, id) || (replayed && parseInt(id) < since) || (events?.length && !events.includes(event))) return;
    void guarded(() => options.onData?.({ id, channel, event, data, replayed }));
  }

  const listener: Listener = {
    channels,
    active: true,
    request: (channel) => cursors.get(channel) ?? start,
    suits: (channel, position) => ["", position].includes(listener.request(channel)),

    joined(channel, coverage, isUnasked) {
      void warn(async () => (await import("./explain.ts")).noteJoined());
      const { cursor: position, tail } = coverage;
      const cursor = cursors.get(channel);
      if (!cursor) {
        if (newest && position !== tail) held.set(coverage, []);
        // What is new begins behind what others are still given, and behind what they were given since the stream joined.
        else move(channel, start || compareCursors(tail, position) < 0 ? position : tail);
      } else if (compareCursors(cursor, position) < 0) {
        // Asked for on behalf of another listener: the log begins above us.
        skip(channel, position, "trimmed");
      } else if (isUnasked && compareCursors(cursor, tail) > 0) {
        // Above the end of the log, and was there when that was read: perhaps nothing will ever follow it.
        skip(channel, tail, "reset");
      }
    },

    take(frame, from, coverage) {
      const { type, channel, cursor: to, reason } = frame;
      const { tail } = coverage;
      const messages = held.get(coverage);
      if (messages && !cursors.has(channel)) {
        if (type === "event" && messages.push(frame) > newest) messages.shift();
        if (type !== "gap" && compareCursors(to, tail) < 0) return;
        for (const message of messages) hand(message, compareCursors(message.cursor, tail) < 1);
        move(channel, type === "gap" ? from : to);
      }
      const after = cursors.get(channel);
      if (!after || after === to) return;
      // A new log has nothing to do with where anybody stood in the old one.
      if (reason !== "reset" && (compareCursors(after, from) < 0 || compareCursors(to, after) < 0)) return;
      if (reason) skip(channel, to, reason);
      else {
        // Every stream of this log meets each position of it: one that passes ours without meeting it brings another log.
        // Before the first entry there are many positions, one for each time at which somebody looked.
        if (after !== from && after > "1") skip(channel, from, "reset");
        if (type === "event") hand(frame, compareCursors(to, tail) < 1);
        else move(channel, to);
      }
    },
  };
  return listener;
}
