/** What became of appends whose reply was lost: one look into their log tells, for all of them. */
import decode from "./scripts/entries.lua";
import lastId from "./scripts/last-id.lua";
import settle from "./scripts/settle.lua";
import type { EmitMark } from "./transport.ts";

const SETTLE = `${lastId}\n${decode}\n${settle}`;

/** By how much a server's clock may be set between an emit and the look into the log. */
const CLOCK_MARGIN_MS = 10_000;
/** What a look into the log may cost: it holds up everyone else's commands. */
const MAX_LOOKED_AT = 20_000;
const MAX_LOOKED_AT_BYTES: number = 32 * 1024 * 1024;

/** An append whose reply was lost. */
export interface InDoubt {
  readonly command: { readonly emit?: EmitMark | undefined };
  /** When it was sent, by the clock of this process. */
  readonly sentAt: number;
}

/** What is known of an append after the look: the id of its entry, that it is not in the log and never was, or nothing. */
export type Settled =
  | { readonly kind: "stored"; readonly id: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unknown" };

/** The arguments of the `EVAL` that looks into the log at `key`. */
export function settleArgs(key: string, inDoubt: readonly InDoubt[], now: number): string[] {
  const since = Math.ceil(now - Math.min(...inDoubt.map(({ sentAt }) => sentAt)) + CLOCK_MARGIN_MS);
  const limits = [since, MAX_LOOKED_AT, MAX_LOOKED_AT_BYTES].map(String);
  return [SETTLE, "1", key, ...limits, ...inDoubt.map(({ command }) => command.emit?.emitId ?? "")];
}

/** What the reply, which is there `now`, says of each append. */
export function readSettled(reply: unknown, inDoubt: readonly InDoubt[], now: number): readonly Settled[] {
  const [proof, ...ids] = Array.isArray(reply) ? (reply as unknown[]) : [];
  return inDoubt.map(({ command, sentAt }, at): Settled => {
    const id = ids[at];
    if (typeof id === "string" && id !== "") return { kind: "stored", id };
    // A log that is not there, or is new, proves nothing where one that held the entry can have expired meanwhile.
    const isProof = proof === "1" || (proof === "new" && now - sentAt < (command.emit?.expireAfterMs ?? 0));
    return id === "" && isProof ? { kind: "absent" } : { kind: "unknown" };
  });
}
