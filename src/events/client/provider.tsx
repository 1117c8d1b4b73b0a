import { useContext, useMemo, type ReactElement, type ReactNode } from "react";
import { connectionTo, type ConnectionOptions } from "./connection.ts";
import { createFollower } from "./follower.ts";
import { ProviderContext, type RealtimeContext } from "./provider-context.ts";
import { BASE, logOf } from "./use-event-stream.ts";
import { useFollower } from "./use-follower.ts";

/** Props of {@link RealtimeProvider}; none is required. */
export interface RealtimeProviderProps extends ConnectionOptions {
  readonly children?: ReactNode;
}

/** One connection for everything below it, open for as long as it is there. */
export function RealtimeProvider({ children, url, userId, client }: RealtimeProviderProps): ReactElement {
  const connection = useMemo(() => connectionTo({ url, userId, client }), [url, userId, client]);
  const isConnected = useFollower(connection, BASE, QUIET).status === "connected";
  const subscribe = useMemo(
    (): RealtimeContext["subscribe"] => (channel, callback) => {
      const follower = createFollower(connection);
      follower.follow([logOf(channel)], { onEvent: callback });
      return follower.stop;
    },
    [connection],
  );
  const provided = useMemo(
    () => ({ connection, userId, isConnected, subscribe }),
    [connection, userId, isConnected, subscribe],
  );
  return <ProviderContext.Provider value={provided}>{children}</ProviderContext.Provider>;
}

/** What a gap means is for those to say who read the events. */
const QUIET = { onGap() {} };

/** The nearest `RealtimeProvider`; `null` when there is none. */
export function useRealtimeContext(): RealtimeContext | null {
  return useContext(ProviderContext) ?? null;
}
