import decode from "../scripts/entries.lua";
import lastId from "../scripts/last-id.lua";
import settle from "../scripts/settle.lua";
import type { RestCommand, RestReply } from "./endpoint.ts";

const SETTLE = `${lastId}\n${decode}\n${settle}`;

/** By how much the service's clock may be set between an emit and the look into the log. */
const CLOCK_MARGIN_MS = 10_000;
/** What a look into the log may cost. */
const MAX_LOOKED_AT = 20_000;
const MAX_LOOKED_AT_BYTES: number = 32 * 1024 * 1024;
/** For so long a request may lie about somewhere before it is executed. */
const FENCE_MS = 300_000;

/** An append whose answer was lost. */
export interface Doubt {
  readonly emitId: string;
  /** The key that keeps it from being executed from now on. */
  readonly fence: string;
}

/** What is known of an append after the look: the id of its entry, that it is certainly not in the log and never will be, or nothing. */
export type Settled =
  | { readonly kind: "stored"; readonly id: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unknown" };

/**
 * The commands that settle what became of appends: first nothing of them can be executed any more, then the log is looked into once for
 * all. @param sinceMs the time since the first of them was sent
 */
export function settleCommands(key: string, sinceMs: number, doubts: readonly Doubt[]): RestCommand[] {
  const limits = [Math.ceil(sinceMs + CLOCK_MARGIN_MS), MAX_LOOKED_AT, MAX_LOOKED_AT_BYTES].map(String);
  return [
    ...doubts.map(({ fence }) => ["SET", fence, "1", "PX", String(FENCE_MS)]),
    ["EVAL", SETTLE, "1", key, ...limits, ...doubts.map(({ emitId }) => emitId)],
  ];
}

/** What the replies to {@link settleCommands} say, for each append; an error when they say nothing. */
export function readSettled(replies: readonly RestReply[]): readonly Settled[] | Error {
  const look = replies.at(-1);
  if (!look || "error" in look) return look?.error ?? new Error("no reply");
  if (!Array.isArray(look.value)) return new Error("a reply that makes no sense");
  const [isProof, ...ids] = look.value as unknown[];
  return replies.slice(0, -1).map((fenced, at): Settled => {
    const id = ids[at];
    if (typeof id === "string" && id !== "") return { kind: "stored", id };
    return isProof === "1" && id === "" && !("error" in fenced) ? { kind: "absent" } : { kind: "unknown" };
  });
}
