import type { EventsIn } from "../types.ts";
import { useEventStream, type EventStream, type EventStreamOptions, type StreamState } from "./use-event-stream.ts";
import { useRealtimeChannel, type RealtimeChannelOptions } from "./use-realtime-channel.ts";

/** Hooks that know the events. */
export interface EventHooks<E> {
  readonly useEventStream: (options?: EventStreamOptions<E>) => EventStream<E>;
  readonly useRealtimeChannel: (
    channel: string | undefined,
    callback: (event: E) => unknown,
    options?: RealtimeChannelOptions,
  ) => StreamState;
}

/**
 * The hooks, with the types of your events: `createEventHooks<typeof events>()` with an `import type` of what `createEvents` returned,
 * or a map of type → fields.
 */
export function createEventHooks<T extends object>(): EventHooks<EventsIn<T>> {
  // The same hooks; only their types know the events.
  return { useEventStream, useRealtimeChannel };
}
