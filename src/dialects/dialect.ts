import type { RealtimeCursor } from "../protocol/cursor.ts";

/** An event as a stream carries it. */
export interface StreamEvent {
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: string;
  /** The text of its data, byte for byte as the log holds it. */
  readonly json: string;
}

/**
 * How one stream speaks to readers that know other words than those of PROTOCOL.md. Each of its texts is whole frames, and what is put
 * into them must not break a line.
 */
export interface Dialect {
  /**
   * Said once, and first: when each channel has been joined or refused, so that what is emitted after it arrives. Sooner where a channel
   * has an event or a gap before that, for nothing waits for another one that cannot be joined yet.
   */
  readonly opening: string;
  /** Keeps an idle stream open. */
  readonly heartbeat: string;
  /**
   * A frame for an event, `""` to leave it out.
   * @param idLine the line with which an `EventSource` resumes behind it; `""` where a frame of the whole stream has it
   */
  event(event: StreamEvent, idLine: string): string;
}
