import { useContext } from "react";
import type { RealtimeEvent } from "../types.ts";
import type { EventGap } from "./follower.ts";
import { ProviderContext } from "./provider-context.ts";
import { logOf, type StreamState } from "./use-event-stream.ts";
import { useFollower } from "./use-follower.ts";

/** Options of {@link useRealtimeChannel}. */
export interface RealtimeChannelOptions {
  /** `false` opens nothing, and pauses what is open, which later goes on where it stood. @default true */
  readonly enabled?: boolean | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console in development. */
  onGap?: ((gap: EventGap) => unknown) | undefined;
}

/**
 * The events of one channel, below a `RealtimeProvider`, which reads the channel for as long as a component asks for it. Without a
 * provider it is never connected. `isConnected` is the connection's: of a channel that the server refused beside others it is true,
 * too, and no event comes; the console names it in development.
 *
 * @param channel `undefined` and `""`: none, for now
 * @param callback called for each event; the newest function is called
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who gives it says what the callback takes
export function useRealtimeChannel<T = RealtimeEvent>(
  channel: string | undefined,
  callback: (event: T) => unknown,
  { enabled = true, onGap }: RealtimeChannelOptions = {},
): StreamState {
  const provided = useContext(ProviderContext);
  const logs = channel ? [logOf(channel)] : [];
  const { status } = useFollower(provided?.connection, enabled ? logs : undefined, {
    onEvent: callback as unknown as (event: RealtimeEvent) => unknown,
    onGap,
  });
  return { isConnected: status === "connected", status };
}
