import type { Dialect, Saying } from "../../dialects/dialect.ts";
import { noticeIn, SeenNotices } from "../notice.ts";

/** What a plain `EventSource` is told of an event. */
interface PlainSaying extends Saying {
  /** By which log it comes. */
  readonly log: string;
  /** The id of the notice that it is, if it is one. */
  readonly notice?: string;
}

/** What a plain `EventSource` hears: each event under its type, once, and its data alone. */
export const PLAIN_DIALECT: Dialect<PlainSaying> = {
  opening: 'event: connected\ndata: {"status": "connected"}\n\n',
  heartbeat: ": heartbeat\n\n",
  event({ event: type, channel: log, json }) {
    const notice = noticeIn(type, JSON.parse(json));
    const name = `event: ${type}\n`;
    if (!notice) return { log, lines: name + dataLines(json) };
    const opening = `{"id":${JSON.stringify(notice.id)},"event":`;
    // Byte for byte as it was stored, if we have stored it.
    const text = json.startsWith(opening) ? json.slice(opening.length, -1) : JSON.stringify(notice.event);
    return { log, notice: notice.id, lines: name + dataLines(text) };
  },
  filter() {
    const seen = new SeenNotices();
    return ({ notice, log }) => notice === undefined || seen.add(notice, log);
  },
};

/** A line break, which only text that others have stored can hold, begins another line of data. */
function dataLines(text: string): string {
  return text
    .split("\n")
    .map((line) => `data: ${line}\n`)
    .join("");
}
