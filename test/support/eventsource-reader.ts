import { EventSource } from "eventsource";

/** A plain `EventSource`, and what it was told. */
export interface EventSourceReader extends Disposable {
  /** The `data` of the events, in the order in which they came. */
  readonly data: unknown[];
  /** Names of the other frames. */
  readonly frames: string[];
  /** How often a connection was opened. */
  readonly opened: number;
  /** Whether it has given up. */
  readonly closed: boolean;
}

const NAMES = ["connected", "gap", "position", "problem", "reconnect"];

/** Reads a URL with npm's `eventsource`, which knows nothing of tidings. */
export function readByEventSource(url: string): EventSourceReader {
  const source = new EventSource(url);
  const data: unknown[] = [];
  const frames: string[] = [];
  let opened = 0;
  source.addEventListener("open", () => opened++);
  source.addEventListener("message", (message) => data.push((JSON.parse(message.data as string) as { data: unknown }).data));
  for (const name of NAMES) source.addEventListener(name, () => frames.push(name));
  return {
    data,
    frames,
    get opened() {
      return opened;
    },
    get closed() {
      return source.readyState === EventSource.CLOSED;
    },
    [Symbol.dispose]: () => source.close(),
  };
}
