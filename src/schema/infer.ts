/**
 * How the types of the events travel from a `Realtime` to the hooks of a browser: through a property that exists in types
 * only. Everything here is for `import type`; no server code comes with it.
 */
import type { JsonPayload } from "./json-form.ts";
import type { EventDataMap, NestedData, Schema } from "./schema.ts";

/** The key of {@link CarriesEvents}. There is no such value at run time. */
export declare const eventsOf: unique symbol;

/**
 * Something that knows the schema `S` of its events in its type. A class takes it on by an interface of its own name
 * (`interface Realtime<O> extends CarriesEvents<SchemaOf<O>> {}`): isolatedDeclarations allows no computed name in a class.
 */
export interface CarriesEvents<S> {
  readonly [eventsOf]?: S;
}

/** The schema that `T` carries. */
type Carried<T extends CarriesEvents<unknown>> = Exclude<T[typeof eventsOf], undefined>;

/**
 * The payload types of a `Realtime` instance, nested as its schema is: `InferRealtimeEvents<typeof realtime>["chat"]["message"]`.
 * They are what subscribers receive: the JSON form of each schema's output.
 */
export type InferRealtimeEvents<T extends CarriesEvents<unknown>> = NestedData<Carried<T>> & CarriesEvents<Carried<T>>;

/**
 * Event name → data, from whatever a user gives to `createRealtime`: `typeof realtime`, an {@link InferRealtimeEvents}, or a
 * plain type of exactly two levels (`{ chat: { message: { text: string } } }`). Anything else is untyped events.
 */
export type EventsOf<T> = typeof eventsOf extends keyof T
  ? EventDataMap<T extends CarriesEvents<infer S> ? Exclude<S, undefined> : Schema>
  : [keyof T] extends [never]
    ? EventDataMap<Schema>
    : string extends keyof T
      ? EventDataMap<Schema>
      : PlainEvents<T>;

interface PlainEvent<Event extends string, Data> {
  readonly event: Event;
  readonly data: Data;
}

type PlainEventOf<T> = {
  [N in keyof T & string]: { [E in keyof T[N] & string]-?: PlainEvent<`${N}.${E}`, Required<T[N]>[E]> }[keyof T[N] & string];
}[keyof T & string];

type PlainEvents<T> = { readonly [P in PlainEventOf<T> as P["event"]]: JsonPayload<P["data"]> };
