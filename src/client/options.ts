/** What users give to the client, and what they hold in their hands. */
import type { Clock } from "../protocol/clock.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import type { DeliveredEvent, MessageIn } from "../schema/message.ts";

/**
 * How the connection stands.
 * - `connected`: the server has joined every channel that is asked for, but for those that it refused; what is emitted from now on
 *   will arrive.
 * - `connecting`: a stream is being opened, or will be within milliseconds.
 * - `disconnected`: nothing is asked for, or the connection is lost and the next attempt waits for its time.
 * - `error`: the server refused (a 4xx that time does not heal, or every channel), or `maxReconnectAttempts` are used up. It is
 *   asked again when other channels are wanted.
 */
export type ConnectionStatus = "connecting" | "connected" | "disconnected" | "error";

/** Known to browsers and to Node alike, which calls it by no name of its own. */
type RequestHeaders = RequestInit["headers"] | undefined;

/** Why headers are asked for. */
export interface HeadersAsked {
  /** The server answered 401 to those that were given just now: a token has to be a new one. */
  readonly isRetry: boolean;
}

/** Where the endpoint is, and what is sent along. */
export interface ApiOptions {
  /** Relative to the page or absolute, with or without a query. @default "/api/realtime" */
  readonly url?: string | undefined;
  /** Whether cookies go to another origin. @default false */
  readonly withCredentials?: boolean | undefined;
  /**
   * Headers of each request for a stream; a function is asked anew before every connect, so that a token can be fresh, and once more
   * with `isRetry` when the server answered 401 to the first.
   */
  readonly headers?: RequestHeaders | ((asked: HeadersAsked) => RequestHeaders | Promise<RequestHeaders>) | undefined;
  /**
   * Whom the page shows: the id of who is signed in, `"public"` when nobody is. All tabs of a browser with the same value and `url`
   * share one connection. Another value never shares, and closes the one before. Where tabs cannot share (no secure context, an old
   * browser), each has its own. @default not shared
   */
  readonly shareTabs?: string | undefined;
}

/** Options of `createRealtimeClient`. */
export interface RealtimeClientOptions {
  readonly api?: ApiOptions | undefined;
  /** Failed attempts in a row after which the status is `error`. @default Infinity */
  readonly maxReconnectAttempts?: number | undefined;
  /** @default the platform's `fetch` */
  readonly fetch?: typeof fetch | undefined;
  /** Time and chance, for tests. @internal */
  readonly clock?: Clock | undefined;
}

/** An event as a listener receives it. */
export type ClientMessage = DeliveredEvent<string, unknown>;

/**
 * Past events that a subscription begins with: all that the log holds, or the newest `limit` (or `length`); `since`, in
 * milliseconds since 1970, leaves out what was stored earlier.
 */
export type HistoryOption =
  | boolean
  | { readonly limit?: number | undefined; readonly length?: number | undefined; readonly since?: number | undefined };

/** Options of {@link RealtimeClient.subscribe}. */
export interface ClientSubscribeOptions<M = ClientMessage, E extends string = string> {
  /** `undefined` and `""` are dropped; with none left nothing is requested. @default ["default"] */
  readonly channels?: ReadonlyArray<string | undefined> | undefined;
  /** Only these events; empty means all. @default all */
  readonly events?: readonly E[] | undefined;
  /** Called for each event, once, in the order of its channel. If it throws, that is reported and the next event follows. */
  readonly onData?: ((message: M) => unknown) | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console in development. */
  readonly onGap?: ((gap: Gap) => unknown) | undefined;
  /** What the log holds comes first. Read when a channel is joined for the first time. @default false */
  readonly history?: HistoryOption | undefined;
  /**
   * Go on after this cursor, as `channel.cursor()` or an event's `id` gave it; for several channels, one for each. Not together
   * with `history`. Read when a channel is joined for the first time.
   */
  readonly after?: string | Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Where the subscription stands on each channel, kept up to date. Hand the same map in again, after the subscription has
   * ended, to go on there.
   */
  readonly cursors?: Map<string, RealtimeCursor> | undefined;
}

/** One connection for any number of subscriptions, open only while there is one. `Events` is a map of event name → data. */
export interface RealtimeClient<Events = Record<string, unknown>> {
  /**
   * @returns ends the subscription. Safe to call twice, and from a handler.
   * @throws TypeError for an `after` that is no cursor, that comes with `history`, or that is one cursor for several channels.
   */
  subscribe<const E extends keyof Events & string = keyof Events & string>(
    options: ClientSubscribeOptions<MessageIn<Events, E>, E>,
  ): () => void;
  /** Calls back at once, then at each change. @returns ends it. */
  subscribeStatus(onStatus: (status: ConnectionStatus) => void): () => void;
  getStatus(): ConnectionStatus;
  /** Ends every subscription and the connection. Subscribing again opens a new one. */
  destroy(): void;
}
