/**
 * Every code that tidings hands out, what it means, and what the receiver is to do. `docs/reference/errors.md` documents the same table
 * and a test compares the two.
 */

/** One row of the code table. */
export interface CodeInfo {
  /** HTTP status of the refusal that carries the code, when there is one. */
  readonly status?: number;
  /** Whether the same call or request may succeed when made again, unchanged. */
  readonly retry: boolean;
}

/** A code that can reach a browser. */
export type WireCode =
  | "bad_channel"
  | "bad_cursor"
  | "bad_parameter"
  | "too_many_channels"
  | "url_too_long"
  | "unsupported_version"
  | "method_not_allowed"
  | "unauthorized"
  | "forbidden"
  | "too_many_streams"
  | "internal"
  | "undecided"
  | "closing"
  | "channel_unavailable";

/** A code with which a whole request is refused: that of a channel is told in its stream. */
export type RefusalCode = Exclude<WireCode, "channel_unavailable">;

/** Why a request got no stream and no page: a code, or `"middleware"` when that answered by itself. */
export type RefusalReason = RefusalCode | "middleware";

/** A code that only server code sees. */
export type ServerCode =
  | "unknown_event"
  | "invalid_payload"
  | "payload_not_json"
  | "payload_too_large"
  | "bad_event"
  | "bad_option"
  | "bad_schema"
  | "bad_request"
  | "closed"
  | "not_stored"
  | "outcome_unknown"
  | "broker_unavailable"
  | "broker_refused"
  | "cursor_unavailable";

/** Every code a `TidingsError` can carry. */
export type ErrorCode = WireCode | ServerCode;

/** Codes of a refused request or of a `problem` frame: the browser sees the code and nothing else. */
export const WIRE_CODES: Readonly<Record<WireCode, CodeInfo>> = {
  bad_channel: { status: 400, retry: false },
  bad_cursor: { status: 400, retry: false },
  bad_parameter: { status: 400, retry: false },
  too_many_channels: { status: 400, retry: false },
  url_too_long: { status: 414, retry: false },
  unsupported_version: { status: 400, retry: false },
  method_not_allowed: { status: 405, retry: false },
  unauthorized: { status: 401, retry: false },
  forbidden: { status: 403, retry: false },
  /** Of one user or one address. Some may have ended by the time that `Retry-After` names. */
  too_many_streams: { status: 429, retry: true },
  internal: { status: 500, retry: true },
  /** `middleware`, `identify` or `authorize` gave no answer. They may by the time that `Retry-After` names. */
  undecided: { status: 504, retry: true },
  /** Not for an `EventSource`, which would end for good: a stream that ends at once says the same to it. */
  closing: { status: 503, retry: true },
  /** A channel of the stream cannot be joined: its key holds something else, or the broker refuses it. That may pass. */
  channel_unavailable: { retry: true },
};

const isRefusalCode = (code: string): code is RefusalCode => WIRE_CODES[code as WireCode].status !== undefined;

/** A count for each reason to refuse a request, of none so far. */
export function noRefusals(): Record<RefusalReason, number> {
  const reasons: readonly RefusalReason[] = [...Object.keys(WIRE_CODES).filter(isRefusalCode), "middleware"];
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<RefusalReason, number>;
}

/** Codes that only server code sees, on a `TidingsError`. */
export const SERVER_CODES: Readonly<Record<ServerCode, CodeInfo>> = {
  unknown_event: { retry: false },
  invalid_payload: { retry: false },
  payload_not_json: { retry: false },
  payload_too_large: { retry: false },
  bad_event: { retry: false },
  bad_option: { retry: false },
  bad_schema: { retry: false },
  bad_request: { retry: false },
  closed: { retry: false },
  /** The event is certainly not in the log. */
  not_stored: { retry: true },
  /** The event may or may not be in the log: the reply was lost. Emitting again can store it twice. */
  outcome_unknown: { retry: false },
  broker_unavailable: { retry: true },
  /** The broker answered with an error: wrong type of key, no permission, out of memory. */
  broker_refused: { retry: false },
  cursor_unavailable: { retry: false },
};

/** Reasons of a `gap`. */
export type GapReason = "trimmed" | "reset" | "unproven" | "limit";
