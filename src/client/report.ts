/**
 * One line on the console, in development. A bundler for production leaves nothing of it, which is why the text is made by a
 * function; a page without a bundler has no `process`.
 */
export function warn(text: () => string): void {
  try {
    if (process.env.NODE_ENV !== "production") console.warn(`tidings: ${text()}`);
  } catch {
    console.warn(`tidings: ${text()}`);
  }
}

/** Calls a user's function, in this turn. What it throws or rejects with is reported, and stops nothing. */
export async function guarded(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    console.error("tidings: a listener threw.", error);
  }
}
