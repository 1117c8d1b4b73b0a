import {
  compareCursors,
  isOrigin,
  isRealtimeCursor,
  ORIGIN,
  positionBelow,
  type RealtimeCursor,
} from "../../protocol/cursor.ts";
import type { Entry, Page } from "../broker.ts";
import { parseEnd } from "../redis/replies.ts";
import type { LogFormat } from "./format.ts";

/** What a page was asked for. */
interface Asked {
  readonly channel: string;
  readonly after: RealtimeCursor;
}

/**
 * Reads the reply of `read.lua` on a log of another library; `undefined` when it is none. Within a page the entry before is what an
 * entry follows, for the page was read in one step; one that tidings wrote may know better, when another was deleted in between.
 */
export function parseForeignPage(reply: unknown, { channel, after }: Asked, format: LogFormat): Page | undefined {
  if (!Array.isArray(reply) || !reply.every((part) => typeof part === "string")) return undefined;
  const [last, before = ""] = reply as readonly string[];
  const end = parseEnd(last);
  if (!end) return undefined;
  const entries: Entry[] = [];
  let known: RealtimeCursor | undefined;
  for (let at = 2; at + 3 < reply.length; at += 4) {
    const [id, stored, event, text] = reply.slice(at, at + 4) as [RealtimeCursor, string, string, string];
    const link = known === undefined ? firstLink({ id, stored, before, after }) : { prev: laterOf(known, stored, id) };
    // It only moves the position when nothing can be read from it.
    entries.push({ id, ...link, ...(format.decode(channel, event, text) ?? { event: "", json: "" }) });
    known = id;
  }
  return { entries, ...end };
}

interface First {
  readonly id: RealtimeCursor;
  /** What it says itself about the position before it. */
  readonly stored: string;
  /** The id before it; `0-0` if it is the first one ever; `"gone"` if there were others; `""` if nothing is known. */
  readonly before: string;
  /** The position that was asked for. */
  readonly after: RealtimeCursor;
}

/** What the first entry of a page follows. */
function firstLink({ id, stored, before, after }: First): Pick<Entry, "prev" | "unproven"> {
  const below = positionBelow(id);
  if (isPrev(stored, id)) return { prev: stored };
  // The entry at that position is still there, so nothing was trimmed behind it; or there is room for none between the two.
  if (before === after || below === after) return { prev: after };
  if (before === ORIGIN) return { prev: ORIGIN };
  // Something was there that this position has not seen. For any other one, what is gone may all lie before it.
  if (before === "gone" && isOrigin(after)) return { prev: below };
  return { prev: below, unproven: true };
}

function laterOf(known: RealtimeCursor, stored: string, id: RealtimeCursor): RealtimeCursor {
  return isPrev(stored, id) && compareCursors(stored, known) > 0 ? stored : known;
}

function isPrev(stored: string, id: RealtimeCursor): stored is RealtimeCursor {
  return isRealtimeCursor(stored) && compareCursors(stored, id) < 0;
}
