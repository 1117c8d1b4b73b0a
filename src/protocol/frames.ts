/**
 * The one writer of frames (PROTOCOL.md, "Frames"). It trusts neither users nor the log: whatever a field holds, a frame has
 * exactly the lines written here.
 */
import type { GapReason, WireCode } from "./codes.ts";
import type { RealtimeCursor } from "./cursor.ts";

/** A hole in what a subscriber was told: entries between `after` and `cursor` may be missing. Re-fetch, then go on at `cursor`. */
export interface Gap {
  readonly channel: string;
  readonly after: RealtimeCursor;
  readonly cursor: RealtimeCursor;
  readonly reason: GapReason;
}

/** Sent once per channel when it is joined: what is emitted after it will arrive. */
export interface Connected {
  readonly channel: string;
  /** Where this stream starts on the channel. Never moves a cursor that a client already has (I1). */
  readonly cursor: RealtimeCursor;
  /** The log's last id when the channel was joined: an event up to here was stored before, so it is a replay. */
  readonly tail: RealtimeCursor;
  readonly heartbeatMs: number;
}

/** The server ends this stream soon: open the next one `delayMs` from now, then leave this one. */
export interface Reconnect {
  readonly delayMs: number;
}

/** Something is wrong with one channel, or with the stream when `channel` is absent. The rest flows. */
export interface Problem {
  readonly code: WireCode;
  readonly channel?: string;
  readonly retry: boolean;
}

/** An event as the log holds it. `json` is the text of `data`. */
export interface EventFields {
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: string;
  readonly json: string;
}

/** The comment that keeps an idle stream open and proves to the client that it is alive. */
export const HEARTBEAT_FRAME = ":\n\n";

const LINE_BREAK = /\r\n|\r|\n/;

/** `data:` lines for any text: a line break in it starts another `data:` line, so that no field can be forged. */
function dataLines(text: string): string {
  if (!LINE_BREAK.test(text)) return `data: ${text}\n`;
  return text
    .split(LINE_BREAK)
    .map((line) => `data: ${line}\n`)
    .join("");
}

/** The `id:` line of a cursor. */
export function idLine(cursor: string): string {
  return `id: ${cursor}\n`;
}

/** The members of an event's object. `channel` and `event` follow the grammar, so they need no escaping. */
function eventMembers({ id, channel, event, json }: EventFields): string {
  return `"id":"${id}","channel":"${channel}","event":"${event}","data":${json}`;
}

/** An event, without its `id:` line. */
export function eventFrame(fields: EventFields): string {
  return `${dataLines(`{${eventMembers(fields)}}`)}\n`;
}

function named(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function connectedFrame(connected: Connected): string {
  return named("connected", connected);
}

export function gapFrame(gap: Gap): string {
  return named("gap", gap);
}

/** `channel` has moved to `cursor` with nothing to show: an entry that cannot be delivered. */
export function positionFrame(channel: string, cursor: RealtimeCursor): string {
  return named("position", { channel, cursor });
}

/**
 * The position of a whole stream of several channels, for a plain `EventSource`: its `id:` comes back as `Last-Event-ID`.
 * One cursor per channel, in the order of the request; what the request said where the channel is not joined yet.
 */
export function streamPositionFrame(cursors: readonly string[]): string {
  return `${idLine(cursors.join(","))}event: position\ndata: {}\n\n`;
}

export function reconnectFrame(reconnect: Reconnect): string {
  return named("reconnect", reconnect);
}

export function problemFrame(problem: Problem): string {
  return named("problem", problem);
}

/** A frame of a page, other than an event: its name stands in `type`. */
export type PageFrame =
  | ({ readonly type: "connected" } & Connected)
  | ({ readonly type: "gap" } & Gap)
  | { readonly type: "position"; readonly channel: string; readonly cursor: RealtimeCursor }
  | ({ readonly type: "problem" } & Problem);

export function pageFrame(frame: PageFrame): string {
  return JSON.stringify(frame);
}

/** @param fields whose `json` was parsed before: in a page, text that is not JSON would spoil all of it. */
export function pageEvent(fields: EventFields): string {
  return `{"type":"event",${eventMembers(fields)}}`;
}

/** A whole page, a frame on each line for people. @param at the starts of the next request. */
export function pageBody(at: string, frames: readonly string[]): string {
  return `{"at":${JSON.stringify(at)},"frames":[\n${frames.join(",\n")}\n]}\n`;
}
