import type { RedisAdapter, StreamEntry, XAddOptions } from "../../brokers/four-method/adapter.ts";
import { compareCursors, isRealtimeCursor, type RealtimeCursor } from "../../protocol/cursor.ts";
import { assert, until } from "./assert.ts";

/** Appends `{ n }` for `n` from 0, one after the other, and checks the ids. */
export async function addMany(adapter: RedisAdapter, channel: string, count: number, options?: XAddOptions): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await add(adapter, channel, { n }, options));
  return ids;
}

/** Appends, and checks that the id is one. */
export async function add(
  adapter: RedisAdapter,
  channel: string,
  payload: Record<string, unknown>,
  options?: XAddOptions,
): Promise<string> {
  const id = await adapter.xadd(channel, payload, options);
  assert(isRealtimeCursor(id) && id !== "0-0", `xadd resolved with ${JSON.stringify(id)}, which is no id like 1700000000000-0`);
  return id;
}

export function idsOf(entries: readonly StreamEntry[]): string[] {
  return entries.map(({ id }) => id);
}

/** Fails unless the ids strictly rise. */
export function assertRising(ids: readonly string[], what: string): void {
  for (let at = 1; at < ids.length; at++) {
    const [before, id] = [ids[at - 1], ids[at]];
    const isAbove = isRealtimeCursor(id) && compareCursors(id, before as RealtimeCursor) > 0;
    assert(isAbove, `${what}: id ${String(id)} is not above ${String(before)}`);
  }
}

/** A promise that is watched while other things happen. */
export interface Watched<T> {
  readonly promise: Promise<T>;
  readonly isSettled: boolean;
}

export function watch<T>(promise: Promise<T>): Watched<T> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  promise.then(settle, settle);
  return {
    promise,
    get isSettled() {
      return isSettled;
    },
  };
}

/** Fails when the promise has not settled within 20 s. */
export async function settles(promise: Promise<unknown>, what: string): Promise<void> {
  const watched = watch(promise);
  await until(() => watched.isSettled, what);
}
