/**
 * Reads an event stream (WHATWG HTML, "Server-sent events") that arrives in pieces, cut anywhere. The `id` and `retry` fields
 * are left alone: frames hold their cursors, and the client has its own times.
 *
 * @param onMessage gets the name of each message, `""` for one without, and its data.
 * @returns takes the next piece of decoded text.
 */
export function createSseParser(onMessage: (event: string, data: string) => void): (text: string) => void {
  /** What has come of the line that is not ended yet. */
  let rest = "";
  let event = "";
  /** Each of its lines with an end. */
  let data = "";

  return (text) => {
    // A CR at the end of a piece may be the first half of a CRLF: it waits for the next piece.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() as string;
    // No event of ours is that long: what has no end must not fill the page's memory.
    if ((rest + data)[1e8]) throw Error();
    for (const line of lines) {
      const [, field, value = ""] = /^(data|event)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === "data") data += `${value}\n`;
      else if (field) event = value;
      else if (!line) {
        if (data) onMessage(event, data.slice(0, -1));
        event = "";
        data = "";
      }
    }
  };
}
