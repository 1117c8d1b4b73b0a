/**
 * One line on the console, in development. A bundler for production leaves nothing of it, which is why the text is made by a
 * function; a page without a bundler has no `process`. What takes more than a line to make is loaded by that function.
 *
 * @returns can be awaited until it is said.
 */
export function warn(text: () => string | Promise<string>): void | Promise<void> {
  try {
    if (process.env.NODE_ENV !== "production") return write(text());
  } catch {
    return write(text());
  }
}

function write(text: string | Promise<string>): void | Promise<void> {
  // What explains may fail, or not be there any more: the plain fact is in the browser's own log.
  if (typeof text !== "string") return text.then(write, () => {});
  if (text) console.warn(`tidings: ${text}`);
}

/** Calls a user's function, in this turn. What it throws or rejects with is reported, and stops nothing. */
export async function guarded(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    console.error("tidings: a listener threw.", error);
  }
}
