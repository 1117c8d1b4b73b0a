import type { Dialect, StreamEvent } from "../../dialects/dialect.ts";
import { noticeIn, SeenNotices } from "../notice.ts";

/** What a plain `EventSource` hears: each event under its type, once, and its data alone. For one stream. */
export function plainDialect(): Dialect {
  const seen = new SeenNotices();
  return {
    opening: 'event: connected\ndata: {"status": "connected"}\n\n',
    heartbeat: ": heartbeat\n\n",
    event(heard, idLine) {
      const { event } = heard;
      const text = unwrap(heard, seen);
      return text === undefined ? "" : `${idLine}event: ${event}\n${dataLines(text)}\n`;
    },
  };
}

/** The text of the event, byte for byte as it was stored; `undefined` when this reader has been shown it. */
function unwrap({ event: type, channel, json }: StreamEvent, seen: SeenNotices): string | undefined {
  const notice = noticeIn(type, JSON.parse(json));
  if (!notice) return json;
  if (!seen.add(notice.id, channel)) return undefined;
  const opening = `{"id":${JSON.stringify(notice.id)},"event":`;
  return json.startsWith(opening) ? json.slice(opening.length, -1) : JSON.stringify(notice.event);
}

/** A line break, which only text that others have stored can hold, begins another line of data. */
function dataLines(text: string): string {
  return text
    .split("\n")
    .map((line) => `data: ${line}\n`)
    .join("");
}
