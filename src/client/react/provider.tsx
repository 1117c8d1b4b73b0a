import { createContext, useContext, useEffect, useState, type ReactElement, type ReactNode } from "react";
import { createRealtimeClient } from "../client.ts";
import type { ApiOptions, RealtimeClient } from "../options.ts";

/** Props of {@link RealtimeProvider}; none is required. */
export interface RealtimeProviderProps {
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
export function RealtimeProvider({ children, api = {}, maxReconnectAttempts, client }: RealtimeProviderProps): ReactElement {
  const key = keyOf(api, maxReconnectAttempts);
  const [made, setMade] = useState(() => make(api, maxReconnectAttempts));
  if (made.key !== key) setMade(make(api, maxReconnectAttempts));
  // The newest function is asked, so that it sees the newest token; a new function is no new connection.
  useEffect(() => made.setHeaders(api.headers));
  useEffect(() => () => made.client.destroy(), [made]);
  return <Context.Provider value={client ?? made.client}>{children}</Context.Provider>;
}

/** A client that the provider made, and for what. */
interface Made {
  readonly key: string;
  readonly client: RealtimeClient;
  setHeaders(headers: ApiOptions["headers"]): void;
}

function keyOf({ url, withCredentials, shareTabs }: ApiOptions, maxReconnectAttempts: number | undefined): string {
  return JSON.stringify([url, withCredentials, shareTabs, maxReconnectAttempts]);
}

function make(api: ApiOptions, maxReconnectAttempts: number | undefined): Made {
  let { headers } = api;
  return {
    key: keyOf(api, maxReconnectAttempts),
    client: createRealtimeClient({
      api: { ...api, headers: (asked) => (typeof headers === "function" ? headers(asked) : headers) },
      maxReconnectAttempts,
    }),
    setHeaders(newest) {
      headers = newest;
    },
  };
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
