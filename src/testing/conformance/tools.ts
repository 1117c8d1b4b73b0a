import type { Broker, Entry, Listener, LocateRange, Location, Page, Retention } from "../../brokers/broker.ts";
import { compareCursors, isOrigin, ORIGIN, type RealtimeCursor } from "../../protocol/cursor.ts";
import { assert, assertEqual } from "./assert.ts";

/** Nothing is trimmed and nothing expires. */
export const KEEP_ALL: Retention = { maxLength: Number.POSITIVE_INFINITY, expireAfterMs: Number.POSITIVE_INFINITY };
export const TIMEOUT_MS = 10_000;

let emits = 0;

/** Appends one entry whose payload is `json`. */
export function append(
  broker: Broker,
  channel: string,
  json: string,
  retention: Retention = KEEP_ALL,
): Promise<RealtimeCursor> {
  return broker.append(channel, { event: "test.event", json, emitId: `emit${++emits}` }, retention, TIMEOUT_MS);
}

/** Appends `"0"`, `"1"`, … one after the other. */
export async function appendMany(
  broker: Broker,
  channel: string,
  count: number,
  retention: Retention = KEEP_ALL,
): Promise<RealtimeCursor[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => append(broker, channel, String(at), retention)));
}

/** All entries of a log in one page, without what a broker says of times. */
export async function readAll(broker: Broker, channel: string, after: RealtimeCursor = ORIGIN): Promise<Page> {
  const { entries, last } = await broker.read(channel, after, { pageBytes: Number.MAX_SAFE_INTEGER });
  return { entries, last: undated(last) };
}

/** As {@link Broker.locate}, without what a broker says of times. */
export async function locateIn(broker: Broker, channel: string, range: LocateRange): Promise<Location> {
  const { after, last } = await broker.locate(channel, range);
  return { after: undated(after), last: undated(last) };
}

/** Before the first entry a position may name a time. */
function undated(cursor: RealtimeCursor): RealtimeCursor {
  return isOrigin(cursor) ? ORIGIN : cursor;
}

export function idsOf(entries: readonly Entry[]): RealtimeCursor[] {
  return entries.map((entry) => entry.id);
}

export function jsonsOf(entries: readonly Entry[]): string[] {
  return entries.map((entry) => entry.json);
}

/** Fails unless the entries follow each other without a hole. */
export function assertChained(entries: readonly Entry[], what: string): void {
  for (let at = 1; at < entries.length; at++) {
    assertEqual(entries[at]?.prev, entries[at - 1]?.id, `${what}: prev of entry ${at}`);
  }
}

/** A listener that writes down what it is told. */
export interface Recorder {
  readonly listener: Listener;
  /** How often each channel was lost; under `*` how often all were. */
  readonly losses: Readonly<Record<string, number>>;
  readonly restored: ReadonlyArray<readonly string[]>;
  /** What was heard of a channel, in order. */
  heard(channel: string): readonly Entry[];
}

/** Listens with a {@link Recorder}. @param onEntry runs after an entry was written down */
export function record(broker: Broker, onEntry: (channel: string, entry: Entry) => void = () => {}): Recorder {
  const entries = new Map<string, Entry[]>();
  const restored: Array<readonly string[]> = [];
  const losses: Record<string, number> = {};

  /** Reads what a broker said to be there, as a hub does: up to `last`, from the newest that is known. */
  async function follow(channel: string, last: RealtimeCursor): Promise<void> {
    const known = entries.get(channel) ?? [];
    entries.set(channel, known);
    // What is heard from here on may be newer than what is read.
    const newest = known.at(-1)?.id;
    const page = await readAll(broker, channel).catch(() => undefined);
    for (const entry of page?.entries ?? []) {
      const isNew = newest === undefined ? entry.id === last : compareCursors(entry.id, newest) > 0;
      if (!isNew || compareCursors(entry.id, last) > 0 || known.some(({ id }) => id === entry.id)) continue;
      const at = known.findIndex(({ id }) => compareCursors(id, entry.id) > 0);
      known.splice(at < 0 ? known.length : at, 0, entry);
      onEntry(channel, entry);
    }
  }

  const listener = broker.listen({
    entry(channel, entry) {
      const known = entries.get(channel);
      if (known) known.push(entry);
      else entries.set(channel, [entry]);
      onEntry(channel, entry);
    },
    moved: (channel, last) => void follow(channel, last),
    lost(channels = ["*"]) {
      for (const channel of channels) losses[channel] = (losses[channel] ?? 0) + 1;
    },
    restored: (channels) => void restored.push(channels),
  });
  return {
    listener,
    restored,
    losses,
    heard: (channel) => entries.get(channel) ?? [],
  };
}

/** The last of a list that is not empty. */
export function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  assert(last !== undefined, "expected a list that is not empty");
  return last;
}
