import { onMount } from "svelte";
import { writable, type Readable } from "svelte/store";
import type { EventsOf } from "../../schema/infer.ts";
import { followOptions, selectionOf } from "../bindings/follow.ts";
import type { UntypedOptions, UseRealtimeOptions } from "../bindings/options.ts";
import type { ConnectionStatus } from "../options.ts";
import { getRealtimeContext } from "./context.ts";
import { storeOf, type MaybeReactive } from "./reactive.ts";

/** What `useRealtime` returns. */
export interface UseRealtimeResult {
  /** The status of the connection, which all components below the provider share. */
  readonly status: Readable<ConnectionStatus>;
}

/** A `useRealtime` that knows the events. */
export type UseRealtime<Events> = <const E extends keyof Events & string = keyof Events & string>(
  options?: MaybeReactive<UseRealtimeOptions<Events, E>>,
) => UseRealtimeResult;

/**
 * Subscribes a component to channels of the nearest client, from its mount until it is destroyed. For typed events use
 * `createRealtime`.
 */
export function useRealtime(options: MaybeReactive<UntypedOptions> = {}): UseRealtimeResult {
  const client = getRealtimeContext();
  const follower = followOptions(client);
  const newest = storeOf(options, selectionOf);
  const status = writable<ConnectionStatus>("disconnected");
  // On the server nothing is mounted; in the browser the first render is the server's.
  onMount(() => {
    const ends = [client.subscribeStatus(status.set), newest.subscribe(follower.update), follower.stop];
    return () => ends.forEach((end) => end());
  });
  return { status: { subscribe: status.subscribe } };
}

/** What `createRealtime` returns. */
export interface TypedRealtime<Events> {
  readonly useRealtime: UseRealtime<Events>;
}

/**
 * A `useRealtime` that knows your events: `createRealtime<typeof realtime>()` with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtime<T extends object>(): TypedRealtime<EventsOf<T>> {
  // The same function; only its type knows the events.
  return { useRealtime } as unknown as TypedRealtime<EventsOf<T>>;
}
