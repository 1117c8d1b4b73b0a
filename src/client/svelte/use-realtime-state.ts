import { onDestroy, onMount } from "svelte";
import { writable, type Readable } from "svelte/store";
import type { EventsOf } from "../../schema/infer.ts";
import { followState, stateSelectionOf } from "../bindings/follow-state.ts";
import type { RealtimeSnapshot, UntypedStateOptions, UseRealtimeStateOptions } from "../bindings/state-options.ts";
import { getRealtimeContext } from "./context.ts";
import { storeOf, type MaybeReactive } from "./reactive.ts";

/** A `useRealtimeState` that knows the events. */
export type UseRealtimeState<Events> = <S, const E extends keyof Events & string = keyof Events & string>(
  options: MaybeReactive<UseRealtimeStateOptions<S, Events, E>>,
) => Readable<RealtimeSnapshot<S>>;

/**
 * A state folded from the events of one channel of the nearest client, from the component's mount until it is destroyed: told
 * once per animation frame at most, fetched anew by `resync` after a gap. The newest `reduce`, `resync` and `onGap` are called;
 * another `channel`, or other `events`, begin anew with `initial`. For typed events use `createRealtimeState`.
 *
 * A state that the server has read goes with `after`, the `channel.cursor()` that it asked for first. What is emitted between
 * the two is in the state and comes as well, so `reduce` has to know it by an id. Only for `history = await channel.history()`
 * there is an exact cursor: `history.at(-1)?.id ?? cursor`.
 */
export function useRealtimeState<S>(options: MaybeReactive<UntypedStateOptions<S>>): Readable<RealtimeSnapshot<S>> {
  const shown = writable<RealtimeSnapshot<S> | undefined>(undefined);
  const follower = followState<S>(getRealtimeContext(), shown.set);
  // At once, for the first render; the server destroys too what it renders.
  onDestroy(storeOf(options, stateSelectionOf).subscribe(follower.update));
  onMount(follower.start);
  return { subscribe: (shown as Readable<RealtimeSnapshot<S>>).subscribe };
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
