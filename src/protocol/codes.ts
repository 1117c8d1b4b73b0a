/**
 * Every code that tidings hands out, what it means, and what the receiver is to do. `docs/errors.md` documents the same table
 * and a test compares the two.
 */

/** One row of the code table. */
export interface CodeInfo {
  /** HTTP status of the refusal that carries the code, when there is one. */
  readonly status?: number;
  /** Whether the same call or request may succeed when made again, unchanged. */
  readonly retry: boolean;
}

/** Codes of a refused request or of a `problem` frame: the browser sees the code and nothing else. */
export const WIRE_CODES = {
  bad_channel: { status: 400, retry: false },
  bad_cursor: { status: 400, retry: false },
  too_many_channels: { status: 400, retry: false },
  url_too_long: { status: 414, retry: false },
  method_not_allowed: { status: 405, retry: false },
  unauthorized: { status: 401, retry: false },
  forbidden: { status: 403, retry: false },
  closed: { status: 503, retry: true },
  internal: { status: 500, retry: true },
  /** A channel of the stream cannot be read at all: its key holds something else, or the broker refuses it. */
  channel_unavailable: { retry: false },
} as const satisfies Record<string, CodeInfo>;

/** A code that can reach a browser. */
export type WireCode = keyof typeof WIRE_CODES;

/** Codes that only server code sees, on a {@link TidingsError}. */
export const SERVER_CODES = {
  unknown_event: { retry: false },
  invalid_payload: { retry: false },
  payload_not_json: { retry: false },
  payload_too_large: { retry: false },
  bad_event: { retry: false },
  bad_option: { retry: false },
  bad_schema: { retry: false },
  bad_request: { retry: false },
  /** The event is certainly not in the log. */
  not_stored: { retry: true },
  /** The event may or may not be in the log: the reply was lost. Emitting again can store it twice. */
  outcome_unknown: { retry: false },
  broker_unavailable: { retry: true },
  /** The broker answered with an error: wrong type of key, no permission, out of memory. */
  broker_refused: { retry: false },
  cursor_unavailable: { retry: false },
} as const satisfies Record<string, CodeInfo>;

/** Every code a {@link TidingsError} can carry. */
export type ErrorCode = WireCode | keyof typeof SERVER_CODES;

/** Reasons of a `gap`. */
export type GapReason = "trimmed" | "reset" | "unproven";
