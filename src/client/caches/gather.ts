import type { Clock, Timer } from "../../protocol/clock.ts";
import { guarded } from "../report.ts";

/** For so many times the wait a key is put off, while further events ask for it. */
const LONGEST_WAITS = 10;

/** What can fetch anew. */
export interface Refreshable<K> {
  /** Fetches anew whatever a key stands for. */
  refresh(key: K): unknown;
  /** Whether `refresh(key)` is also a `refresh(other)`. */
  covers(key: K, other: K): boolean;
  /** The key to gather in the place of `key`. @default itself */
  gatherAs?(key: K): K;
}

/** Gathers those who ask for the same key. */
export interface Gatherer<K> {
  /**
   * `refresh(key)` is called when nobody has asked for `key` for `waitMs`, and no later than ten times that after the first. Each
   * page makes both up to twice as long, by chance, so that many pages do not fetch in the same moment.
   */
  ask(key: K, waitMs: number): void;
}

interface Asked<K> {
  readonly key: K;
  readonly latest: number;
  readonly timer: Timer;
}

/** Fetches anew once for many events. */
export function createGatherer<K>(cache: Refreshable<K>, clock: Clock): Gatherer<K> {
  const waiting = new Map<unknown, Asked<K>>();
  const spread = 1 + clock.random();

  function due(id: unknown, key: K): void {
    waiting.delete(id);
    // Another one comes soon, which does this too.
    for (const other of waiting.values()) if (cache.covers(other.key, key)) return;
    void guarded(() => cache.refresh(key));
  }

  return {
    ask(asked, waitMs) {
      const key = cache.gatherAs?.(asked) ?? asked;
      const id = identityOf(key);
      const now = clock.now();
      const before = waiting.get(id);
      clock.clearTimeout(before?.timer);
      const quietMs = waitMs * spread;
      const latest = before?.latest ?? now + quietMs * LONGEST_WAITS;
      const timer = clock.setTimeout(() => due(id, key), Math.min(quietMs, latest - now));
      waiting.set(id, { key, latest, timer });
    },
  };
}

/** The same for keys that are equal by value; a key that JSON cannot tell from others is equal to itself alone. */
export function identityOf(key: unknown): unknown {
  return isJson(key) ? JSON.stringify(key) : key;
}

function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return value === null || ["string", "boolean"].includes(typeof value);
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isPlain && Object.values(value).every(isJson);
}
