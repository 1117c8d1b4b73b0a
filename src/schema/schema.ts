/** From a nested schema to flat event names and their types. `compile.ts` does the same at run time. */
import type { JsonPayload } from "./json-form.ts";
import type { InputOf, OutputOf, StandardLeaf, StandardSchema } from "./standard-schema.ts";

/**
 * Events by namespace: `{ chat: { message: z.object({ text: z.string() }) } }` declares the event `"chat.message"`. Namespaces
 * nest; a name has at most 10 segments. Leaves are validators of any library that speaks Standard Schema.
 */
export interface Schema {
  readonly [segment: string]: StandardSchema | Schema;
}

/** The schema in the options `O`; plain {@link Schema}, so untyped events, when there is none. */
export type SchemaOf<O> = "schema" extends keyof O ? Exclude<O["schema"], undefined> : Schema;

/** The event names of the options `O`; `string` without a schema. */
export type EventName<O> = NameIn<SchemaOf<O>>;

/** What `emit` takes for the event `E`: the schema's input type. */
export type EventInput<O, E extends EventName<O>> = InputAt<SchemaOf<O>, E>;

/** What a subscriber receives for the event `E`: the JSON form of the schema's output type. */
export type EventData<O, E extends EventName<O>> = DataAt<SchemaOf<O>, E>;

/** Event name → data of the schema `S`. Without a schema every name is an event, and its data is `unknown`. */
export type EventDataMap<S> = { readonly [E in NameIn<S>]: DataAt<S, E> };

/** The payload types of the schema `S`, nested as the schema is. */
export type NestedData<S> = string extends keyof S
  ? { readonly [segment: string]: unknown }
  : { readonly [K in keyof S]: S[K] extends StandardLeaf ? LeafData<S[K]> : NestedData<S[K]> };

/** Every event name of the schema `S`. */
export type NameIn<S> = Extract<LeafName<S, "">, string>;

/** A namespace whose keys are not known gives `` `name.${string}` ``. */
type LeafName<S, Prefix extends string> = string extends keyof S
  ? `${Prefix}${string}`
  : {
      [K in keyof S & (string | number)]: S[K] extends StandardLeaf ? `${Prefix}${K}` : LeafName<S[K], `${Prefix}${K}.`>;
    }[keyof S & (string | number)];

// One walk along one name costs less than a map of all names that holds both types of each.
type LeafAt<S, E> = string extends keyof S
  ? StandardSchema
  : E extends `${infer Head}.${infer Rest}`
    ? LeafAt<PropertyOf<S, Head>, Rest>
    : PropertyOf<S, E>;

/** `S[K]`, also for a key that was written as a number: `{ status: { 404: … } }`. */
type PropertyOf<S, K> = K extends keyof S
  ? S[K]
  : K extends `${infer N extends number}`
    ? N extends keyof S
      ? S[N]
      : never
    : never;

type InputAt<S, E> = LeafInput<LeafAt<S, E>>;
type DataAt<S, E> = LeafData<LeafAt<S, E>>;

type LeafInput<L> = L extends StandardLeaf ? InputOf<L> : never;
type LeafData<L> = L extends StandardLeaf ? JsonPayload<OutputOf<L>> : never;
