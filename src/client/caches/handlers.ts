import type { Clock } from "../../protocol/clock.ts";
import type { Gap } from "../../protocol/frames.ts";
import type { DeliveredEvent } from "../../schema/message.ts";
import type { ClientMessage } from "../options.ts";
import { pageClock } from "../page-clock.ts";
import { createGatherer, type Gatherer, type Refreshable } from "./gather.ts";

/** One key, or several. */
export type OneOrMore<K> = K | { readonly keys: readonly K[] };

/** A key or several, or what makes them of an event; with `undefined` nothing is fetched for it. */
export type KeysOf<K, Made, M> = OneOrMore<K> | ((message: M) => OneOrMore<Made> | undefined) | undefined;

/** For each event, by its name, the keys of what it changes. */
export type KeysByEvent<Events, K, Made = K> = {
  readonly [E in keyof Events & string]?: KeysOf<K, Made, DeliveredEvent<E, Events[E]>>;
};

/** Options of `invalidateQueries` and `revalidateKeys`. */
export interface CacheOptions<K> {
  /**
   * What a gap asks for, beside all keys that do not depend on an event; `{ keys: [] }` for nothing more.
   *
   * @default the whole cache when some key is made by a function, since nobody knows for which events it was not called; else nothing
   */
  readonly gapKeys?: OneOrMore<K> | undefined;
  /**
   * Seconds without a further event after which a key is fetched anew; while events keep coming, ten times that. A page makes it up to
   * twice as long, by chance, so that many pages do not ask in the same moment. @default 0.05
   */
  readonly waitSecs?: number | undefined;
  /** Time and chance, for tests. @internal */
  readonly clock?: Clock | undefined;
}

/** Options of `useRealtime` and `client.subscribe` that keep a cache up to date. Cheap to make in every render. */
export interface CacheHandlers<E extends string> {
  /** The events that have keys. */
  readonly events: readonly E[];
  readonly onData: (message: ClientMessage) => void;
  readonly onGap: (gap: Gap) => void;
}

/** A kind of cache. */
export interface CacheKind<C extends WeakKey, K> {
  /** What refreshes a cache of this kind. Called once for each. */
  open(cache: C, clock: Clock): Refreshable<K>;
  /** A key that stands for the whole cache. */
  readonly everything: K;
}

/** What is asked of a cache. The keys are `unknown` where they come from users: it is for their type to be right. */
export interface Wanted<K> {
  readonly keys: Readonly<Record<string, KeysOf<K, K, never>>>;
  readonly options: CacheOptions<K> | undefined;
}

/**
 * Handlers for the caches of a kind. All handlers of one cache gather together, whoever made them and when: a component makes new ones
 * with each render.
 */
export function cacheHandlers<C extends WeakKey, K>(
  kind: CacheKind<C, K>,
): (cache: C, wanted: Wanted<K>) => CacheHandlers<string> {
  const gatherers = new WeakMap<C, Gatherer<K>>();

  return (cache, { keys, options: { gapKeys, waitSecs = 0.05, clock = pageClock } = {} }) => {
    const named = Object.entries(keys).filter(([, key]) => key !== undefined);
    const ask = (asked: OneOrMore<K> | undefined): void => {
      if (asked === undefined) return;
      let gatherer = gatherers.get(cache);
      if (!gatherer) gatherers.set(cache, (gatherer = createGatherer(kind.open(cache, clock), clock)));
      for (const key of isSeveral(asked) ? asked.keys : [asked]) gatherer.ask(key, waitSecs * 1_000);
    };

    return {
      events: named.map(([event]) => event),
      onData(message) {
        const key = Object.hasOwn(keys, message.event) ? keys[message.event] : undefined;
        ask(isMaker(key) ? key(message as never) : key);
      },
      onGap() {
        const isUnknown = gapKeys === undefined && named.some(([, key]) => isMaker(key));
        if (isUnknown) return ask(kind.everything);
        for (const [, key] of named) if (!isMaker(key)) ask(key);
        ask(gapKeys);
      },
    };
  };
}

const isMaker = <K>(key: KeysOf<K, K, never>): key is (message: never) => OneOrMore<K> | undefined => typeof key === "function";

function isSeveral<K>(asked: OneOrMore<K>): asked is { readonly keys: readonly K[] } {
  return typeof asked === "object" && asked !== null && "keys" in asked && Array.isArray(asked.keys);
}
