import { onMount } from "svelte";
import * as stores from "svelte/store";
import { readable, writable, type Readable } from "svelte/store";
import type { EventsOf } from "../../schema/infer.ts";
import { followOptions, selectionOf } from "../bindings/follow.ts";
import type { UntypedOptions, UseRealtimeOptions } from "../bindings/options.ts";
import type { ConnectionStatus } from "../options.ts";
import { getRealtimeContext } from "./context.ts";

/** What may change: a value, a store, or, in Svelte 5, a function that reads reactive state. Svelte 4 calls the function once. */
export type MaybeReactive<T> = T | Readable<T> | (() => T);

/** What `useRealtime` returns. */
export interface UseRealtimeResult {
  /** The status of the connection, which all components below the provider share. */
  readonly status: Readable<ConnectionStatus>;
}

/** A `useRealtime` that knows the events. */
export type UseRealtime<Events> = <const E extends keyof Events & string = keyof Events & string>(
  options?: MaybeReactive<UseRealtimeOptions<Events, E>>,
) => UseRealtimeResult;

/** Svelte 5 has it; taken from the module as a whole, because bundlers refuse a name that Svelte 4 does not export. */
const { toStore } = stores as { readonly toStore?: <T>(get: () => T) => Readable<T> };

/**
 * Subscribes a component to channels of the nearest client, from its mount until it is destroyed. For typed events use
 * `createRealtime`.
 */
export function useRealtime(options: MaybeReactive<UntypedOptions> = {}): UseRealtimeResult {
  const client = getRealtimeContext();
  const follower = followOptions(client);
  const newest = storeOf(options);
  const status = writable<ConnectionStatus>("disconnected");
  // On the server nothing is mounted; in the browser the first render is the server's.
  onMount(() => {
    const ends = [client.subscribeStatus(status.set), newest.subscribe(follower.update), follower.stop];
    return () => ends.forEach((end) => end());
  });
  return { status: { subscribe: status.subscribe } };
}

function storeOf(options: MaybeReactive<UntypedOptions>): Readable<UntypedOptions> {
  if (typeof options !== "function") return "subscribe" in options ? options : readable(options);
  const read = (): UntypedOptions => {
    const newest = options();
    // Reads what lies deeper too, so that an array changed in place is a change.
    selectionOf(newest);
    return newest;
  };
  return toStore ? toStore(read) : readable(read());
}

/**
 * A `useRealtime` that knows your events: `createRealtime<typeof realtime>()` with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtime<T extends object>(): { useRealtime: UseRealtime<EventsOf<T>> } {
  // The same function; only its types know the events.
  return { useRealtime: useRealtime as unknown as UseRealtime<EventsOf<T>> };
}
