import type { ChannelRequest } from "../hub/hub.ts";
import type { PageSession } from "../hub/page-session.ts";
import type { Sink, SessionOwner, StreamSession } from "../hub/stream-session.ts";
import type { Clock } from "../protocol/clock.ts";
import type { RefusalReason } from "../protocol/codes.ts";

/** What one stream or page may hold and be given. */
export interface SessionLimits {
  readonly maxBufferedBytes: number;
  readonly maxReplayBytes: number;
}

/** A request that was admitted, as far as its stream or page is concerned. */
export interface OpenRequest {
  readonly limits: SessionLimits;
  readonly channels: readonly ChannelRequest[];
  /** As `identify` named them. */
  readonly user?: string | undefined;
  /** Whether somebody decided that it may, and can decide otherwise: then it can be ended from another server. */
  readonly isGuarded?: boolean | undefined;
  /** {@link RealtimeInternals.disconnects} when that was decided. */
  readonly decidedAt?: number | undefined;
}

export interface OpenStreamRequest extends OpenRequest {
  readonly keepsCursors: boolean;
  /** Told of its beginning and of its end. */
  readonly watcher?: SessionOwner<StreamSession> | undefined;
}

export interface OpenPageRequest extends OpenRequest {
  readonly waitMs: number;
  /** For so long the decision to let it in holds, at which it is asked for anew. @default for as long as a stream lives */
  readonly validMs?: number | undefined;
}

/** What transports need of a `Realtime`, behind one symbol so that it is no part of its API. */
export interface RealtimeInternals {
  /** Opens a stream, which ends with the instance. @throws TidingsError `closed`, also when `disconnect` meant it since it was decided */
  openStream(sink: Sink, request: OpenStreamRequest): StreamSession;
  /** Begins a page, which ends with the instance. @param answer as {@link PageSession} calls it. @throws TidingsError as `openStream` */
  openPage(request: OpenPageRequest, answer: (body: string | undefined) => void): PageSession;
  isClosed(): boolean;
  /** What to do when it is closed, after its streams and pages have ended. */
  readonly whenClosed: Set<() => void>;
  /** Whether it takes no new streams, for it is about to close or has closed. */
  isDraining(): boolean;
  /** How many times `disconnect` was carried out here so far, for {@link wasDisconnected}. */
  disconnects(): number;
  /** Whether one of those since then meant this user, or one of these channels: what was decided before may be outdated. */
  wasDisconnected(since: number, user: string | undefined, channels: readonly string[]): boolean;
  /** A request got neither a stream nor a page. */
  refused(reason: RefusalReason): void;
  readonly clock: Clock;
  /** Whether channels are keys of another library, so that a request can name what was never meant to be one. */
  readonly sharesKeys: boolean;
  readonly logger: RealtimeLogger;
}

/** Where tidings says what an operator should know. `console` is one. */
export interface RealtimeLogger {
  log(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Registered, so that a `Realtime` of one bundle works with the `handle` of another. */
const INTERNALS: unique symbol = Symbol.for("tidings.internals") as never;

/** Lets transports find the internals of an instance. They are no part of its type and of no listing of its members. */
export function exposeInternals(instance: object, internals: RealtimeInternals): void {
  Object.defineProperty(instance, INTERNALS, { value: internals });
}

/** The internals of a value that claims to be a `Realtime`. */
export function internalsOf(value: unknown): RealtimeInternals | undefined {
  if (typeof value !== "object" || value === null || !(INTERNALS in value)) return undefined;
  return value[INTERNALS] as RealtimeInternals;
}
