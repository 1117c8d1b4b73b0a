import type { Gap } from "../../protocol/frames.ts";

/** An event, as it is shown. */
export interface Shown {
  readonly id: string;
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
  /** Whether it was stored before anybody watched. */
  readonly replayed: boolean;
}

/** What is watched, and who is told. */
export interface Watcher {
  readonly channels: readonly string[];
  /** What comes first. @default nothing: only what is new */
  readonly history?: true | { readonly limit: number } | undefined;
  /** Begins after this event. @default with what is new */
  readonly after?: string | undefined;
  /** Only these. @default all */
  readonly events?: readonly string[] | undefined;
  /** Aborts when it is to end. */
  readonly signal: AbortSignal;
  show(message: Shown): void;
  /** Takes what is no event. */
  note(text: string): void;
}

/** What is said of a gap. */
export function gapNote({ channel, after, cursor, reason }: Gap): string {
  return `${channel}: events between ${after} and ${cursor} may be missing (${reason})`;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
