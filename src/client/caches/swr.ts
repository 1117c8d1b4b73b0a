import type { Clock } from "../../protocol/clock.ts";
import type { EventsOf } from "../../schema/infer.ts";
import { guarded } from "../report.ts";
import { identityOf, type Refreshable } from "./gather.ts";
import { cacheHandlers, type CacheHandlers, type CacheOptions, type KeysByEvent } from "./handlers.ts";

/** A key as `useSWR` takes it. */
export type SwrKey = string | readonly [unknown, ...unknown[]] | Readonly<Record<string, unknown>>;

/** Chooses keys of the cache. */
export type SwrFilter = (key: unknown) => boolean;

/** What is needed of SWR's `mutate`. */
export type SwrMutate = (key: SwrKey | SwrFilter) => Promise<unknown>;

/** A fetch that takes longer is overtaken by the next. */
const LONGEST_FETCH_MS = 10_000;

const everything: SwrFilter = () => true;

/**
 * What SWR can be asked for. A key that is being fetched because of an event is fetched anew when that has ended: SWR drops the answer
 * of a fetch that another one has overtaken, so that under many events a slow one would never be shown.
 */
function openSwr(mutate: SwrMutate, clock: Clock): Refreshable<SwrKey | SwrFilter> {
  /** What is being fetched, and whether it was asked for again. */
  const running = new Map<unknown, { isAskedAgain: boolean }>();
  /** Those that are gathered as `anyOfThem`: two functions are never equal by value. */
  const filters = new Set<SwrFilter>();
  const anyOfThem: SwrFilter = () => false;

  function matcherOf(key: SwrKey | SwrFilter): SwrKey | SwrFilter {
    if (key !== anyOfThem) return key;
    const chosen = [...filters];
    filters.clear();
    return (each) => chosen.some((filter) => filter(each));
  }

  async function refresh(key: SwrKey | SwrFilter): Promise<void> {
    const id = identityOf(key);
    const before = running.get(id);
    if (before) {
      before.isAskedAgain = true;
      return;
    }
    const run = { isAskedAgain: false };
    running.set(id, run);
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, LONGEST_FETCH_MS);
      void guarded(() => mutate(matcherOf(key))).then(() => {
        clock.clearTimeout(timer);
        resolve();
      });
    });
    running.delete(id);
    if (run.isAskedAgain) await refresh(key);
  }

  return {
    refresh,
    covers: (key) => key === everything,
    gatherAs(key) {
      if (typeof key !== "function" || key === everything) return key;
      filters.add(key);
      return anyOfThem;
    },
  };
}

const handlersOf = cacheHandlers<SwrMutate, SwrKey | SwrFilter>({ open: openSwr, everything });

/**
 * Options of `useRealtime` and `client.subscribe` that fetch keys of SWR anew when events say that what they stand for has changed,
 * and when events may be missing. `T` knows the events, as in `createRealtime<typeof realtime>()`; without it any name is an event.
 *
 * @param mutate `mutate` of `useSWRConfig()`, or the global one; itself, not a function around it
 * @param keys for each event a key as `useSWR` takes it, or `{ keys }` for several, or a function that makes them of the event; it may
 * also return a filter
 */
export function revalidateKeys<T extends object = object>(
  mutate: SwrMutate,
  keys: KeysByEvent<EventsOf<T>, SwrKey, SwrKey | SwrFilter>,
  options?: CacheOptions<SwrKey | SwrFilter>,
): CacheHandlers<keyof EventsOf<T> & string> {
  return handlersOf(mutate, { keys, options }) as CacheHandlers<keyof EventsOf<T> & string>;
}
