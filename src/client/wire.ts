import type { GapReason } from "../protocol/codes.ts";
import { isRealtimeCursor, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Connected, Gap } from "../protocol/frames.ts";

/** An event as it came from the wire. */
export interface WireEvent {
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
}

/** What a stream can say. Nothing about it is believed before {@link readFrame} has looked at it. */
export type WireFrame =
  | { readonly type: "event"; readonly frame: WireEvent }
  | { readonly type: "connected"; readonly frame: Connected }
  | { readonly type: "gap"; readonly frame: Gap }
  | { readonly type: "position"; readonly frame: { readonly channel: string; readonly cursor: RealtimeCursor } }
  | { readonly type: "reconnect"; readonly frame: { readonly delayMs: number } }
  | { readonly type: "problem"; readonly frame: { readonly code: string; readonly channel?: string; readonly retry: boolean } };

const GAP_REASONS: readonly GapReason[] = ["trimmed", "reset", "unproven"];

/** A frame, or `undefined` for one of a kind that this client does not know. Throws when it is malformed. */
export function readFrame(name: string, text: string): WireFrame | undefined {
  const data: unknown = JSON.parse(text);
  const guard = Object.hasOwn(GUARDS, name) ? GUARDS[name] : undefined;
  if (!guard) return undefined;
  if (typeof data !== "object" || data === null || !guard(data as Fields)) throw new TypeError("malformed frame");
  return { type: name || "event", frame: data } as WireFrame;
}

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown): value is string => typeof value === "string";
const isTime = (value: unknown): value is number => typeof value === "number" && value >= 0;

const GUARDS: Readonly<Record<string, (frame: Fields) => boolean>> = {
  "": ({ id, channel, event }) => isRealtimeCursor(id) && isText(channel) && isText(event),
  connected: ({ channel, cursor, tail, heartbeatMs }) =>
    isText(channel) && isRealtimeCursor(cursor) && isRealtimeCursor(tail) && isTime(heartbeatMs),
  gap: ({ channel, after, cursor, reason }) =>
    isText(channel) && isRealtimeCursor(after) && isRealtimeCursor(cursor) && GAP_REASONS.includes(reason as GapReason),
  position: ({ channel, cursor }) => isText(channel) && isRealtimeCursor(cursor),
  reconnect: ({ delayMs }) => isTime(delayMs),
  problem: ({ code, channel }) => isText(code) && (channel === undefined || isText(channel)),
};
