import { createParser, type EventSourceMessage } from "eventsource-parser";

/** A frame as a client of its own sees it: `eventsource-parser` reads it, not our code. */
export interface ReadFrame {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** A stream that is being read. */
export interface StreamReader {
  readonly response: Response;
  /** What has come so far. */
  readonly frames: readonly ReadFrame[];
  /** The events' payloads so far. */
  readonly values: readonly unknown[];
  /** Resolves when `condition` holds for what has come; rejects after 20 s, or when the stream ends first. */
  until(condition: (frames: readonly ReadFrame[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Asks `handle` for a stream and reads it. */
export async function readStream(
  handle: (request: Request) => Promise<Response>,
  query: string,
  headers: Record<string, string> = {},
): Promise<StreamReader> {
  const response = await handle(new Request(`http://localhost/api/realtime?${query}`, { headers }));
  const frames: ReadFrame[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const parser = createParser({
    onEvent({ event, id, data }: EventSourceMessage) {
      frames.push({ event: event ?? "", id, data: JSON.parse(data) as Record<string, unknown> });
    },
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parser.feed(decoder.decode(value, { stream: true }));
      for (const look of waiting) look();
    }
    ended = true;
    for (const look of waiting) look();
  })();

  return {
    response,
    frames,
    get values() {
      return frames.filter(({ event }) => event === "").map(({ data }) => data["data"]);
    },
    until: (condition) =>
      new Promise((resolve, reject) => {
        const settle = (error?: Error): void => {
          waiting.delete(look);
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        };
        const look = (): void => {
          if (condition(frames)) settle();
          else if (ended) settle(new Error(`the stream ended: ${JSON.stringify(frames.slice(-5))}`));
        };
        const timer = setTimeout(
          () => settle(new Error(`not seen within 20 s; last frames: ${JSON.stringify(frames.slice(-5))}`)),
          20_000,
        );
        waiting.add(look);
        look();
      }),
    async close() {
      await reader.cancel();
      await reading;
    },
  };
}

/** How many frames of a name have come; events have the name `""`. */
export const countOf = (frames: readonly ReadFrame[], event: string): number =>
  frames.filter((frame) => frame.event === event).length;
