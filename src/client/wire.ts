import type { GapReason } from "../protocol/codes.ts";
import { isCursorText, type RealtimeCursor } from "../protocol/cursor.ts";

/** An event as it came from the wire. */
export interface WireEvent {
  readonly type: "event";
  readonly channel: string;
  /** Its id: where it moves its channel. */
  readonly cursor: RealtimeCursor;
  readonly event: string;
  readonly data: unknown;
  readonly reason?: undefined;
}

/** What moves a channel. */
export type MovingFrame =
  | WireEvent
  | { readonly type: "gap"; readonly channel: string; readonly cursor: RealtimeCursor; readonly reason: GapReason }
  | { readonly type: "position"; readonly channel: string; readonly cursor: RealtimeCursor; readonly reason?: undefined };

/** What a stream can say. Nothing about it is believed before {@link readFrame} has looked at it. */
export type WireFrame =
  | MovingFrame
  | {
      readonly type: "connected";
      readonly channel: string;
      readonly cursor: RealtimeCursor;
      readonly tail: RealtimeCursor;
      readonly heartbeatMs: number;
    }
  | { readonly type: "reconnect"; readonly delayMs: number }
  | { readonly type: "problem"; readonly code: string; readonly channel?: string | undefined; readonly retry: boolean };

/** Less than twelve days: a timer can wait for it. What JSON holds, and lies in between, serves as a number also where it is a text. */
const isTime = (value: unknown): value is number => (value as number) >= 0 && (value as number) < 1e9;

/**
 * The frame in a message of the stream; `undefined` when it is malformed, or of a kind that this client does not know.
 */
export function readFrame(name: string, text: string): WireFrame | undefined {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
  const type = name || "event";
  const { id, event, cursor = id, tail, heartbeatMs, reason, delayMs } = fields;
  const isMove = isCursorText(cursor);
  const isValid: Readonly<Record<string, unknown>> = {
    event: isMove && typeof event === "string",
    gap: isMove,
    position: isMove,
    connected: isMove && isCursorText(tail) && isTime(heartbeatMs),
    reconnect: isTime(delayMs),
    problem: true,
  };
  // Not what is merely there: a name may be one out of Object.prototype.
  return isValid[type] === true
    ? // A reason of later days is no reason to be silent.
      ({ ...fields, type, cursor, reason } as WireFrame)
    : undefined;
}
