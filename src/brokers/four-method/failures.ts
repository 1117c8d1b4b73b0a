import { isTidingsError, TidingsError } from "../../protocol/error.ts";
import { isPassing, replyCode } from "../redis/failures.ts";

/** Errors of Redis that do not pass by themselves. What an adapter rejects with beside these may pass, for all that is known. */
const REFUSALS: ReadonlySet<string> = new Set([
  "WRONGTYPE",
  "NOPERM",
  "NOAUTH",
  "WRONGPASS",
  "OOM",
  "CROSSSLOT",
  "MOVED",
  "ERR",
]);
/** Those of them with which Redis answers `XADD` itself, and no command that an adapter may send after it. */
const NOT_APPENDED: ReadonlySet<string> = new Set(["WRONGTYPE", "OOM", "NOAUTH"]);

/** Whether the store said no, and will say so again. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(replyCode(error));
}

/** An adapter could not read a channel. */
export function readError(channel: string, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const words = textOf(error);
  return isRefusal(error)
    ? new TidingsError("broker_refused", `the four-method adapter was refused channel "${channel}": ${words}.`, {
        cause: error,
      })
    : new TidingsError(
        "broker_unavailable",
        `the four-method adapter failed to read channel "${channel}": ${words}. Try again later.`,
        {
          cause: error,
        },
      );
}

/** An adapter gave no answer to a read. */
export function lateReadError(channel: string, limitMs: number): TidingsError {
  return new TidingsError(
    "broker_unavailable",
    `the four-method adapter gave no answer about channel "${channel}" within ${limitMs} ms. Try again later.`,
  );
}

/** An adapter rejected an `xadd`. It may have done so after the entry was stored: setting the expiry can be what failed. */
export function appendError(channel: string, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const words = textOf(error);
  if (isPassing(error)) {
    const text = `could not store an event on channel "${channel}" just now: ${words}. Redis says so while it starts or fails over; try again later.`;
    return new TidingsError("not_stored", text, { cause: error });
  }
  const code = replyCode(error);
  if (NOT_APPENDED.has(code) || (code === "NOPERM" && /xadd/i.test(words))) {
    return new TidingsError(
      "broker_refused",
      `the four-method adapter was refused to store an event on channel "${channel}": ${words}.`,
      {
        cause: error,
        // Memory can become free.
        ...(code === "OOM" && { retryable: true }),
      },
    );
  }
  return new TidingsError(
    "outcome_unknown",
    `the four-method adapter failed while it stored an event on channel "${channel}": ${words}. The event may be in the log or not; emitting it again can store it twice, unless it has an \`id\`.`,
    { cause: error },
  );
}

/** Whether the caller's own id was stored before could not be found out, so that nothing was stored. */
export function unsearchedError(channel: string, error: TidingsError): TidingsError {
  return new TidingsError(
    error.code === "broker_unavailable" ? "not_stored" : error.code,
    `could not find out whether channel "${channel}" has an event with this \`id\`, so nothing was stored: ${textOf(error)}`,
    { cause: error },
  );
}

/** An `xadd` resolved with something that is no id. */
export function idlessError(channel: string, answer: unknown): TidingsError {
  return new TidingsError(
    "outcome_unknown",
    `\`xadd\` of the four-method adapter resolved with something that is no entry's id, so that an event of channel "${channel}" may be in the log or not. Run \`adapterConformance\` of tidings/testing on the adapter.`,
    { cause: answer },
  );
}

/** The time of an emit was over before the adapter was asked. */
export function unsentError(channel: string, limitMs: number): TidingsError {
  return new TidingsError(
    "not_stored",
    `could not store an event on channel "${channel}" within ${limitMs} ms: earlier emits of the channel were still on their way. The event is not in the log; emitting it again is safe.`,
  );
}

/** The adapter was asked, and gave no answer. */
export function unansweredError(channel: string, limitMs: number): TidingsError {
  return new TidingsError(
    "outcome_unknown",
    `the four-method adapter gave no answer about an event of channel "${channel}" within ${limitMs} ms. The event may be in the log or not; emitting it again can store it twice, unless it has an \`id\`.`,
  );
}

/** An adapter's answer is not what its type says. */
export function strangeAnswer(method: string, answer: unknown): TidingsError {
  return new TidingsError(
    "broker_refused",
    `\`${method}\` of the four-method adapter gave an answer that makes no sense. Run \`adapterConformance\` of tidings/testing on the adapter: it says what is wrong.`,
    { cause: answer },
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
