/** What is used of Svelte, 4 and 5 alike. The package is optional, and its types are not installed here. */
declare module "svelte" {
  function getContext(key: unknown): unknown;
  function setContext<T>(key: unknown, context: T): T;
  function onMount(onMounted: () => () => void): void;
  function onDestroy(onDestroyed: () => void): void;
}

declare module "svelte/store" {
  interface Readable<T> {
    subscribe(this: void, run: (value: T) => void, invalidate?: () => void): () => void;
  }
  interface Writable<T> extends Readable<T> {
    set(this: void, value: T): void;
  }
  function readable<T>(value: T): Readable<T>;
  function writable<T>(value: T): Writable<T>;
}
