/**
 * One thing that happened, under however many users and channels it was published. Each of their logs holds it with the same id, so
 * that who reads several of them shows it once.
 */
export interface Notice {
  readonly id: string;
  readonly event: { readonly type: string };
}

/** The notice that an entry's data is. `undefined` for what was emitted by other means, which is an event as it stands. */
export function noticeIn(type: string, data: unknown): Notice | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { id, event, ...rest } = data as Partial<Record<"id" | "event", unknown>>;
  const isNotice =
    typeof id === "string" &&
    typeof event === "object" &&
    event !== null &&
    (event as { type?: unknown }).type === type &&
    Object.keys(rest).length === 0;
  return isNotice ? { id, event: event as Notice["event"] } : undefined;
}

/** A reader's memory of notices. More lie behind no reader who comes back to several logs. */
const REMEMBERED = 1_000;

/** Which notices one reader has been shown. */
export class SeenNotices {
  readonly #ids = new Set<string>();

  /** Whether this one is new to the reader. From now on it is not. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value as string);
    return true;
  }
}
