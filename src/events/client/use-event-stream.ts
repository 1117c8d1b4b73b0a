import { useContext, useMemo } from "react";
import type { ConnectionStatus } from "../../client/core.ts";
import { GLOBAL, logOfChannel, OWN } from "../logs.ts";
import type { RealtimeEvent } from "../types.ts";
import { connectionTo, type ConnectionOptions } from "./connection.ts";
import type { EventGap } from "./follower.ts";
import { ProviderContext } from "./provider-context.ts";
import { useFollower } from "./use-follower.ts";

/** Options of {@link useEventStream}. */
export interface EventStreamOptions<E> extends Pick<ConnectionOptions, "url" | "userId"> {
  /** Channels beside the user's own events and `broadcast`. `undefined` and `""` are dropped. @default none */
  readonly channels?: ReadonlyArray<string | undefined> | undefined;
  /** `false` opens nothing, and pauses what is open, which later goes on where it stood. @default true */
  readonly enabled?: boolean | undefined;
  /** Called for each event, once, however many of the channels it came by. The newest function is called. */
  onEvent?: ((event: E) => unknown) | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console in development. */
  onGap?: ((gap: EventGap) => unknown) | undefined;
}

/** How the connection of a hook stands. */
export interface StreamState {
  /** Whether what is published from now on will arrive, but for a channel that the server refused: the console names it in development. */
  readonly isConnected: boolean;
  /** `"error"`: the server refused, a session that is over for one, and is not asked again by itself; else `"connecting"`, `"connected"` or `"disconnected"`. */
  readonly status: ConnectionStatus;
}

/** What {@link useEventStream} returns. */
export interface EventStream<E> extends StreamState {
  /** The newest event; `null` before the first one. */
  readonly lastEvent: E | null;
}

/**
 * The events of a user, of channels, and those for everybody. Works with and without a `RealtimeProvider`: hooks of one page with the
 * same `url` and `userId` share one connection.
 */
export function useEventStream<E = RealtimeEvent>(options: EventStreamOptions<E> = {}): EventStream<E> {
  const provided = useContext(ProviderContext);
  const { url, userId, channels = [], enabled = true, onEvent, onGap } = options;
  const isOwn = url !== undefined || (userId !== undefined && userId !== provided?.userId);
  const own = useMemo(() => connectionTo({ url, userId }), [url, userId]);
  const connection = isOwn ? own : (provided?.connection ?? own);
  const { status, lastEvent } = useFollower(connection, enabled ? logsOf(channels) : undefined, {
    onEvent: onEvent as ((event: RealtimeEvent) => unknown) | undefined,
    onGap,
  });
  return { isConnected: status === "connected", status, lastEvent: lastEvent as E | null };
}

/** What a page reads without being asked. */
export const BASE: readonly string[] = [OWN, logOfChannel(GLOBAL) as string];

function logsOf(channels: ReadonlyArray<string | undefined>): string[] {
  return [...new Set([...BASE, ...channels.flatMap((channel) => (channel ? [logOf(channel)] : []))])];
}

/** A name that breaks the grammar, the client leaves out and says so. */
export function logOf(channel: string): string {
  return logOfChannel(channel) ?? `channel:${channel}`;
}
