import { setTimeout as sleep } from "node:timers/promises";

/** How {@link until} waits. */
export interface UntilOptions {
  /** @default 20_000 */
  readonly timeoutMs?: number;
  /** Milliseconds between an answer and the next question. @default 10 */
  readonly everyMs?: number;
}

/**
 * Asks until there is an answer, and resolves with it. `undefined` and an exception both mean "not yet": a server that is
 * just starting refuses connections.
 * @throws Error that says `what` did not come, with the last exception as its cause
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { timeoutMs = 20_000, everyMs = 10 }: UntilOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause });
    await sleep(everyMs);
  }
}
