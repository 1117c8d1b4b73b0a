import { isEventName } from "../../protocol/names.ts";
import { isJson, type LogFormat, type StoredEvent } from "./format.ts";
import script from "./scripts/forrealtime.lua";

/** forrealtime 0.1: one field, `message`, with `{ channel, event, data }` as JSON. Its readers ask the stream; nothing is announced. */
export const forrealtimeFormat: LogFormat = {
  name: "forrealtime",
  library: "forrealtime",
  script,
  isAnnounced: false,
  encode: (channel, { event, json }) => ["message", `${headOf(channel)}${event}${BETWEEN}${json}}`],
  announce: () => "",
  decode: (channel, _, message) => decodeVerbatim(channel, message) ?? decodeParsed(channel, message),
};

const headOf = (channel: string): string => `{"channel":${JSON.stringify(channel)},"event":"`;
const BETWEEN = '","data":';

/** The data as it was written, byte for byte, where the message looks as both libraries write it. */
function decodeVerbatim(channel: string, message: string): StoredEvent | undefined {
  const head = headOf(channel);
  if (!message.startsWith(head) || !message.endsWith("}")) return undefined;
  const end = message.indexOf('"', head.length);
  const event = message.slice(head.length, end);
  if (!isEventName(event) || !message.startsWith(BETWEEN, end)) return undefined;
  const json = message.slice(end + BETWEEN.length, -1);
  return isJson(json) ? { event, json } : undefined;
}

function decodeParsed(channel: string, message: string): StoredEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { channel: named, event, data } = parsed as { channel?: unknown; event?: unknown; data?: unknown };
  if (named !== channel || !isEventName(event)) return undefined;
  return { event, json: JSON.stringify(data) ?? "null" };
}
