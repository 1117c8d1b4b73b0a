import type { Hub } from "../hub/hub.ts";

/** What transports need of a `Realtime`, behind one symbol so that it is no part of its API. */
export interface RealtimeInternals {
  /** The process's hub for this instance's broker; throws a `TidingsError` (`closed`) after `close()`. */
  hub(): Hub;
  readonly maxDurationMs: number;
  readonly logger: RealtimeLogger;
  /** Says, once per instance, what an operator should know at the first stream. */
  readonly isClosed: () => boolean;
}

/** Where tidings says what an operator should know. `console` is one. */
export interface RealtimeLogger {
  log(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Registered, so that a `Realtime` of one bundle works with the `handle` of another. */
export const INTERNALS: unique symbol = Symbol.for("tidings.internals") as never;

/** The internals of a value that claims to be a `Realtime`. */
export function internalsOf(value: unknown): RealtimeInternals | undefined {
  if (typeof value !== "object" || value === null || !(INTERNALS in value)) return undefined;
  return value[INTERNALS] as RealtimeInternals;
}
