import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Dialect, Saying, StreamEvent } from "./dialect.ts";
import { framewise, type Say } from "./framewise.ts";
import { Lately } from "./lately.ts";

/** What an event's frame holds between its braces: the one writer of frames escapes nothing before the data, for there is nothing to escape. */
const EVENT = /^\{"id":"([^"]*)","channel":"([^"]*)","event":"([^"]*)","data":/;

/** A frame of the stream below, taken apart. */
interface Heard<S> {
  readonly fields: Fields;
  /** Whether it is an event. */
  readonly isEvent: boolean;
  /** What is said of it, if it is an event of which anything is; and its frame. */
  readonly saying: S | undefined;
  readonly said: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encode = (text: string): Uint8Array => encoder.encode(text);

/**
 * Says the answers of `handle` in a dialect: a stream has its frames said in other words, with the rest as it was. What is no stream, such
 * as a refusal, stays what it is. Gaps, positions and other frames with a name pass unchanged: who does not know a name passes over it.
 *
 * @returns says one answer; `channels` is how many its request asks for
 */
export function translator<S extends Saying>(dialect: Dialect<S>): (response: Response, channels: number) => Response {
  // Streams that hear of the same channel are given the same frames.
  const lately = new Lately((frame) => hear(frame, dialect));
  const heartbeat = encode(dialect.heartbeat);
  return (response, channels) => framewise(response, interpreter({ channels, dialect, heartbeat, lately }));
}

function hear<S extends Saying>(frame: Uint8Array, dialect: Dialect<S>): Heard<S> {
  const fields = fieldsOf(decoder.decode(frame));
  const { id, event, data } = fields;
  const isEvent = data !== undefined && event === undefined;
  const heard = isEvent ? eventOf(data) : undefined;
  const saying = heard && dialect.event(heard);
  return { fields, isEvent, saying, said: encode(saying ? `${idLine(id)}${saying.lines}\n` : "") };
}

const idLine = (id: string | undefined): string => (id === undefined ? "" : `id: ${id}\n`);

/** What {@link interpreter} speaks with. */
interface Speech<S extends Saying> {
  readonly channels: number;
  readonly dialect: Dialect<S>;
  readonly heartbeat: Uint8Array;
  readonly lately: Lately<Heard<S>>;
}

const NOTHING: readonly Uint8Array[] = [];

/** For one stream. */
function interpreter<S extends Saying>({ channels, dialect, heartbeat, lately }: Speech<S>): Say {
  const admits = dialect.filter?.();
  let isOpen = false;
  /** Channels of which it is known whether they can be read. One that is joined can have a problem later. */
  const settled = new Set<string>();
  /** What was said before the opening, and comes behind it; the last word about where the stream stands at its end. */
  const held: Uint8Array[] = [];
  let position = NOTHING;

  function open(): readonly Uint8Array[] {
    isOpen = true;
    return [encode(dialect.opening), ...held.splice(0), ...position];
  }

  /** Says it behind the opening. */
  const say = (frame: Uint8Array): readonly Uint8Array[] => (isOpen ? [frame] : [...open(), frame]);

  /** Says it when the opening was said, which is now at the latest if the channel of this frame was the last to be settled. */
  function settle(data: string, said: readonly Uint8Array[]): readonly Uint8Array[] {
    settled.add((JSON.parse(data) as { readonly channel: string }).channel);
    if (isOpen) return said;
    held.push(...said);
    return settled.size < channels ? NOTHING : open();
  }

  function sayAnew(frame: Uint8Array): readonly Uint8Array[] {
    // Each stream has its own behind each event: nothing is looked up for it.
    if (isOpen && isPosition(frame)) return [frame];
    const { fields, isEvent, saying, said } = lately.get(frame);
    const { id, event, data, retry } = fields;
    if (isEvent) return saying && admits?.(saying) !== false ? say(said) : NOTHING;
    if (data === undefined) {
      if (retry !== undefined) held.push(encode(`retry: ${retry}\n\n`));
      return isOpen ? [heartbeat] : NOTHING;
    }
    // Where it stands is said in words that an `EventSource` keeps.
    if (event === "connected")
      return settle(data, id === undefined ? NOTHING : [encode(`${idLine(id)}event: position\ndata: {}\n\n`)]);
    if (event === "position" && !isOpen) {
      position = [frame];
      return NOTHING;
    }
    return event === "problem" ? settle(data, [frame]) : say(frame);
  }

  return ({ frames }) => frames.flatMap(sayAnew);
}

const POSITION = encode("\nevent: position\ndata: {}\n\n");

/** Whether a frame says where the whole stream stands. */
function isPosition(frame: Uint8Array): boolean {
  const start = frame.length - POSITION.length;
  return start >= 0 && POSITION.every((byte, at) => frame[start + at] === byte);
}

interface Fields {
  id?: string;
  event?: string;
  data?: string;
  retry?: string;
}

/** Lines of our own one writer: what stands in them needs no more care than this. */
function fieldsOf(frame: string): Fields {
  const fields: Fields = {};
  for (const line of frame.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === "id" || name === "event" || name === "retry") fields[name] = value;
  }
  return fields;
}

function eventOf(data: string): StreamEvent | undefined {
  const [head = "", id, channel, event] = EVENT.exec(data) ?? [];
  if (id === undefined || channel === undefined || event === undefined || !data.endsWith("}")) return undefined;
  return { id: id as RealtimeCursor, channel, event, json: data.slice(head.length, -1) };
}
