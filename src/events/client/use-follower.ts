import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Connection } from "./connection.ts";
import { createFollower, UNKNOWN, type Callbacks, type FollowerState } from "./follower.ts";

/**
 * Follows logs for as long as the component is there. The newest functions are called; only other logs subscribe anew.
 *
 * @param logs none: it pauses
 */
export function useFollower(
  connection: Connection | undefined,
  logs: readonly string[] | undefined,
  callbacks: Callbacks,
): FollowerState {
  const follower = useMemo(() => createFollower(connection), [connection]);
  useEffect(() => (logs ? follower.follow(logs, callbacks) : follower.stop()));
  useEffect(() => follower.stop, [follower]);
  return useSyncExternalStore(follower.subscribe, follower.get, atFirst);
}

const atFirst = (): FollowerState => UNKNOWN;
