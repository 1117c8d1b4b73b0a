/**
 * Bugs planted on purpose: what each changes in the sources while the simulation runs, and in no other case. One that is found by no
 * seed would be a hole in the simulation.
 */
export interface PlantedBug {
  readonly title: string;
  /** Below `src`. */
  readonly file: string;
  /** Stands in the file once. */
  readonly sound: string;
  readonly broken: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    title: "the chain is not checked by the client",
    file: "client/listener.ts",
    sound: 'if (after !== from) skip(channel, from, "reset");',
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
    title: "the chain is not checked by the server",
    file: "hub/topic.ts",
    sound: "(entry.prev === tail || isNewborn(entry))",
    broken: "true",
  },
  {
    title: "nothing is caught up with after the subscription broke",
    file: "hub/topic.ts",
    sound: "if (this.#tail !== undefined) this.#mustCatchUp = true;",
    broken: "",
  },
  {
    title: "a feed goes live before it has everything",
    file: "hub/topic.ts",
    sound: "if (feed.position !== level || feed.session.blocked || !this.#waiting.has(feed)) return false;",
    broken: "if (feed.session.blocked || !this.#waiting.has(feed)) return false;",
  },
  {
    title: "a server that lags joins who is ahead of it",
    file: "hub/topic.ts",
    sound: "if (feed.start?.level && compareCursors(feed.start.level, tail) > 0) continue;",
    broken: "",
  },
  {
    title: "memory is not forgotten at a gap",
    file: "hub/topic.ts",
    sound: "    this.#ring.clear();\n    this.#emit(gap);",
    broken: "    this.#emit(gap);",
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
    title: "a page for who has no stream forgets what it told",
    file: "hub/page-session.ts",
    sound: "      this.#told.set(feed, frame.cursor);\n",
    broken: "",
  },
];
