import { createContext, useContext, useEffect, useRef, useState, type ReactElement, type ReactNode } from "react";
import { createRealtimeClient } from "../client.ts";
import type { ApiOptions, RealtimeClient } from "../options.ts";

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
  const { url, withCredentials, headers } = api;
  // The newest function is asked, so that it sees the newest token, and a new one is no new connection.
  const latestHeaders = useRef(headers);
  useEffect(() => {
    latestHeaders.current = headers;
  });
  const create = (): Made => ({
    key: JSON.stringify([url, withCredentials, maxReconnectAttempts]),
    client: createRealtimeClient({
      api: { url, withCredentials, headers: () => resolve(latestHeaders.current) },
      maxReconnectAttempts,
    }),
  });
  const [made, setMade] = useState<Made>(create);
  const key = JSON.stringify([url, withCredentials, maxReconnectAttempts]);
  if (made.key !== key) setMade(create());
  useEffect(() => () => made.client.destroy(), [made]);
  return <Context.Provider value={client ?? made.client}>{children}</Context.Provider>;
}

interface Made {
  readonly key: string;
  readonly client: RealtimeClient;
}

function resolve(headers: ApiOptions["headers"]): HeadersInit | undefined | Promise<HeadersInit | undefined> {
  return typeof headers === "function" ? headers() : headers;
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
