import type { BrokerStatus, Lag, Replay, SessionReader } from "../hub/observer.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { TidingsError } from "../protocol/error.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";

/** Who reads. */
export interface ReaderInfo {
  /** A stream or a page to a browser, or a `subscribe` of server code. */
  readonly kind: "stream" | "page" | "subscription";
  /** As `identify` named them. */
  readonly user?: string | undefined;
  /** Channels that it was admitted to. */
  readonly channels: readonly string[];
}

/** A stream or page has begun. */
export interface ConnectInfo extends ReaderInfo {
  readonly kind: "stream" | "page";
}

/** A stream or page is over. */
export interface DisconnectInfo extends ConnectInfo {
  /** How long it was open, in milliseconds. */
  readonly durationMs: number;
  /** Bytes that were written to it, without headers; 0 for a page that was given up before there was one. */
  readonly bytesSent: number;
}

/** An emit was settled by the broker. */
export interface EmitInfo {
  readonly channel: string;
  readonly event: string;
  /** From the moment it was handed to the broker, in milliseconds. */
  readonly durationMs: number;
  /** Where it was stored; `undefined` when it was not, or nobody knows. */
  readonly cursor?: RealtimeCursor | undefined;
  /** Why `emit` rejected. */
  readonly error?: TidingsError | undefined;
}

/** A reader that asked for what was before it has caught up. */
export interface ReplayInfo extends ReaderInfo, Replay {}

/** Readers were told that events may be missing. */
export interface GapInfo extends Gap {
  /** How many were told: one that came back, or all that were up to date. */
  readonly readers: number;
  /** Who, when it was one that came back. */
  readonly reader?: ReaderInfo | undefined;
}

/** A reader has fallen behind on one of its channels, or has caught up again. */
export interface LagInfo extends ReaderInfo, Lag {}

/** The broker can be reached, or cannot. */
export interface BrokerInfo extends BrokerStatus {
  /** How long it was in the state before, in milliseconds. */
  readonly durationMs: number;
}

/**
 * Functions that are told what happens, in the turn in which it does: keep them short. What they return is ignored. One that throws or
 * rejects disturbs nothing, and is logged once.
 */
export interface RealtimeHooks {
  /** A stream or page has begun. */
  onConnect?(info: ConnectInfo): unknown;
  /** A stream or page is over, from whichever side. */
  onDisconnect?(info: DisconnectInfo): unknown;
  /** The broker has settled an emit: it is stored, or has failed. */
  onEmit?(info: EmitInfo): unknown;
  /** A reader that came back, or asked for history, has caught up on a channel. */
  onReplay?(info: ReplayInfo): unknown;
  /** Readers were told of a gap. */
  onGap?(info: GapInfo): unknown;
  /** A reader takes less than there is, and so has fallen behind on a channel; or it has caught up again. */
  onLag?(info: LagInfo): unknown;
  /** The broker can be reached, or cannot. */
  onBroker?(info: BrokerInfo): unknown;
}

const HOOKS: Readonly<Record<keyof RealtimeHooks, true>> = {
  onConnect: true,
  onDisconnect: true,
  onEmit: true,
  onReplay: true,
  onGap: true,
  onLag: true,
  onBroker: true,
};

/** @throws TidingsError `bad_option` */
export function checkHooks(hooks: RealtimeHooks | undefined): RealtimeHooks | undefined {
  if (hooks === undefined) return undefined;
  if (typeof hooks !== "object" || hooks === null)
    throw new TidingsError("bad_option", "`hooks` takes an object of functions, such as `{ onConnect }`.");
  refuseUnknownOptions("`hooks`", hooks, HOOKS);
  for (const name of Object.keys(HOOKS) as Array<keyof RealtimeHooks>) {
    if (hooks[name] !== undefined && typeof hooks[name] !== "function")
      throw new TidingsError("bad_option", `\`hooks.${name}\` is a function; it got ${typeof hooks[name]}.`);
  }
  return hooks;
}

/** What hooks see of a reader. */
export function readerInfo<K extends ReaderInfo["kind"]>({
  kind,
  user,
  channels,
}: Omit<SessionReader, "kind" | "observer"> & { readonly kind: K }): ReaderInfo & { readonly kind: K } {
  return { kind, user, channels };
}
