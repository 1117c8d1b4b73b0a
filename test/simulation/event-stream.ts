/** A message of an event stream, as browsers read it. */
export interface StreamMessage {
  /** `""` for one without. */
  readonly name: string;
  readonly data: string;
  /** Its `id:`, where it has one. */
  readonly id: string | undefined;
}

export interface EventStreamHandlers {
  message(message: StreamMessage): void;
  /** @param delayMs after which one that ended is asked for again */
  retry?(delayMs: number): void;
}

/**
 * Reads an event stream that arrives in pieces (WHATWG HTML, "Server-sent events"): another parser than the client's, and with the fields
 * that the client leaves alone. As for npm's `eventsource`, an `id:` without data counts for nothing.
 *
 * @returns takes the next piece.
 */
export function createEventStreamParser({ message, retry }: EventStreamHandlers): (text: string) => void {
  let rest = "";
  let name = "";
  let data: string[] = [];
  let id: string | undefined;

  function readLine(line: string): void {
    if (line === "") {
      if (data.length > 0) message({ name, data: data.join("\n"), id });
      name = "";
      data = [];
      id = undefined;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^\d+$/.test(value)) retry?.(Number(value));
  }

  return (text) => {
    // A CR at the end of a piece may be the first half of a CRLF.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() as string;
    for (const line of lines) readLine(line);
  };
}
