import type { Clock } from "../../protocol/clock.ts";
import { withChanges, type Change, type Rows } from "./optimistic.ts";
import { createRefresher } from "./refresher.ts";

/** What a fetch of a page of rows answers. */
export interface ResourcePage<Row> {
  readonly rows: readonly Row[];
  /** Rows on all pages. */
  readonly total?: number | undefined;
}

/** What is asked for. */
export interface PageRequest {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
  /** Filters, a search, an order: whatever the application has. */
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A list as a component shows it. */
export interface ListState<Row> extends Rows<Row> {
  /** The first rows are on their way. */
  readonly isLoading: boolean;
  /** Rows are shown, and newer ones are on their way. */
  readonly isRefreshing: boolean;
  /** The rows are those of another page or query, until those that were asked for are there. */
  readonly isPrevious: boolean;
  /** Why the last fetch failed. The rows stay; it is tried again. */
  readonly error: unknown;
}

/** What a {@link ListStore} is about. */
export interface ListSource<Row> {
  load(request: PageRequest): Promise<ResourcePage<Row> | readonly Row[]>;
  keyOf(row: Row): unknown;
  /** Where rows come from, as text. */
  readonly from: string;
  readonly page: number;
  readonly pageSize: number;
  readonly query: Readonly<Record<string, string>>;
}

/** How {@link createListStore} begins. */
export interface ListStoreOptions<Row> {
  readonly initial?: ResourcePage<Row> | undefined;
  readonly debounceMs?: number | undefined;
  readonly jitterMs?: number | undefined;
  /** Time and chance, for tests. @internal */
  readonly clock?: Clock | undefined;
}

/** Rows that are fetched, fetched again, and changed before the server has said so. Knows no framework. */
export interface ListStore<Row> {
  getState(): ListState<Row>;
  /** @returns ends it. */
  subscribe(onChange: () => void): () => void;
  /** From now on this is what is shown; fetches when what is asked for is something else. */
  update(source: ListSource<Row>): void;
  /** @returns ends what runs. It can be started again. */
  start(): () => void;
  /** Rows may be other ones. */
  ping(): void;
  /** Fetches now, or once more after the fetch that runs. */
  refresh(): void;
  /**
   * Shows a change at once. When `commit` resolves, the next rows from the server take its place; when it rejects, the change is taken
   * back, and so does this reject. Without `commit` the next fetch that begins after this decides.
   */
  change<R>(change: Change<Row>, commit?: () => Promise<R> | R): Promise<R | undefined>;
}

/** A change, and from which fetch on the server's rows have it. */
interface Pending<Row> {
  readonly change: Change<Row>;
  settledBefore: number;
}

export function createListStore<Row>(
  first: ListSource<Row>,
  { initial, ...timing }: ListStoreOptions<Row> = {},
): ListStore<Row> {
  let source = first;
  let sent: Rows<Row> = { rows: initial?.rows ?? [], total: initial?.total };
  /** What was asked for to get them. */
  let shownFor: string | undefined = initial && requestOf(first);
  let pending: ReadonlyArray<Pending<Row>> = [];
  let isFetching = false;
  let error: unknown;
  let isStarted = false;
  /** Counts fetches. */
  let fetches = 0;
  /** The newest fetch that brought rows, and the one that has to: a pause in between may have ended it, or come before it. */
  let brought = 0;
  let needed = initial ? 0 : 1;
  const listeners = new Set<() => void>();

  let state = fold();

  function fold(): ListState<Row> {
    const changed = withChanges(
      sent,
      pending.map(({ change }) => change),
      source.keyOf,
    );
    const hasRows = shownFor !== undefined;
    return {
      ...changed,
      isLoading: !hasRows && error === undefined,
      isRefreshing: hasRows && isFetching,
      isPrevious: hasRows && shownFor !== requestOf(source),
      error,
    };
  }

  function tell(): void {
    state = fold();
    for (const listener of [...listeners]) listener();
  }

  const refresher = createRefresher({
    ...timing,
    async refetch(signal) {
      const { load, keyOf, page, pageSize, query } = source;
      const asked = requestOf(source);
      const number = (needed = ++fetches);
      isFetching = true;
      tell();
      const answer = await load({ page, pageSize, query, signal });
      if (signal.aborted) return;
      sent = rowsIn(answer, keyOf);
      shownFor = asked;
      brought = number;
      pending = pending.filter(({ settledBefore }) => settledBefore > number);
      isFetching = false;
      error = undefined;
      tell();
    },
    onError(reason) {
      isFetching = false;
      error = reason;
      tell();
    },
  });

  function ping(): void {
    needed = fetches + 1;
    if (isStarted) refresher.ping();
  }

  function forget(one: Pending<Row>): void {
    pending = pending.filter((each) => each !== one);
    tell();
  }

  return {
    getState: () => state,
    subscribe(onChange) {
      // A function of our own, so that the same one can subscribe twice.
      const listener = (): void => onChange();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    update(next) {
      const before = requestOf(source);
      source = next;
      if (before === requestOf(next)) return;
      if (isStarted) refresher.restart();
      tell();
    },
    start() {
      isStarted = true;
      // Not yet: in development React starts twice, and ends the first at once.
      let isDue = brought < needed || shownFor !== requestOf(source);
      queueMicrotask(() => {
        if (isDue) refresher.restart();
      });
      return () => {
        isDue = false;
        isStarted = isFetching = false;
        refresher.stop();
        if (state.isRefreshing) tell();
      };
    },
    ping,
    refresh: () => refresher.now(),
    async change(change, commit) {
      const one: Pending<Row> = { change, settledBefore: Infinity };
      pending = [...pending, one];
      tell();
      try {
        const result = await commit?.();
        one.settledBefore = fetches + 1;
        ping();
        return result;
      } catch (reason) {
        forget(one);
        throw reason;
      }
    },
  };
}

/** Whatever a server answers: what cannot be shown is a failed fetch. @throws TypeError, and what `keyOf` throws */
function rowsIn<Row>(answer: ResourcePage<Row> | readonly Row[], keyOf: (row: Row) => unknown): Rows<Row> {
  const { rows, total }: Partial<ResourcePage<Row>> = Array.isArray(answer) ? { rows: answer } : ((answer as unknown) ?? {});
  if (!Array.isArray(rows)) throw new TypeError("What was fetched is no list of rows: it has to be rows, or { rows, total }.");
  // A row that cannot be known would fail each change that is shown on top.
  for (const row of rows as readonly Row[]) keyOf(row);
  return { rows, total };
}

/** What is asked for, as text: equal by value is equal. */
function requestOf({ from, page, pageSize, query }: Omit<ListSource<never>, "load" | "keyOf">): string {
  const filters = Object.keys(query).sort();
  return JSON.stringify([from, page, pageSize, filters.map((name) => [name, query[name]])]);
}
