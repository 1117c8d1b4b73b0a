import type { RealtimeCursor } from "../protocol/cursor.ts";

/** An event as a stream carries it. */
export interface StreamEvent {
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: string;
  /** The text of its data, byte for byte as the log holds it. */
  readonly json: string;
}

/** What is said of an event. */
export interface Saying {
  /** Lines of a frame, each with its line break. */
  readonly lines: string;
}

/**
 * How streams speak to readers that know other words than those of PROTOCOL.md. The texts of an opening and a heartbeat are whole frames,
 * and what is put into any of them must not break a line.
 */
export interface Dialect<S extends Saying = Saying> {
  /**
   * Said once, and first: when each channel has been joined or refused, so that what is emitted after it arrives. Sooner where a channel
   * has an event or a gap before that, for nothing waits for another one that cannot be joined yet.
   */
  readonly opening: string;
  /** Keeps an idle stream open. */
  readonly heartbeat: string;
  /** What is said of an event, whoever hears it: asked once, and not for each stream. `undefined` leaves it out. */
  event(event: StreamEvent): S | undefined;
  /** For one stream: whether it says that, in the order in which it would be said. @default all of it */
  filter?(): (saying: S) => boolean;
}
