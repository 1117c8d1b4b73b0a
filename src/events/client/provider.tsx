import { useContext, useMemo, type ReactElement, type ReactNode } from "react";
import type { RealtimeEvent } from "../types.ts";
import { connectionTo, type ConnectionOptions } from "./connection.ts";
import { createFollower } from "./follower.ts";
import { ProviderContext } from "./provider-context.ts";
import { BASE, logOf } from "./use-event-stream.ts";
import { useFollower } from "./use-follower.ts";

/** Props of {@link RealtimeProvider}; none is required. */
export interface RealtimeProviderProps extends ConnectionOptions {
  readonly children?: ReactNode;
}

/** One connection for everything below it, open for as long as it is there. */
export function RealtimeProvider({ children, url, userId, client }: RealtimeProviderProps): ReactElement {
  const connection = useMemo(() => connectionTo({ url, userId, client }), [url, userId, client]);
  const { isConnected } = useFollower(connection, BASE, QUIET);
  const provided = useMemo(() => ({ connection, userId, isConnected }), [connection, userId, isConnected]);
  return <ProviderContext.Provider value={provided}>{children}</ProviderContext.Provider>;
}

/** What a gap means is for those to say who read the events. */
const QUIET = { onGap() {} };

/** What {@link useRealtimeContext} returns. */
export interface RealtimeContext {
  readonly isConnected: boolean;
  /** The events of a channel, outside of rendering. @returns ends it */
  subscribe(channel: string, callback: (event: RealtimeEvent) => unknown): () => void;
}

/** The nearest `RealtimeProvider`; `null` when there is none. */
export function useRealtimeContext(): RealtimeContext | null {
  const provided = useContext(ProviderContext);
  return useMemo(
    () =>
      provided
        ? {
            isConnected: provided.isConnected,
            subscribe(channel, callback) {
              const follower = createFollower(provided.connection);
              follower.follow([logOf(channel)], { onEvent: callback });
              return follower.stop;
            },
          }
        : null,
    [provided],
  );
}
