/** An event of which only its type is known: any field, as in plain JavaScript. */
export interface RealtimeEvent {
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- who gives no types asks for none
  readonly [field: string]: any;
}

/** What is given where the events are not known. */
// oxlint-disable-next-line typescript/no-explicit-any -- as above
export type AnyEvents = Record<string, Record<string, any>>;

/** An event out of a map of type → fields: `{ type, …fields }`, one of a union that its `type` tells apart. */
export type EventOf<Events extends object> = string extends keyof Events
  ? RealtimeEvent
  : { [T in keyof Events & string]: { readonly type: T } & Readonly<Events[T]> }[keyof Events & string];

/** The events of what `createEvents` returned, or of a map of type → fields. */
export type EventsIn<T extends object> = T extends { publishToUser(userId: string, event: infer E): unknown } ? E : EventOf<T>;
