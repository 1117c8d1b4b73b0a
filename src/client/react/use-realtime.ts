import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { Gap } from "../../protocol/frames.ts";
import { DEFAULT_CHANNEL } from "../../protocol/names.ts";
import type { EventsOf } from "../../schema/infer.ts";
import type { MessageIn } from "../../schema/message.ts";
import type { ConnectionStatus, HistoryOption } from "../options.ts";
import { useClient } from "./provider.tsx";

/** Options of `useRealtime`, for events given as a map of name → data. */
export interface UseRealtimeOptions<Events, E extends keyof Events & string = keyof Events & string> {
  /** `undefined` and `""` are dropped; with none left nothing is requested. @default ["default"] */
  readonly channels?: ReadonlyArray<string | undefined> | undefined;
  /** Only these events. @default all */
  readonly events?: readonly E[] | undefined;
  /** Called for each event, once, in the order of its channel. The newest function is called; a new one is no new subscription. */
  onData?: ((message: MessageIn<Events, E>) => unknown) | undefined;
  /** `false` pauses the subscription, which goes on where it stood. @default true */
  readonly enabled?: boolean | undefined;
  /** What the log holds comes first: all of it, or the newest `limit`. @default false */
  readonly history?: HistoryOption | undefined;
  /** Go on after this cursor; for several channels, one for each. Read once per channel. */
  readonly after?: string | Readonly<Record<string, string>> | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console in development. */
  onGap?: ((gap: Gap) => unknown) | undefined;
}

/** What `useRealtime` returns. */
export interface UseRealtimeResult {
  /** The status of the connection, which all components below the provider share. */
  readonly status: ConnectionStatus;
}

/** A `useRealtime` that knows the events. */
export type UseRealtime<Events> = <const E extends keyof Events & string = keyof Events & string>(
  options?: UseRealtimeOptions<Events, E>,
) => UseRealtimeResult;

/** Subscribes a component to channels of the nearest `RealtimeProvider`. For typed events use `createRealtime`. */
export function useRealtime(options: UseRealtimeOptions<Record<string, unknown>, string> = {}): UseRealtimeResult {
  const { channels = [DEFAULT_CHANNEL], events, enabled = true, history, after } = options;
  const client = useClient("useRealtime");
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  /** Where this component stands on each of its channels: it goes on there after a pause. */
  const cursors = useRef(new Map<string, RealtimeCursor>());
  // Equal by value is equal: arrays written in place do not subscribe anew.
  const wanted = JSON.stringify([channels.filter(Boolean), events, history, after]);

  useEffect(() => {
    if (!enabled) return undefined;
    // A channel that was left and is taken up again begins anew.
    for (const channel of cursors.current.keys()) if (!channels.includes(channel)) cursors.current.delete(channel);
    return client.subscribe({
      ...{ channels, events, history, after },
      cursors: cursors.current,
      onData: (message) => latest.current.onData?.(message),
      // Asked for at each gap: without `onGap` the client warns.
      get onGap() {
        return latest.current.onGap;
      },
    });
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- `wanted` stands for their values
  }, [client, enabled, wanted]);

  const subscribe = useCallback((onChange: () => void) => client.subscribeStatus(onChange), [client]);
  const status = useSyncExternalStore(subscribe, client.getStatus, serverStatus);
  return { status };
}

const serverStatus = (): ConnectionStatus => "disconnected";

/**
 * A `useRealtime` that knows your events: `createRealtime<typeof realtime>()` with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtime<T extends object>(): { useRealtime: UseRealtime<EventsOf<T>> } {
  // The same hook; only its types know the events.
  return { useRealtime: useRealtime as unknown as UseRealtime<EventsOf<T>> };
}
