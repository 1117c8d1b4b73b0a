import { onScopeDispose, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from "vue";
import type { EventsOf } from "../../schema/infer.ts";
import { followState, stateSelectionOf } from "../bindings/follow-state.ts";
import type { RealtimeSnapshot, UntypedStateOptions, UseRealtimeStateOptions } from "../bindings/state-options.ts";
import { useRealtimeContext } from "./context.ts";
import { whenMounted } from "./when-mounted.ts";

/** A `useRealtimeState` that knows the events. */
export type UseRealtimeState<Events> = <S, const E extends keyof Events & string = keyof Events & string>(
  options: MaybeRefOrGetter<UseRealtimeStateOptions<S, Events, E>>,
) => Readonly<Ref<RealtimeSnapshot<S>>>;

/**
 * A state folded from the events of one channel of the nearest client, from the component's mount until it is unmounted: told
 * once per animation frame at most, fetched anew by `resync` after a gap. The newest `reduce`, `resync` and `onGap` are called;
 * another `channel`, or other `events`, begin anew with `initial`. For typed events use `createRealtimeState`.
 *
 * A state that the server has read goes with `after`, the `channel.cursor()` that it asked for first. What is emitted between
 * the two is in the state and comes as well, so `reduce` has to know it by an id. Only for `history = await channel.history()`
 * there is an exact cursor: `history.at(-1)?.id ?? cursor`.
 */
export function useRealtimeState<S>(options: MaybeRefOrGetter<UntypedStateOptions<S>>): Readonly<Ref<RealtimeSnapshot<S>>> {
  const shown = shallowRef<RealtimeSnapshot<S> | undefined>(undefined);
  const follower = followState<S>(useRealtimeContext(), (snapshot) => (shown.value = snapshot));
  const read = (): UntypedStateOptions<S> => {
    const newest = toValue(options);
    // Reads what lies deeper too, so that an array changed in place is a change.
    stateSelectionOf(newest);
    return { ...newest };
  };
  follower.update(read());
  whenMounted(() => {
    watch(read, (newest) => follower.update(newest), { immediate: true });
    onScopeDispose(follower.start());
  });
  return shown as Readonly<Ref<RealtimeSnapshot<S>>>;
}

/** What `createRealtimeState` returns. */
export interface TypedRealtimeState<Events> {
  readonly useRealtimeState: UseRealtimeState<Events>;
}

/** A `useRealtimeState` that knows your events, given as to `createRealtime`. */
export function createRealtimeState<T extends object>(): TypedRealtimeState<EventsOf<T>> {
  // The same function; only its type knows the events.
  return { useRealtimeState };
}
