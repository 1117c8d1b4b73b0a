import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Dialect, StreamEvent } from "./dialect.ts";
import { framewise } from "./framewise.ts";

/** What an event's frame holds between its braces: the one writer of frames escapes nothing before the data, for there is nothing to escape. */
const EVENT = /^\{"id":"([^"]*)","channel":"([^"]*)","event":"([^"]*)","data":(.*)\}$/s;
const FIELD = /^(id|event|data|retry)?: ?(.*)$/s;

/**
 * The answer of `handle` in a dialect: a stream whose frames are said in other words, with the rest as it was. What is no stream, such as
 * a refusal, stays what it is. Gaps, positions and other frames with a name pass unchanged: who does not know a name passes over it.
 * @param channels how many the request asks for
 */
export function translate(response: Response, channels: number, dialect: Dialect): Response {
  return framewise(response, interpreter(channels, dialect));
}

/** Takes one frame after another, without the empty line at its end. */
function interpreter(channels: number, dialect: Dialect): (frame: string) => string {
  let isOpen = false;
  /** Channels of which it is known whether they can be read. One that is joined can have a problem later. */
  const settled = new Set<string>();
  /** What was said before the opening, and comes behind it; the last word about where the stream stands at its end. */
  let held = "";
  let position = "";

  function open(): string {
    isOpen = true;
    return dialect.opening + held + position;
  }

  /** Says it behind the opening. */
  const say = (text: string): string => (isOpen || text === "" ? text : open() + text);

  /** Says it when the opening was said, which is now at the latest if the channel of this frame was the last to be settled. */
  function settle(data: string, text: string): string {
    settled.add((JSON.parse(data) as { readonly channel: string }).channel);
    if (isOpen) return text;
    held += text;
    return settled.size < channels ? "" : open();
  }

  return (frame) => {
    const { id, event, data, retry } = fieldsOf(frame);
    if (data === undefined) {
      if (retry !== undefined) held += `retry: ${retry}\n\n`;
      return isOpen ? dialect.heartbeat : "";
    }
    if (event === undefined) {
      const heard = eventOf(data);
      return heard ? say(dialect.event(heard, id === undefined ? "" : `id: ${id}\n`)) : "";
    }
    // Where it stands is said in words that an `EventSource` keeps.
    if (event === "connected") return settle(data, id === undefined ? "" : `id: ${id}\nevent: position\ndata: {}\n\n`);
    if (event === "position" && !isOpen) {
      position = `${frame}\n\n`;
      return "";
    }
    return event === "problem" ? settle(data, `${frame}\n\n`) : say(`${frame}\n\n`);
  };
}

/** Lines of our own one writer: what stands in them needs no more care than this. */
function fieldsOf(frame: string): { id?: string; event?: string; data?: string; retry?: string } {
  const fields: { id?: string; event?: string; data?: string; retry?: string } = {};
  for (const line of frame.split("\n")) {
    const [, name, value = ""] = FIELD.exec(line) ?? [];
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name) fields[name as "id" | "event" | "retry"] = value;
  }
  return fields;
}

function eventOf(data: string): StreamEvent | undefined {
  const [, id, channel, event, json] = EVENT.exec(data) ?? [];
  if (id === undefined || channel === undefined || event === undefined || json === undefined) return undefined;
  return { id: id as RealtimeCursor, channel, event, json };
}
