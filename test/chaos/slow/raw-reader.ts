import { get, type ClientRequest, type IncomingMessage } from "node:http";
import { createParser } from "eventsource-parser";
import type { Step } from "../tally.ts";

/** A reader that is nothing but a connection: it goes on by `Last-Event-ID`, as an `EventSource` does. */
export interface RawReader extends Disposable {
  readonly steps: readonly Step[];
  /** Streams that it has opened. */
  readonly streams: number;
  /** Resolves when it has its first stream, and that was joined. */
  readonly joined: Promise<void>;
}

const AGAIN_MS = 100;

/** Reads one channel of events `{ n, … }`. */
export function openRawReader(url: string, channel: string): RawReader {
  const steps: Step[] = [];
  let streams = 0;
  let position: string | undefined;
  let request: ClientRequest | undefined;
  let again: NodeJS.Timeout | undefined;
  let isClosed = false;
  let join: () => void;
  const joined = new Promise<void>((resolve) => (join = resolve));

  function open(): void {
    streams++;
    const parser = createParser({
      onEvent({ event, data, id }) {
        position = id ?? position;
        if (event === "connected") join();
        if (event === "gap") steps.push("gap");
        // Not the whole of it: a reader must be quicker than what it reads.
        if (event === undefined) steps.push(Number(/"n":(\d+)/.exec(data.slice(0, 300))?.[1]));
      },
    });
    request = get(`${url}/?channel=${channel}`, {
      agent: false,
      headers: position === undefined ? {} : { "last-event-id": position },
    });
    request.on("error", retry);
    request.on("response", (response: IncomingMessage) => {
      response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
      response.on("error", () => {});
      response.on("close", retry);
    });
  }

  function retry(): void {
    clearTimeout(again);
    if (!isClosed) again = setTimeout(open, AGAIN_MS);
  }

  open();
  return {
    steps,
    joined,
    get streams() {
      return streams;
    },
    [Symbol.dispose]() {
      isClosed = true;
      clearTimeout(again);
      request?.destroy();
    },
  };
}
