import { isTidingsError, TidingsError } from "../protocol/error.ts";

/**
 * What a broker rejected with, as the error that users were promised. The brokers of tidings reject with a `TidingsError`; one
 * that a user wrote may reject with anything.
 *
 * @param code what is certain when nothing else is known
 */
export function brokerFailure(error: unknown, code: "outcome_unknown" | "broker_refused", channel: string): TidingsError {
  if (isTidingsError(error)) return error;
  const what =
    code === "outcome_unknown"
      ? `the event of channel "${channel}" may or may not be stored`
      : `channel "${channel}" could not be read`;
  return new TidingsError(code, `${what}: the broker failed with something that is no TidingsError; \`cause\` holds it.`, {
    cause: error,
  });
}
