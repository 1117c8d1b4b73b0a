/** One message of an event stream (WHATWG HTML, "Server-sent events"). The `id` and `retry` fields are not used here. */
export interface SseMessage {
  /** `""` for a message without a name. */
  readonly event: string;
  readonly data: string;
}

/**
 * Reads an event stream that arrives in pieces, cut anywhere.
 *
 * @returns takes the next piece of decoded text.
 */
export function createSseParser(onMessage: (message: SseMessage) => void): (text: string) => void {
  /** What has come of the line that is not ended yet. */
  let rest = "";
  let event = "";
  let data: string[] = [];
  let first = true;

  function line(text: string): void {
    if (text === "") {
      if (data.length > 0) onMessage({ event, data: data.join("\n") });
      event = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + (text[colon + 1] === " " ? 2 : 1));
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
  }

  return (text) => {
    if (first && text !== "") {
      first = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    // A CR at the end of a piece may be the first half of a CRLF: it waits for the next piece.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() as string;
    for (const one of lines) line(one);
  };
}
