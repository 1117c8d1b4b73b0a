/** What a value looks like after `JSON.parse(JSON.stringify(value))`, as a type. */

/**
 * The JSON form of `T`: what a subscriber receives when `T` was emitted. A `Date` becomes a `string`, everything with a
 * `toJSON` becomes what that returns, functions and symbols vanish, `undefined` makes a property optional, and what JSON
 * cannot carry (`bigint`, `Map`, `Set`) becomes `never`. `unknown` and `any` stay what they are.
 */
export type JsonForm<T> = unknown extends T
  ? T
  : T extends { toJSON(...args: never[]): infer R }
    ? AfterToJson<R>
    : AfterToJson<T>;

/**
 * The JSON form of a whole payload. A payload always has a JSON text: `undefined` is stored as `null`.
 */
export type JsonPayload<T> = JsonElement<T>;

/** `JSON.stringify` calls `toJSON` once, not again on its result; so a `toJSON(): this` ends here. */
type AfterToJson<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null
    ? T
    : T extends NoJson
      ? never
      : T extends readonly unknown[]
        ? JsonArray<T>
        : JsonObject<T>;

/**
 * A plain array is written as `X[]`, which TypeScript resolves when somebody looks; a mapped type over an array is resolved at
 * once, and never ends for `type Json = Json[] | …`. Tuples need the mapped type, for their places.
 */
type JsonArray<T extends readonly unknown[]> = T[number][] extends T
  ? T extends unknown[]
    ? JsonElement<T[number]>[]
    : readonly JsonElement<T[number]>[]
  : { [I in keyof T]: JsonElement<T[I]> };

/** Not representable: rejected at run time, or gone before it is stored. */
type NoJson =
  | bigint
  | Vanishing
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBufferView
  | ArrayBuffer
  | Promise<unknown>;

// The most general function type; only ever compared against.
type AnyFunction = (...args: never[]) => unknown;

/** Leaves no trace as the value of a property. */
type Vanishing = undefined | void | symbol | AnyFunction;

/** Where there is no property to leave out (an element, a whole payload), `undefined` is written as `null`. */
type JsonElement<T> = unknown extends T ? T : T extends undefined | void ? null : JsonForm<T>;

/** The short way is taken by most payloads, and it shows a readable type on hover. */
type JsonObject<T> = [PartialKey<T>] extends [never]
  ? { [K in keyof T as Exclude<K, symbol>]: JsonForm<T[K]> }
  : JsonPartialObject<T>;

/** Names of the properties that may be missing from the JSON text. */
type PartialKey<T> = { [K in keyof T]-?: MayVanish<T[K]> extends true ? K : never }[keyof T];

/** `unknown` and `any` say nothing about presence, so such a property keeps its own `?` or its lack of one. */
type MayVanish<V> = unknown extends V ? false : [Extract<V, Vanishing>] extends [never] ? false : true;

/** A property that is only ever a function or a symbol goes; `undefined` alone stays as `?: never`, for discriminated unions. */
type Remains<V> = [V] extends [symbol | AnyFunction] ? false : true;

type JsonPartialObject<T> = {
  [K in keyof T as K extends symbol ? never : MayVanish<T[K]> extends true ? never : K]: JsonForm<T[K]>;
} & {
  [
    K in keyof T as K extends symbol ? never : MayVanish<T[K]> extends true ? (Remains<T[K]> extends true ? K : never) : never
  ]?: JsonForm<Exclude<T[K], Vanishing>>;
} extends infer Both
  ? { [K in keyof Both]: Both[K] }
  : never;
