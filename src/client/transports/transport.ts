import type { Clock } from "../../protocol/clock.ts";
import type { InnerClient } from "../client.ts";
import type { RealtimeClientOptions } from "../options.ts";
import type { WireFrame } from "../wire.ts";
import type { Candidate } from "./tab-candidate.ts";

/** Where and how streams are asked for: one for the life of a client. */
export interface TransportOptions extends Pick<RealtimeClientOptions, "api" | "fetch" | "maxReconnectAttempts"> {
  readonly clock: Clock;
  /** What was found out about the way to the server. */
  readonly route: Route;
  /** Makes another client. A module that leads to the core cannot be loaded by it and import it, too. */
  readonly createClient: (options: TransportOptions) => InnerClient;
}

/** What a client remembers of the way to its server. */
export interface Route {
  /** Something on the way holds streams back, or cuts them: pages are asked for instead. */
  polls?: boolean;
  /** Streams in a row that were cut soon after they began. */
  cuts: number;
  /** How long a request for a page may wait, in ms: what something on the way bears. */
  waitMs?: number;
  /** How long pages are asked for before a stream is tried again, in ms. */
  patienceMs?: number;
  /** Of the client of who leads the tabs: what its newest stream returned. */
  retryAfterMs?: number;
  /** The client's claim to lead the tabs that share one connection. */
  candidate?: Candidate;
  /** The channels for which they were refused a common one. */
  alone?: string;
}

/** One stream, as its transport sees it. */
export interface Link {
  /** By channel, what the request says: a cursor, `""`, `"-"` or `"-<n>"`. */
  readonly asked: ReadonlyMap<string, string>;
  readonly options: TransportOptions;
  /** Aborted when the stream is closed, or was silent for too long. */
  readonly signal: AbortSignal;
  /** The other side lives. */
  alive(): void;
  hear(frame: WireFrame): void;
}

/**
 * Brings the frames of a stream until it ends. May reject: then the way broke.
 *
 * @returns milliseconds after which the server wants to be asked again; 0 when it did not say, `Infinity` when it would answer the same.
 */
export type Transport = (link: Link) => Promise<number>;
