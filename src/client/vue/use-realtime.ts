import { onScopeDispose, readonly, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from "vue";
import type { EventsOf } from "../../schema/infer.ts";
import { followOptions, selectionOf } from "../bindings/follow.ts";
import type { UntypedOptions, UseRealtimeOptions } from "../bindings/options.ts";
import type { ConnectionStatus } from "../options.ts";
import { useRealtimeContext } from "./context.ts";
import { whenMounted } from "./when-mounted.ts";

/** What `useRealtime` returns. */
export interface UseRealtimeResult {
  /** The status of the connection, which all components below the provider share. */
  readonly status: Readonly<Ref<ConnectionStatus>>;
}

/** A `useRealtime` that knows the events. */
export type UseRealtime<Events> = <const E extends keyof Events & string = keyof Events & string>(
  options?: MaybeRefOrGetter<UseRealtimeOptions<Events, E>>,
) => UseRealtimeResult;

/**
 * Subscribes a component to channels of the nearest client, from its mount until it is unmounted. Options may be a ref, a
 * reactive object or a getter. For typed events use `createRealtime`.
 */
export function useRealtime(options: MaybeRefOrGetter<UntypedOptions> = {}): UseRealtimeResult {
  const client = useRealtimeContext();
  const follower = followOptions(client);
  const status = shallowRef<ConnectionStatus>("disconnected");
  const read = (): UntypedOptions => {
    const newest = toValue(options);
    // Reads what lies deeper too, so that an array changed in place is a change.
    selectionOf(newest);
    return { ...newest };
  };
  whenMounted(() => {
    onScopeDispose(client.subscribeStatus((newest) => (status.value = newest)));
    onScopeDispose(follower.stop);
    watch(read, (newest) => follower.update(newest), { immediate: true });
  });
  return { status: readonly(status) };
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
