import { createContext, useContext, useEffect, useMemo, useRef, type ReactElement, type ReactNode } from "react";
import { warnOfNested } from "../bindings/nested-provider.ts";
import { watchConnection, type ConnectionCallbacks } from "../bindings/watch-connection.ts";
import { createRealtimeClient } from "../client.ts";
import type { ApiOptions, RealtimeClient } from "../options.ts";

/** Props of {@link RealtimeProvider}; none is required. Of each function the newest is called. */
export interface RealtimeProviderProps extends ConnectionCallbacks {
  readonly children?: ReactNode;
  /** Where the endpoint is. Compared by value, so that an object written in place never reconnects. @default `/api/realtime` */
  readonly api?: ApiOptions | undefined;
  /** Failed attempts in a row after which the status is `error`. @default Infinity */
  readonly maxReconnectAttempts?: number | undefined;
  /** A client of your own, which stays yours to destroy. Without it the provider makes one. */
  readonly client?: RealtimeClient | undefined;
}

const Context = createContext<RealtimeClient | undefined>(undefined);

/** One connection for everything below it. It is open only while a component below wants a channel. */
export function RealtimeProvider(props: RealtimeProviderProps): ReactElement {
  const { children, api, maxReconnectAttempts, client: given } = props;
  const isInner = useContext(Context) !== undefined;
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  // Without the headers: a newer token is for the next request, and no reason for another connection.
  const wanted = JSON.stringify([{ ...api, headers: undefined }, maxReconnectAttempts]);

  const client = useMemo(() => {
    const headers: ApiOptions["headers"] = (asked) => {
      const newest = latest.current.api?.headers;
      return typeof newest === "function" ? newest(asked) : newest;
    };
    const made = given ?? createRealtimeClient({ api: { ...api, headers }, maxReconnectAttempts });
    return watchConnection(made, () => latest.current);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- `wanted` stands for their values
  }, [given, wanted]);

  useEffect(() => {
    if (isInner && !given) warnOfNested("a RealtimeProvider");
    const stop = client.watch();
    return () => {
      stop();
      if (!given) client.destroy();
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once for each client
  }, [client]);

  return <Context.Provider value={client}>{children}</Context.Provider>;
}

/** The client of the nearest provider. @throws Error when there is none. */
export function useRealtimeContext(): RealtimeClient {
  return useClient("useRealtimeContext");
}

/** @internal */
export function useClient(hook: string): RealtimeClient {
  const client = useContext(Context);
  if (!client)
    throw new Error(`${hook}: no RealtimeProvider found. Wrap the component, or the whole app, in <RealtimeProvider>.`);
  return client;
}
