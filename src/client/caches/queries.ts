import type { EventsOf } from "../../schema/infer.ts";
import { guarded } from "../report.ts";
import type { Refreshable } from "./gather.ts";
import { identityOf } from "./gather.ts";
import { cacheHandlers, type CacheHandlers, type CacheOptions, type KeysByEvent } from "./handlers.ts";

/** A query's key: it stands for every query whose key begins with it. */
export type QueryKeyLike = readonly unknown[];

/** What is needed to know of a query. */
export interface QueryLike {
  readonly queryKey: QueryKeyLike;
  readonly state: { readonly fetchStatus: string };
}

/** What is needed of a `QueryClient` of TanStack Query 4 or 5. */
export interface QueryClientLike {
  invalidateQueries(filters: {
    readonly queryKey: QueryKeyLike;
    readonly predicate: (query: QueryLike) => boolean;
  }): Promise<unknown>;
  getQueryCache(): {
    subscribe(listener: (event: { readonly type: string; readonly query: QueryLike }) => void): () => void;
  };
}

/**
 * What a cache of queries can be asked for. A query that is being fetched is let alone, and fetched anew when that has ended: its
 * answer may be older than the event; and when each event stopped it and began again, a slow one would never end.
 */
function openQueries(client: QueryClientLike): Refreshable<QueryKeyLike> {
  /** Those to be fetched anew when they have been fetched. */
  const late = new Set<QueryLike>();
  let unsubscribe: (() => void) | undefined;

  function watch(): void {
    unsubscribe ??= client.getQueryCache().subscribe(({ type, query }) => {
      if (!late.has(query) || (type !== "removed" && isFetching(query))) return;
      late.delete(query);
      if (late.size === 0) {
        unsubscribe?.();
        unsubscribe = undefined;
      }
      if (type === "removed") return;
      void guarded(() => client.invalidateQueries({ queryKey: query.queryKey, predicate: (each) => each === query }));
    });
  }

  return {
    refresh: (queryKey) =>
      client.invalidateQueries({
        queryKey,
        predicate(query) {
          if (!isFetching(query)) return true;
          late.add(query);
          watch();
          return false;
        },
      }),
    covers: (key, other) => key.length <= other.length && identityOf(key) === identityOf(other.slice(0, key.length)),
  };
}

const isFetching = ({ state }: QueryLike): boolean => state.fetchStatus === "fetching";

const handlersOf = cacheHandlers({ open: openQueries, everything: [] as QueryKeyLike });

/**
 * Options of `useRealtime` and `client.subscribe` that invalidate queries when events say that they have changed, and when events may
 * be missing. `T` knows the events, as in `createRealtime<typeof realtime>()`; without it any name is an event.
 *
 * @param keys for each event a query's key, or `{ keys }` for several, or a function that makes them of the event. As in TanStack Query,
 * a key stands for all that begin with it.
 */
export function invalidateQueries<T extends object = object>(
  queryClient: QueryClientLike,
  keys: KeysByEvent<EventsOf<T>, QueryKeyLike>,
  options?: CacheOptions<QueryKeyLike>,
): CacheHandlers<keyof EventsOf<T> & string> {
  return handlersOf(queryClient, { keys, options }) as CacheHandlers<keyof EventsOf<T> & string>;
}
