/** An event as its receivers hold it. */
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { EventData, EventName } from "./schema.ts";

/** An event read from a log. */
export interface StoredEvent<Event extends string, Data> {
  /** The event's position in the channel's log. */
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: Event;
  readonly data: Data;
}

/** An event handed to a subscriber. */
export interface DeliveredEvent<Event extends string, Data> extends StoredEvent<Event, Data> {
  /** Whether the event was stored before the subscriber joined, so that it comes from the log and not from now. */
  readonly replayed: boolean;
}

/** From a map of event name → data: one {@link DeliveredEvent} for each name, discriminated by `event`. */
export type MessageIn<Events, E extends keyof Events & string = keyof Events & string> = {
  [N in E]: DeliveredEvent<N, Events[N]>;
}[E];

/** What `onData` receives on the server: a union discriminated by `event`. */
export type Message<O, E extends EventName<O> = EventName<O>> = {
  [N in E]: DeliveredEvent<N, EventData<O, N>>;
}[E];

/** What `history` returns: a {@link Message} without `replayed`. */
export type HistoryMessage<O, E extends EventName<O> = EventName<O>> = {
  [N in E]: StoredEvent<N, EventData<O, N>>;
}[E];
