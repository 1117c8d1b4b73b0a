import { isTidingsError, type ErrorCode } from "../index.ts";
import type { Publisher } from "./publisher.ts";

/** What the caller got wrong, and can put right. Anything else is trouble on the way. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "bad_channel",
  "bad_option",
  "payload_too_large",
  "payload_not_json",
]);

type Publishes = Pick<Publisher, "publish">;

/** Publishers that are in trouble, of which a word was said. */
const inTrouble = new WeakSet<Publishes>();

/**
 * Publishes what happened already. It is too late to fail: trouble on the way is a warning, once until it works again.
 * @throws TidingsError for a mistake of the caller
 */
export async function announce(publisher: Publishes, channel: string, payload?: unknown): Promise<void> {
  try {
    await publisher.publish(channel, payload);
    inTrouble.delete(publisher);
  } catch (error) {
    if (isTidingsError(error) && MISTAKES.has(error.code)) throw error;
    warnOfTrouble(publisher, channel, error);
  }
}

/** {@link announce} behind a write, which nothing may fail any more. Nor does it wait for a publisher that is known to be in trouble. */
export async function announceWritten(publisher: Publishes, channel: string, payload: unknown): Promise<void> {
  const announced = announce(publisher, channel, payload).catch((error: unknown) => warnOfTrouble(publisher, channel, error));
  if (!inTrouble.has(publisher)) await announced;
}

function warnOfTrouble(publisher: Publishes, channel: string, error: unknown): void {
  if (inTrouble.has(publisher)) return;
  inTrouble.add(publisher);
  console.warn(
    `tidings: realtime_failed: what changed on "${channel}" could not be told. What was written stays written; open lists show it after their next change or reconnect. This is said once, until it works again.`,
    error,
  );
}
