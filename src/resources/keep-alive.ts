import { systemClock, type Clock, type Timer } from "../protocol/clock.ts";

/** How often {@link keepAlive} says something, and what. */
export interface KeepAliveOptions {
  readonly everyMs: number;
  readonly comment: string;
  /** Time, for tests. @internal */
  readonly clock?: Clock | undefined;
}

/**
 * A stream that is never silent for longer than `everyMs` while it is read, once it has begun: then it says `comment`. Whoever cancels it cancels what it
 * reads from; of who neither reads nor cancels, no timer is left.
 */
export function keepAlive(
  body: ReadableStream<Uint8Array>,
  { everyMs, comment, clock = systemClock }: KeepAliveOptions,
): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(comment);
  const reader = body.getReader();
  /** Set while something is waited for: a reader that is behind has enough to read. */
  let timer: Timer | undefined;
  let isReading = false;
  /** Nothing is said before the first word of what is read. */
  let hasBegun = false;

  async function passOn(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    isReading = true;
    try {
      const { value, done } = await reader.read();
      // First: who is told something asks for more at once.
      clock.clearTimeout(timer);
      isReading = false;
      hasBegun = true;
      if (done) controller.close();
      else controller.enqueue(value);
    } catch (error) {
      clock.clearTimeout(timer);
      // Also where it was cancelled meanwhile, which leaves nothing to be closed. This does nothing then.
      controller.error(error);
    }
  }

  return new ReadableStream<Uint8Array>({
    pull(controller) {
      clock.clearTimeout(timer);
      if (hasBegun) timer = clock.setTimeout(() => controller.enqueue(bytes), everyMs);
      if (!isReading) void passOn(controller);
    },
    async cancel(reason) {
      clock.clearTimeout(timer);
      await reader.cancel(reason);
    },
  });
}
