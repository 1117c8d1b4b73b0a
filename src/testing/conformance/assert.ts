/** The few assertions that the conformance suite needs, so that it needs no test runner. */

/** Fails unless `actual` and `expected` are the same as JSON. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const got = JSON.stringify(actual);
  const wanted = JSON.stringify(expected);
  if (got !== wanted) throw new Error(`${what}: expected ${shorten(wanted)}, got ${shorten(got)}`);
}

/** Fails unless `condition` holds. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Fails unless `promise` rejects with a `TidingsError` of this code. */
export async function assertRejects(promise: Promise<unknown>, code: string, what: string): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason ?? new Error("rejected with nothing"),
  );
  if (error === undefined) throw new Error(`${what}: expected a rejection with code "${code}", but it resolved`);
  const got = error instanceof Error && "code" in error ? error.code : error;
  if (got !== code) throw new Error(`${what}: expected a rejection with code "${code}", got ${String(got)}`, { cause: error });
}

const PATIENCE_MS = 20_000;

/** Waits until `condition` holds; fails when it has not within 20 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS / 1_000} s in vain: ${what}`);
    await pause(5);
  }
}

/** Lets the event loop turn for `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function shorten(text: string | undefined): string {
  if (text === undefined) return "undefined";
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text;
}
