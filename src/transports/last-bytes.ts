import type { Clock, Timer } from "../protocol/clock.ts";
import { HEARTBEAT_MS, MAX_STALLED_HEARTBEATS } from "../protocol/limits.ts";

/** A response to which nothing more is written, and whose reader has not taken all of it. */
export interface LastBytes {
  /** How many wait. */
  readonly waiting: number;
  /** Throws them away. */
  cut(): void;
}

/** As long as a stream that is open. */
const PATIENCE_MS = MAX_STALLED_HEARTBEATS * HEARTBEAT_MS;

/**
 * Cuts a response whose reader takes nothing of what waits for it: no heartbeat looks at one that has ended, and it could wait for ever.
 *
 * @returns ends the watch
 */
export function watchLastBytes(bytes: LastBytes, clock: Clock): () => void {
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
  look();
  return () => clock.clearTimeout(timer);
}
