import { useEffect, useRef, useState } from "react";
import { resourceChannel } from "../names.ts";
import { targetOf, type LiveOptions, type ResourceInput } from "./live-options.ts";
import type { LiveStatus } from "./live-status.ts";
import { createRefresher, type Refresher } from "./refresher.ts";
import { useChannel } from "./use-live-channel.ts";

/** Options of {@link useLiveResource}. */
export interface UseLiveResourceOptions extends LiveOptions {
  /** A burst of changes is over when it is quiet for so long, in milliseconds. @default 200 */
  readonly debounceMs?: number | undefined;
  /** Up to so much more, at random, in milliseconds: a thousand open lists do not ask in the same moment. @default 200 */
  readonly jitterMs?: number | undefined;
}

/**
 * Calls `refetch` when a row of the resource changes: once for a burst, never twice at once, and once after a reconnect or a gap. It
 * also does so when it is live for the first time, for what changed since the rows were read, unless the resource came with a
 * `cursor` (`admin.resource(name).live()`). A `refetch` that rejects is tried again. The newest one is called.
 */
export function useLiveResource(
  resource: ResourceInput,
  refetch: (signal: AbortSignal) => unknown,
  options: UseLiveResourceOptions = {},
): LiveStatus {
  const latest = useRef(refetch);
  useEffect(() => {
    latest.current = refetch;
  });
  const { debounceMs, jitterMs } = options;
  // oxlint-disable-next-line react/refs -- it is read when rows are fetched, not here
  const [refresher] = useState(() => createRefresher({ refetch: (signal) => latest.current(signal), debounceMs, jitterMs }));
  useEffect(() => () => refresher.stop(), [refresher]);
  return useRefreshing(resource, refresher, options);
}

/** Pings a refresher for all that says that rows may be other ones. @internal */
export function useRefreshing(resource: ResourceInput, refresher: Pick<Refresher, "ping">, options: LiveOptions): LiveStatus {
  const { name, realtime, cursor } = targetOf(resource);
  return useChannel(realtime ? resourceChannel(name) : undefined, refresher.ping, {
    ...options,
    after: cursor,
    onGap: refresher.ping,
    // Without a cursor nobody knows what changed since the rows were read.
    onLive: ({ after, wasLive }) => void ((wasLive || after === undefined) && refresher.ping()),
  });
}
