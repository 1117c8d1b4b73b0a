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
  /** By which logs each has come since it was shown. */
  readonly #logs = new Map<string, Set<string>>();

  /** Whether it is to be shown: it came by no other log, or by this one before, to which it was then published again. */
  add(id: string, log: string): boolean {
    const logs = this.#logs.get(id);
    if (logs && !logs.has(log)) {
      logs.add(log);
      return false;
    }
    // Behind those that were shown before it.
    this.#logs.delete(id);
    this.#logs.set(id, new Set([log]));
    if (this.#logs.size > REMEMBERED) this.#logs.delete(this.#logs.keys().next().value as string);
    return true;
  }
}
