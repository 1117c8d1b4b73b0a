import type { RealtimeClient } from "../options.ts";
import { createFoldedState } from "./folded-state.ts";
import type { FoldedState, RealtimeSnapshot, UntypedStateOptions } from "./state-options.ts";

/** One folded state whose options change. */
export interface StateFollower<S> {
  /** From now on these are its options. Another `channel`, or other `events`, begin anew with `initial`. */
  update(options: UntypedStateOptions<S>): void;
  /** Begins to follow the channel: before, the state is `initial`, as on a server. @returns stops. */
  start(): () => void;
}

/** @param show gets the state at the first `update`, and at each change */
export function followState<S>(client: RealtimeClient, show: (snapshot: RealtimeSnapshot<S>) => void): StateFollower<S> {
  let state: FoldedState<S>;
  let followed: string | undefined;
  let end: (() => void) | undefined;
  let isStarted = false;

  function subscribe(): void {
    const endBefore = end;
    end = isStarted ? state.subscribe(() => show(state.get())) : undefined;
    endBefore?.();
  }

  return {
    update(options) {
      const selection = stateSelectionOf(options);
      if (selection === followed) return state.update(options);
      followed = selection;
      state = createFoldedState(client, options);
      show(state.get());
      subscribe();
    },
    start() {
      isStarted = true;
      subscribe();
      return () => {
        isStarted = false;
        subscribe();
      };
    },
  };
}

/** What a state depends on, as text: equal by value is equal. */
export function stateSelectionOf({ channel, events }: Pick<UntypedStateOptions<unknown>, "channel" | "events">): string {
  return JSON.stringify([channel, events]);
}
