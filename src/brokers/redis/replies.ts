import { compareCursors, isRealtimeCursor, positionBelow, type RealtimeCursor } from "../../protocol/cursor.ts";
import { isEventName } from "../../protocol/names.ts";
import { splitTrace } from "../../protocol/trace.ts";
import type { Entry, Location, Page } from "../broker.ts";

/** What the append script answered. */
export interface Appended {
  readonly id: RealtimeCursor;
  /** Why the log's expiry could not be set, if so. */
  readonly expireError: string | undefined;
  /** Why the entry could not be announced, if so. */
  readonly publishError: string | undefined;
  /** Why the caller's own id could not be remembered, if so. */
  readonly onceError: string | undefined;
}

/** Reads the reply of `append.lua`; `undefined` when it is none. */
export function parseAppended(reply: unknown): Appended | undefined {
  const [id, expireError, publishError, onceError] = Array.isArray(reply) ? (reply as unknown[]) : [reply];
  if (!isRealtimeCursor(id)) return undefined;
  return { id, expireError: textOf(expireError), publishError: textOf(publishError), onceError: textOf(onceError) };
}

/**
 * Reads the reply of `read.lua`; `undefined` when it is none.
 * @param after the position that was asked for
 */
export function parsePage(reply: unknown, after: RealtimeCursor): Page | undefined {
  if (!isTexts(reply)) return undefined;
  const [end, before = ""] = reply;
  const found = parseEnd(end);
  if (!found) return undefined;
  const entries: Entry[] = [];
  let known: RealtimeCursor | undefined;
  for (let at = 2; at + 3 < reply.length; at += 4) {
    const id = reply[at] as RealtimeCursor;
    const [stored, trace] = splitTrace(reply[at + 1] as string);
    const prev = storedPrev(id, stored) ?? known;
    const link = prev === undefined ? firstLink(id, before, after) : { prev };
    const event = reply[at + 2] as string;
    const json = reply[at + 3] as string;
    const traced = trace === undefined ? undefined : { trace };
    entries.push(
      isEventName(event) && json !== "" ? { id, ...link, event, json, ...traced } : { id, ...link, event: "", json: "" },
    );
    known = id;
  }
  return { entries, ...found };
}

/** Reads the reply of `locate.lua`; `undefined` when it is none. */
export function parseLocation(reply: unknown): Location | undefined {
  if (!isTexts(reply)) return undefined;
  const [end, id, prev = "", before = ""] = reply;
  const found = parseEnd(end);
  if (!found) return undefined;
  if (id === undefined) return { after: found.last, ...found };
  const oldest = id as RealtimeCursor;
  return { after: storedPrev(oldest, prev) ?? (isRealtimeCursor(before) ? before : positionBelow(oldest)), ...found };
}

/** The end of a log: `<last id>` or `<last id> <milliseconds>`: since when the server lives. */
export function parseEnd(text: string | undefined): Pick<Page, "last" | "aliveSince"> | undefined {
  const [last, aliveSince] = (text ?? "").split(" ", 2);
  if (!isRealtimeCursor(last)) return undefined;
  return aliveSince === undefined ? { last } : { last, aliveSince: Number(aliveSince) };
}

/**
 * Reads an announcement, `<id> <prev> <keeps> <event> <json>`, behind which a trace context may stand, or `<id> <prev> <keeps>` of an entry that is too long: then the result
 * has no more than its place in the log. `undefined` when it is none. Never parses the JSON.
 */
export function parseAnnouncement(message: string): Entry | Pick<Entry, "id" | "prev"> | undefined {
  const [id = "", prev = "", keeps = "", event] = message.split(" ", 4);
  if (!isRealtimeCursor(id) || !isRealtimeCursor(prev) || !/^\d*$/.test(keeps)) return undefined;
  if (event === undefined) return { id, prev };
  const [json, trace] = splitTrace(message.slice(id.length + prev.length + keeps.length + event.length + 4));
  if (!isEventName(event) || json === "") return undefined;
  const entry = { id, prev, event, json, keeps: keeps === "" ? Number.POSITIVE_INFINITY : Number(keeps) };
  return trace === undefined ? entry : { ...entry, trace };
}

/** What an entry says about the position before it, if that can be true. */
function storedPrev(id: RealtimeCursor, prev: string): RealtimeCursor | undefined {
  return isRealtimeCursor(prev) && compareCursors(prev, id) < 0 ? prev : undefined;
}

/**
 * What a page's first entry follows, when someone else wrote that entry. It follows what was asked for if the entry at that position
 * is still there, for then nothing was trimmed behind it, or if there is room for none between the two. Else nobody can tell: what
 * was there may be trimmed, and the position may be of an earlier life of the log. Then the entry claims the largest position
 * before itself, which makes a gap.
 */
function firstLink(id: RealtimeCursor, before: string, after: RealtimeCursor): Pick<Entry, "prev" | "unproven"> {
  const below = positionBelow(id);
  return before === after || below === after ? { prev: after } : { prev: below, unproven: true };
}

function isTexts(reply: unknown): reply is readonly string[] {
  return Array.isArray(reply) && reply.every((part) => typeof part === "string");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
