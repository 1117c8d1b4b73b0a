import type { EventsOf } from "../../schema/infer.ts";
import { useRealtimeState, type UseRealtimeState } from "./use-realtime-state.ts";
import { useRealtime, type UseRealtime } from "./use-realtime.ts";

/** What `createRealtime` returns. */
export interface TypedRealtime<Events> {
  readonly useRealtime: UseRealtime<Events>;
  readonly useRealtimeState: UseRealtimeState<Events>;
}

/**
 * Functions that know your events: `createRealtime<typeof realtime>()` with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtime<T extends object>(): TypedRealtime<EventsOf<T>> {
  // The same functions; only their types know the events.
  return { useRealtime, useRealtimeState } as unknown as TypedRealtime<EventsOf<T>>;
}
