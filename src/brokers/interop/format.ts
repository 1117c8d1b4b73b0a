import type { Draft } from "../broker.ts";

/** The libraries beside which tidings can run on the same keys. */
export type Interop = "forrealtime" | "upstash";

/** An event as an entry holds it. */
export interface StoredEvent {
  readonly event: string;
  /** JSON, for certain. */
  readonly json: string;
}

/** How another library writes events into a stream, and what its readers wait for. */
export interface LogFormat {
  readonly name: Interop;
  /** The package, in words. */
  readonly library: string;
  /** Lua, with a `decode` that `read.lua` and `locate.lua` understand: the event and the text it gives are for {@link decode}. */
  readonly script: string;
  /** Whether that library hears of new entries on the Redis channel that has the name of the key. */
  readonly isAnnounced: boolean;
  /** Names and values of the fields, as that library writes them. */
  encode(channel: string, draft: Draft): readonly string[];
  /** The announcement of an entry up to its id, which `"}` follows. */
  announce(channel: string, draft: Draft): string;
  /** What an entry holds; `undefined` when it was not written by that library, or for another channel. */
  decode(channel: string, event: string, text: string): StoredEvent | undefined;
}

/** Whether a text can be read as JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
