import { createRealtimeClient, type RealtimeClient } from "../../client/core.ts";

/** Where the events come from: a route and whom the page takes for its user, or a client of the page's own. */
export interface ConnectionOptions {
  /** The route, relative to the page or absolute. @default "/api/events/stream" */
  readonly url?: string | undefined;
  /**
   * Whom the page shows. Another one is another connection, and nothing of the one before is shown any more. The server knows its user
   * by itself: it only refuses a page that shows another one (403). @default whom the server knows
   */
  readonly userId?: string | undefined;
  /** One of `createRealtimeClient`, for headers or cookies of another origin. `url` is not looked at then. */
  readonly client?: RealtimeClient | undefined;
}

/** Finds the client when it is needed. */
export type Connection = () => RealtimeClient;

const DEFAULT_URL = "/api/events/stream";

/**
 * The clients of this page, by their addresses: all hooks for one user share one connection, below a provider or not. A client is open
 * only while somebody listens, and costs nothing then.
 */
const clients = new Map<string, RealtimeClient>();

export function connectionTo({ url = DEFAULT_URL, userId, client }: ConnectionOptions): Connection {
  if (client) return () => client;
  const address = userId ? `${url}${url.includes("?") ? "&" : "?"}userId=${encodeURIComponent(userId)}` : url;
  // Not before it is needed, which on a server is never.
  return () => {
    const known = clients.get(address) ?? createRealtimeClient({ api: { url: address } });
    clients.set(address, known);
    return known;
  };
}
