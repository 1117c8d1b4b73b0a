import type { Timer } from "../protocol/clock.ts";
import { HEARTBEAT_MS, LAST_BYTES_AFTER_CLOSE_MS, MAX_STALLED_HEARTBEATS } from "../protocol/limits.ts";
import type { RealtimeInternals } from "../realtime/internals.ts";

/** A response to which nothing more is written, and whose reader has not taken all of it. */
export interface LastBytes {
  /** How many wait. */
  readonly waiting: number;
  /** Throws them away. */
  cut(): void;
}

/** What is to be known of the `Realtime` whose response it is. */
export type Lifetime = Pick<RealtimeInternals, "clock" | "isClosed" | "whenClosed">;

/** As long as a stream that is open. */
const PATIENCE_MS = MAX_STALLED_HEARTBEATS * HEARTBEAT_MS;

/**
 * Cuts a response whose reader takes nothing of what waits for it: no heartbeat looks at one that has ended, and it could wait for ever.
 * When its instance is closed, it is cut soon, whether anything is taken or not: the reader goes on elsewhere, from its cursor.
 *
 * @returns ends the watch
 */
export function watchLastBytes(bytes: LastBytes, realtime: Lifetime): () => void {
  const { clock, whenClosed } = realtime;
  let before = bytes.waiting;
  let timer: Timer | undefined;
  const look = (): void => {
    timer = clock.setTimeout(() => {
      const { waiting } = bytes;
      look();
      if (waiting >= before) bytes.cut();
      before = waiting;
    }, PATIENCE_MS);
  };
  const hurry = (): void => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(() => bytes.cut(), LAST_BYTES_AFTER_CLOSE_MS);
  };
  if (realtime.isClosed()) {
    hurry();
  } else {
    look();
    whenClosed.add(hurry);
  }
  return () => {
    whenClosed.delete(hurry);
    clock.clearTimeout(timer);
  };
}
