import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { EventsOf } from "../../schema/infer.ts";
import { createFoldedState } from "../bindings/folded-state.ts";
import type { RealtimeSnapshot, UntypedStateOptions, UseRealtimeStateOptions } from "../bindings/state-options.ts";
import { useClient } from "./provider.tsx";

/** A `useRealtimeState` that knows the events. */
export type UseRealtimeState<Events> = <S, const E extends keyof Events & string = keyof Events & string>(
  options: UseRealtimeStateOptions<S, Events, E>,
) => RealtimeSnapshot<S>;

/**
 * A state folded from the events of one channel of the nearest `RealtimeProvider`: rendered once per animation frame at most,
 * fetched anew by `resync` after a gap. The newest `reduce`, `resync` and `onGap` are called; another `channel`, or other
 * `events`, begin anew with `initial`. For typed events use `createRealtimeState`.
 *
 * A state that the server has read goes with `after`, the `channel.cursor()` that it asked for first. What is emitted between
 * the two is in the state and comes as well, so `reduce` has to know it by an id. Only for `history = await channel.history()`
 * there is an exact cursor: `history.at(-1)?.id ?? cursor`.
 */
export function useRealtimeState<S>(options: UntypedStateOptions<S>): RealtimeSnapshot<S> {
  const client = useClient("useRealtimeState");
  const { channel, events } = options;
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- the rest is read once
  const store = useMemo(() => createFoldedState(client, options), [JSON.stringify([channel, events])]);
  useEffect(() => store.update(options, client));
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/** What `createRealtimeState` returns. */
export interface TypedRealtimeState<Events> {
  readonly useRealtimeState: UseRealtimeState<Events>;
}

/** A `useRealtimeState` that knows your events, given as to `createRealtime`. */
export function createRealtimeState<T extends object>(): TypedRealtimeState<EventsOf<T>> {
  // The same hook; only its type knows the events.
  return { useRealtimeState };
}
