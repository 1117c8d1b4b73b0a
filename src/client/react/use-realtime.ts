import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { EventsOf } from "../../schema/infer.ts";
import { followOptions } from "../bindings/follow.ts";
import type { UntypedOptions, UseRealtimeOptions } from "../bindings/options.ts";
import type { ConnectionStatus } from "../options.ts";
import { useClient } from "./provider.tsx";

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
export function useRealtime(options: UntypedOptions = {}): UseRealtimeResult {
  const client = useClient("useRealtime");
  /** Where this component stands on each of its channels: it goes on there after a pause, and with another client. */
  const [cursors] = useState(() => new Map<string, RealtimeCursor>());
  const follower = useMemo(() => followOptions(client, cursors), [client, cursors]);
  useEffect(() => follower.update(options));
  useEffect(() => follower.stop, [follower]);

  const subscribe = useCallback((onChange: () => void) => client.subscribeStatus(onChange), [client]);
  const status = useSyncExternalStore(subscribe, client.getStatus, serverStatus);
  return { status };
}

const serverStatus = (): ConnectionStatus => "disconnected";

/** What `createRealtime` returns. */
export interface TypedRealtime<Events> {
  readonly useRealtime: UseRealtime<Events>;
}

/**
 * A `useRealtime` that knows your events: `createRealtime<typeof realtime>()` with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtime<T extends object>(): TypedRealtime<EventsOf<T>> {
  // The same hook; only its type knows the events.
  return { useRealtime } as unknown as TypedRealtime<EventsOf<T>>;
}
