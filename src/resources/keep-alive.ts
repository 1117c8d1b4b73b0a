/**
 * A stream that is never silent for longer than `everyMs`: then it says `comment`. Whoever cancels it cancels what it reads from.
 */
export function keepAlive(body: ReadableStream<Uint8Array>, everyMs: number, comment: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(comment);
  const reader = body.getReader();
  let timer: ReturnType<typeof setInterval> | undefined;
  const stop = (): void => clearInterval(timer);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => {
        // A reader that is behind has enough to read.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(bytes);
      }, everyMs);
    },
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        stop();
        controller.close();
      } catch (error) {
        stop();
        controller.error(error);
      }
    },
    async cancel(reason) {
      stop();
      await reader.cancel(reason);
    },
  });
}
