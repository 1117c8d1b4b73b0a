import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { targetOf, type ResourceInput } from "./live-options.ts";
import type { LiveStatus } from "./live-status.ts";
import { createListStore, type ListSource, type ListState, type PageRequest, type ResourcePage } from "./list-store.ts";
import { useRefreshing, type UseLiveResourceOptions } from "./use-live-resource.ts";

/** Options of {@link useResourceList}. One of `fetch` and `url` says where rows come from. */
export interface UseResourceListOptions<Row> extends UseLiveResourceOptions {
  /** Fetches a page: rows, or `{ rows, total }`. The newest function is called. */
  readonly fetch?: ((request: PageRequest) => Promise<ResourcePage<Row> | readonly Row[]>) | undefined;
  /** Answers the same as JSON, to `?page=…&pageSize=…` and `query`. @default "/api/" and the resource's name */
  readonly url?: string | undefined;
  /** From 1. @default 1 */
  readonly page?: number | undefined;
  /** @default 20 */
  readonly pageSize?: number | undefined;
  /** Filters, a search, an order; compared by value. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** What a row is known by: a column, or a function. @default "id" */
  readonly key?: (keyof Row & string) | ((row: Row) => unknown) | undefined;
  /** Rows that the server has rendered, of the page that is shown first. Read once. */
  readonly initial?: ResourcePage<Row> | undefined;
}

/** What {@link useResourceList} returns. */
export interface ResourceList<Row> extends ListState<Row> {
  /** How the connection stands. */
  readonly status: LiveStatus;
  readonly page: number;
  /** How many pages there are, where the total is known. */
  readonly pages: number | undefined;
  /** Fetches now. */
  refresh(): void;
  /** Shows a row at the top, while `commit` stores it. It gives way to the server's rows, or goes again when `commit` rejects. */
  insert<R>(row: Row, commit?: () => Promise<R> | R): Promise<R | undefined>;
  /** Shows a row changed, while `commit` stores it. @param key of the row */
  update<R>(key: unknown, patch: Partial<Row>, commit?: () => Promise<R> | R): Promise<R | undefined>;
  /** Leaves a row out, while `commit` deletes it. @param key of the row */
  remove<R>(key: unknown, commit?: () => Promise<R> | R): Promise<R | undefined>;
}

const NO_QUERY: Readonly<Record<string, string>> = {};
const PAGE_SIZE = 20;

/**
 * The rows of a resource, a page at a time, that refresh when one changes. While newer rows are on their way the old ones stay, also
 * those of another page, `query` or `url`; an answer that was overtaken is dropped. Another resource begins with no rows.
 */
export function useResourceList<Row = Record<string, unknown>>(
  resource: ResourceInput,
  options: UseResourceListOptions<Row> = {},
): ResourceList<Row> {
  const { page = 1, enabled = true, initial, debounceMs, jitterMs } = options;
  const source = sourceOf(resource, options);
  const { name } = targetOf(resource);
  const [shown, setShown] = useState(() => ({ name, store: createListStore(source, { initial, debounceMs, jitterMs }) }));
  // Of another resource nothing is to be seen: neither rows, nor what is being written. What was rendered by the server was of the first.
  if (shown.name !== name) setShown({ name, store: createListStore(source, { debounceMs, jitterMs }) });
  const { store } = shown;
  useEffect(() => store.update(source));
  useEffect(() => (enabled ? store.start() : undefined), [store, enabled]);
  const status = useRefreshing(resource, store, options);

  const subscribe = useCallback((onChange: () => void) => store.subscribe(onChange), [store]);
  const state = useSyncExternalStore(subscribe, store.getState, store.getState);
  const actions = useMemo(() => {
    const keyOf = (row: Row): unknown => source.keyOf(row);
    return {
      refresh: () => store.refresh(),
      insert: <R>(row: Row, commit?: () => Promise<R> | R) => store.change({ kind: "insert", key: keyOf(row), row }, commit),
      update: <R>(key: unknown, patch: Partial<Row>, commit?: () => Promise<R> | R) =>
        store.change({ kind: "update", key, patch }, commit),
      remove: <R>(key: unknown, commit?: () => Promise<R> | R) => store.change({ kind: "remove", key }, commit),
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- what a row is known by does not change
  }, [store]);

  const pages = state.total === undefined ? undefined : Math.max(1, Math.ceil(state.total / source.pageSize));
  return { ...state, ...actions, status, page, pages };
}

function sourceOf<Row>(resource: ResourceInput, options: UseResourceListOptions<Row>): ListSource<Row> {
  const { name } = targetOf(resource);
  const { page = 1, pageSize = PAGE_SIZE, query = NO_QUERY, key = "id" as keyof Row & string, url = `/api/${name}` } = options;
  return {
    ...{ from: url, page, pageSize, query },
    load: options.fetch ?? ((request) => fetchRows<Row>(url, request)),
    keyOf: typeof key === "function" ? key : (row) => row[key],
  };
}

async function fetchRows<Row>(url: string, { page, pageSize, query, signal }: PageRequest): Promise<ResourcePage<Row>> {
  const search = new URLSearchParams({ ...query, page: String(page), pageSize: String(pageSize) });
  const response = await fetch(`${url}${url.includes("?") ? "&" : "?"}${search}`, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  return (await response.json()) as ResourcePage<Row>;
}
