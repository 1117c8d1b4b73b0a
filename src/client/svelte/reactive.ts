import * as stores from "svelte/store";
import { readable, type Readable } from "svelte/store";

/** What may change: a value, a store, or, in Svelte 5, a function that reads reactive state. Svelte 4 calls the function once. */
export type MaybeReactive<T> = T | Readable<T> | (() => T);

/** Svelte 5 has it; taken from the module as a whole, because bundlers refuse a name that Svelte 4 does not export. */
const { toStore } = stores as { readonly toStore?: <T>(get: () => T) => Readable<T> };

/** @param touch reads what lies deeper in a value, so that an array changed in place is a change */
export function storeOf<T extends object>(given: MaybeReactive<T>, touch: (value: T) => unknown): Readable<T> {
  if (typeof given !== "function") return "subscribe" in given ? given : readable(given);
  const read = (): T => {
    const value = given();
    touch(value);
    return value;
  };
  return toStore ? toStore(read) : readable(read());
}
