import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { ListenerHandlers } from "../broker.ts";
import { strangeAnswer } from "./failures.ts";
import type { LogName } from "./log.ts";
import { decodeEntries, type Stored } from "./payload.ts";

/** A channel that someone listens to. */
export interface LiveChannel extends LogName {
  readonly listeners: Set<ListenerHandlers>;
  /** Settles when everything that is appended from then on is heard. */
  readonly opened: Promise<void>;
  /** Everything up to here was heard; `undefined` until it is opened. */
  cursor: RealtimeCursor | undefined;
  /** The log stood there then, or later. */
  knownAt: number;
  /** Whether it is read by itself, because the adapter fails to read it together with the others. */
  isAlone: boolean;
  /** Reads that failed in a row while it was alone. */
  failures: number;
}

/** One `xread` on its way. */
export interface Read {
  readonly channels: readonly LiveChannel[];
  /** Where each channel was when it was asked for. */
  readonly cursors: readonly RealtimeCursor[];
  readonly knownAts: readonly number[];
  readonly issuedAt: number;
}

/** What an `xread` found, by the index of the channel. @throws TidingsError when it is no such answer */
export function foundIn(answer: unknown, keys: readonly string[]): ReadonlyArray<readonly Stored[]> {
  // Redis itself says that there is nothing by saying nothing.
  const results: unknown = answer ?? [];
  if (!Array.isArray(results)) throw strangeAnswer("xread", answer);
  const found = new Map<string, readonly Stored[]>();
  for (const result of results as ReadonlyArray<{ readonly channel?: unknown; readonly messages?: unknown }>) {
    const entries = decodeEntries(result?.messages);
    if (!entries || typeof result.channel !== "string") throw strangeAnswer("xread", answer);
    found.set(result.channel, entries);
  }
  return keys.map((key) => found.get(key) ?? []);
}
