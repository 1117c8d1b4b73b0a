import { useContext } from "react";
import type { RealtimeEvent } from "../types.ts";
import type { EventGap } from "./follower.ts";
import { ProviderContext } from "./provider-context.ts";
import { logOf } from "./use-event-stream.ts";
import { useFollower } from "./use-follower.ts";

/** Options of {@link useRealtimeChannel}. */
export interface RealtimeChannelOptions {
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
  { onGap }: RealtimeChannelOptions = {},
): { readonly isConnected: boolean } {
  const provided = useContext(ProviderContext);
  const { isConnected } = useFollower(provided?.connection, channel ? [logOf(channel)] : [], {
    onEvent: callback as unknown as (event: RealtimeEvent) => unknown,
    onGap,
  });
  return { isConnected };
}
