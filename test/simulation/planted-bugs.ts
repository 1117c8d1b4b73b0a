/**
 * Bugs planted on purpose: what each changes in the sources while the simulation runs, and in no other case. One that is found by no
 * seed would be a hole in the simulation.
 */
import type { Patch } from "./bundle.ts";

export interface PlantedBug extends Patch {
  readonly title: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    title: "a cursor is moved early, to the end of the log when a stream is joined",
    file: "client/listener.ts",
    sound: "      const cursor = cursors.get(channel);\n      if (!cursor) {",
    broken:
      "      const cursor = cursors.get(channel);\n      if (cursor && compareCursors(cursor, tail) < 0) move(channel, tail);\n      if (!cursor) {",
  },
  {
    title: "the chain is not checked by the client",
    file: "client/listener.ts",
    sound: 'if (after !== from && after > "1") skip(channel, from, "reset");',
    broken: "",
  },
  {
    title: "an event that was filtered out does not move the cursor",
    file: "client/listener.ts",
    sound: "if (!move(channel, id) ||",
    broken: "if ((events?.length && !events.includes(event)) || !move(channel, id) ||",
  },
  {
    title: "a gap does not move the cursor",
    file: "client/listener.ts",
    sound: "if (!move(channel, to)) return;",
    broken: "if (!listener.active) return;",
  },
  {
    title: "what was shown is shown again by the next stream",
    file: "client/listener.ts",
    sound: "(compareCursors(after, from) < 0 || compareCursors(to, after) < 0)",
    broken: "false",
  },
  {
    title: "a log that begins above a cursor is taken for its continuation",
    file: "client/listener.ts",
    sound: 'skip(channel, position, "trimmed");',
    broken: "move(channel, position);",
  },
  {
    title: "a reconnect asks for what comes from now on",
    file: "client/listener.ts",
    sound: "request: (channel) => cursors.get(channel) ?? start,",
    broken: "request: () => start,",
  },
  {
    title: "who wants the newest n is shown all that another listener asked for",
    file: "client/listener.ts",
    sound: "if (newest && position !== tail) held.set(coverage, []);",
    broken: "if (newest === -1) held.set(coverage, []);",
  },
  {
    title: "a listener takes part in a stream that was not asked for it",
    file: "client/listener.ts",
    sound: 'suits: (channel, position) => ["", position].includes(listener.request(channel)),',
    broken: "suits: () => true,",
  },
  {
    title: "the last event that is replayed is taken for a new one",
    file: "client/listener.ts",
    sound: 'if (type === "event") hand(frame, compareCursors(to, tail) < 1);',
    broken: 'if (type === "event") hand(frame, compareCursors(to, tail) < 0);',
  },
  {
    title: "one stream for many listeners begins at the latest cursor",
    file: "client/merge-requests.ts",
    sound: 'const [earliest = ""] = cursors;',
    broken: 'const [earliest = ""] = cursors.slice(-1);',
  },
  {
    title: "the server is not told how far a page has come",
    file: "client/merge-requests.ts",
    sound: "...cursors.slice(-1)",
    broken: "",
  },
  {
    title: "a stream that has gone silent is waited for",
    file: "client/stream.ts",
    sound: "if (silence < heartbeat * DEAD_AFTER) return watch();",
    broken: "return watch();",
  },
  {
    title: "a frame that is cut in two loses its first half",
    file: "client/sse-parser.ts",
    sound: "rest = lines.pop() as string;",
    broken: 'lines.pop();\n    rest = "";',
  },
  {
    title: "the old stream is closed before the new one is joined",
    file: "client/machine.ts",
    sound: '[{ ...state, name: "moving" }, "open", OVERLAP_MS]',
    broken: '[{ ...state, name: "opening" }, "drop"]',
  },
  {
    title: "pages that others read are given from the wrong place",
    file: "hub/page-shelf.ts",
    sound: "const frames = page && framesAfter(page.frames, position);",
    broken: "const frames = page?.frames;",
  },
  {
    title: "live events are flushed before the replay",
    file: "hub/topic.ts",
    sound: "for (const feed of this.#live) feed.session.deliver(feed, batch);",
    broken: "for (const feed of [...this.#live, ...this.#waiting.all]) if (!feed.start) feed.session.deliver(feed, batch);",
  },
  {
    title: "the chain is not checked by the server",
    file: "hub/topic.ts",
    sound: "(entry.prev === tail || isNewborn(entry))",
    broken: "true",
  },
  {
    title: "the log is read before the subscription is acknowledged",
    file: "hub/hub.ts",
    sound: "await this.#listener.join(topic.channel);",
    broken: "void this.#listener.join(topic.channel);",
  },
  {
    title: "the catch-up is skipped after the subscription broke",
    file: "hub/topic.ts",
    sound: "if (this.#tail !== undefined) this.#mustCatchUp = true;",
    broken: "",
  },
  {
    title: "a catch-up forgets what was heard meanwhile",
    file: "hub/topic.ts",
    sound: "      this.#drainQueue(asked.queued);",
    broken: "      this.#queue.take();",
  },
  {
    title: "a queue that overflowed is taken for all that was heard",
    file: "hub/topic.ts",
    sound: "if (overflowed) {",
    broken: "if (overflowed && entries.length > 0) {",
  },
  {
    title: "a page that was asked for before the subscription broke is believed",
    file: "hub/topic.ts",
    sound: "if (life === this.#life) this.#apply(page, asked);",
    broken: "this.#apply(page, asked);",
  },
  {
    title: "where a log has moved to is not looked at",
    file: "hub/topic.ts",
    sound: "this.#reached = { last, asked: this.#asked };\n    if (this.#tail === undefined) return;",
    broken: "if (this.#tail !== undefined) return;",
  },
  {
    title: "a feed goes live before it has everything",
    file: "hub/waiting-feeds.ts",
    sound: "if ((position !== level && !isLevel) || feed.session.blocked || !this.#waiting.has(feed)) return false;",
    broken: "if (feed.session.blocked || !this.#waiting.has(feed)) return false;",
  },
  {
    title: "what a turn brought is given twice to who goes live in it",
    file: "hub/topic.ts",
    sound: "    this.flush();\n    if (feed.session.blocked ||",
    broken: "    if (feed.session.blocked ||",
  },
  {
    title: "a slow reader goes on at the tail when it comes back",
    file: "hub/topic.ts",
    sound: "    const before = feed.position;\n    if (this.#hearing)",
    broken:
      '    if (feed.state === "lagging") feed.position = this.#flushed;\n    const before = feed.position;\n    if (this.#hearing)',
  },
  {
    title: "a slow reader rejoins one entry short",
    file: "hub/waiting-feeds.ts",
    sound: "if ((position !== level && !isLevel) || feed.session.blocked || !this.#waiting.has(feed)) return false;",
    broken:
      'const isShort = feed.state === "lagging" && this.#ring.after(position ?? ORIGIN, 1)?.at(-1)?.cursor === level;\n    if ((position !== level && !isLevel && !isShort) || feed.session.blocked || !this.#waiting.has(feed)) return false;',
  },
  {
    title: "the newest n are counted from the end",
    file: "hub/waiting-feeds.ts",
    sound: "feed.position ??= after;",
    broken: "feed.position ??= last;",
  },
  {
    title: "a server that lags joins who is ahead of it",
    file: "hub/waiting-feeds.ts",
    sound: "if (feed.start?.level && compareCursors(feed.start.level, tail) > 0) continue;",
    broken: "",
  },
  {
    title: "who is ahead of a log that was replaced waits for ever",
    file: "hub/topic.ts",
    sound: "if (isComplete(page)) this.#waiting.forgetLevels(page.last, asked);",
    broken: "",
  },
  {
    title: "a gap is announced twice",
    file: "hub/waiting-feeds.ts",
    sound: "    this.#give(feed, new Batch([Frame.ofGap({ channel: this.#channel, after, cursor, reason })]));",
    broken:
      '    this.#give(feed, new Batch([Frame.ofGap({ channel: this.#channel, after, cursor, reason })]));\n    if (reason === "trimmed") feed.position = after;',
  },
  {
    title: "memory is not forgotten at a gap",
    file: "hub/topic.ts",
    sound: "    this.#waiting.forgetPages();\n    this.#ring.clear();\n    this.#emit(gap);",
    broken: "    this.#emit(gap);",
  },
  {
    title: "memory proves what follows a position that it does not hold",
    file: "hub/ring.ts",
    sound: "if (!next || (next.entry?.prev !== position && frames[start - 1]?.cursor !== position)) return undefined;",
    broken: "if (!next) return undefined;",
  },
  {
    title: "memory that is forgotten is not given back",
    file: "hub/ring.ts",
    sound: "    this.#budget.used -= this.#bytes;\n",
    broken: "",
  },
  {
    title: "a gap in the log is passed over",
    file: "hub/merge.ts",
    sound: 'if (order > 0) return { kind: "gap", reason: next.unproven ? "unproven" : "trimmed", cursor: next.prev, from };',
    broken: 'if (order > 0) return { kind: "on", from };',
  },
  {
    title: "a log that was replaced is taken for the old one",
    file: "hub/merge.ts",
    sound: 'return { kind: "gap", reason: "reset", cursor: last, from: entries.length };',
    broken: 'return { kind: "on", from };',
  },
  {
    title: "who is joined is told that the log ends where it stands",
    file: "hub/stream-session.ts",
    sound: "const frame = connectedFrame({ channel, cursor, tail,",
    broken: "const frame = connectedFrame({ channel, cursor, tail: cursor,",
  },
  {
    title: "a stream of several channels does not say where it stands after live events",
    file: "hub/stream-session.ts",
    sound: "const bytes = batch.bytes(this.#solo);\n    this.#moved = true;",
    broken: "const bytes = batch.bytes(this.#solo);",
  },
  {
    title: "what a stream says of where it stands belongs to other channels",
    file: "hub/stream-session.ts",
    sound: 'this.#feeds.map((feed) => feed?.resumption ?? "")',
    broken: 'this.#feeds.map((feed) => feed?.resumption ?? "").reverse()',
  },
  {
    title: "where a stream stands forgets a channel that cannot be had for a moment",
    file: "hub/stream-session.ts",
    sound: "if (!WIRE_CODES[code].retry) this.#feeds =",
    broken: "this.#feeds =",
  },
  {
    title: "the id of a gap is where it begins",
    file: "hub/frame.ts",
    sound: "const id = idLine(cursor);",
    broken: "const id = idLine(content.gap?.after ?? cursor);",
  },
  {
    title: "where a plain EventSource stood is read from its URL alone",
    file: "transports/stream-request.ts",
    sound: 'const byPosition = lastEventId || query.get("lastEventId")',
    broken: 'const byPosition = query.get("lastEventId")',
  },
  {
    title: "a late stream leads back into a log that another one has followed since",
    file: "client/client.ts",
    sound: "      return ended(opened, 0);\n    // First,",
    broken: "      void 0;\n    // First,",
  },
  {
    title: "who was told that the log is gone is given out as standing where it ended",
    file: "hub/feed.ts",
    sound: "return this.source.flushed === this.levelledAt ? this.position : this.source.flushed;",
    broken: "return this.source.flushed;",
  },
  {
    title: "a page for who has no stream forgets what it told",
    file: "hub/page-session.ts",
    sound: "      this.#told.set(feed, frame.cursor);\n",
    broken: "",
  },
  {
    title: "a handler of a server is told that the first new event is a replay",
    file: "hub/subscription.ts",
    sound: "const replayed = this.#replayedUpTo !== undefined && compareCursors(cursor, this.#replayedUpTo) <= 0;",
    broken: "const replayed = this.#replayedUpTo !== undefined && compareCursors(after, this.#replayedUpTo) <= 0;",
  },
  {
    title: "a handler of a server is called before it is done",
    file: "hub/subscription.ts",
    sound: "        await this.#handle(frame);",
    broken: "        await Promise.resolve(void this.#handle(frame).catch(() => {}));",
  },
  {
    title: "a log that lived and expired while its reader was away is not thought of",
    file: "hub/merge.ts",
    sound: "return Math.max(until - lifeMs, aliveSince);",
    broken: "return aliveSince;",
  },
  {
    title: "a store that was started anew is not thought of",
    file: "hub/merge.ts",
    sound: "return Math.max(until - lifeMs, aliveSince);",
    broken: "return until - lifeMs;",
  },
  {
    title: "who stood before the beginning is taken back without a look",
    file: "hub/waiting-feeds.ts",
    sound: "    return isUnbroken(position, timeOf(tail), this.#state.keeping);",
    broken: "    return true;",
  },
  {
    title: "who has all that is held is not told when it began",
    file: "hub/waiting-feeds.ts",
    sound: "verdict.cursor : datedIn(page, before);",
    broken: "verdict.cursor : before;",
  },
  {
    title: "a cursor before the beginning is not asked about beside what is held",
    file: "client/merge-requests.ts",
    sound: ' || (earliest[0] as string) < "1"',
    broken: "",
  },
  {
    title: "a server that slept vouches for what it did not hear",
    file: "hub/topic.ts",
    sound: "this.#mustCatchUp = this.#doubts = true;",
    broken: "",
  },
];
