/** What `useRealtimeState` takes and gives, said once for all frameworks. */
import type { Gap } from "../../protocol/frames.ts";
import type { RealtimeClient } from "../options.ts";
import type { MessageIn } from "../../schema/message.ts";

/** A state that was fetched, and where it stands. */
export interface Resynced<S> {
  readonly state: S;
  /**
   * The position that belongs to `state`: the server asks `channel.cursor()` for it first, then reads the state. What is emitted
   * in between may come again, and `reduce` has to know it by an id. Of a state made of `history = await channel.history()` the
   * position is exact: `history.at(-1)?.id ?? cursor`.
   */
  readonly cursor: string;
}

/** Options of `useRealtimeState`, for events given as a map of name → data. */
export interface UseRealtimeStateOptions<S, Events, E extends keyof Events & string = keyof Events & string> {
  /** With `undefined` or `""` nothing is requested, and the state is `initial`. */
  readonly channel: string | undefined;
  /** The state before any event, or what returns it. Read once per channel. */
  readonly initial: S | (() => S);
  /**
   * The cursor that belongs to `initial`, as that of {@link Resynced} to its state: the events after it follow. Without it the state
   * goes on from now. Read once per channel.
   */
  readonly after?: string | undefined;
  /** Only these events. @default all */
  readonly events?: readonly E[] | undefined;
  /**
   * The state after an event: another one, or the same when nothing changes. It must not change `state` itself. If it throws, that is
   * reported, and the state is stale.
   */
  reduce(state: S, message: MessageIn<Events, E>): S;
  /**
   * Fetches the state anew: called when events may be missing, and again, after a growing while, when it rejects. One call at a
   * time; the signal aborts when its state is not wanted any more.
   */
  resync?: ((signal: AbortSignal) => Promise<Resynced<S>>) | undefined;
  /** Events may be missing, and there is no `resync`. Without either a warning is written to the console in development. */
  onGap?: ((gap: Gap) => unknown) | undefined;
}

/** Options for events of any name. */
export type UntypedStateOptions<S> = UseRealtimeStateOptions<S, Record<string, unknown>, string>;

/** What is known of a state. */
export interface RealtimeSnapshot<S> {
  readonly state: S;
  /** Whether events may be missing in `state`: since a gap, and until `resync` has brought another one. */
  readonly isStale: boolean;
}

/** A state that follows a channel while somebody listens to it, and later goes on where it stood. */
export interface FoldedState<S> {
  /** Calls back after a change, once per animation frame at most. @returns ends it. */
  subscribe(onChange: () => void): () => void;
  /** The same object until the next change. */
  get(): RealtimeSnapshot<S>;
  /**
   * From now on these are its `reduce`, `resync` and `onGap`. The rest stays as it was.
   *
   * @param client goes on there, where the one before stood. @default the same
   */
  update(options: UntypedStateOptions<S>, client?: RealtimeClient): void;
}
