import type { ErrorCode } from "./codes.ts";
import type { RealtimeCursor } from "./cursor.ts";
import { SERVER_CODES, WIRE_CODES } from "./codes.ts";

/** One problem that a schema's validator found, as Standard Schema reports it. */
export interface Issue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** What a {@link TidingsError} may carry besides its code and text. */
export interface TidingsErrorOptions {
  readonly cause?: unknown;
  readonly issues?: readonly Issue[];
  readonly retryable?: boolean;
}

/**
 * The one error that tidings throws or rejects with. Recognise it by `code`, not by `instanceof`: a bundler can hold two
 * copies of the class.
 */
export class TidingsError extends Error {
  override readonly name: string = "TidingsError";
  readonly code: ErrorCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** What the validator found, for `invalid_payload`. */
  readonly issues: readonly Issue[] | undefined;

  constructor(code: ErrorCode, message: string, options: TidingsErrorOptions = {}) {
    super(`tidings: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? { ...WIRE_CODES, ...SERVER_CODES }[code].retry;
    this.issues = options.issues;
  }
}

/** `subscribe({ after })` or `history({ after })` named a position that the log cannot prove any more (contract U-28). */
export class CursorUnavailableError extends TidingsError {
  override readonly name: string = "CursorUnavailableError";
  readonly channel: string;
  readonly cursor: RealtimeCursor;

  constructor(channel: string, cursor: RealtimeCursor) {
    super(
      "cursor_unavailable",
      `channel "${channel}" no longer holds what follows cursor ${cursor}: it was trimmed, it expired, or the log was replaced. Read the current state from its source and go on from \`await channel.cursor()\`.`,
    );
    this.channel = channel;
    this.cursor = cursor;
  }
}

/** Whether `error` is a {@link TidingsError}, also one of another copy of this package. */
export function isTidingsError(error: unknown): error is TidingsError {
  return error instanceof Error && "code" in error && "retryable" in error && error.message.startsWith("tidings: ");
}
