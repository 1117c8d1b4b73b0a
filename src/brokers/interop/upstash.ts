import { isEventName } from "../../protocol/names.ts";
import { isJson, type LogFormat } from "./format.ts";
import script from "./scripts/upstash.lua";

/**
 * @upstash/realtime 1.1: three fields, `data`, `event` and `channel`, and a `PUBLISH` of all of it and the id, without which its
 * subscribers hear nothing. Its client writes texts as they are, without quotes, and takes for JSON what can be read as JSON.
 */
export const upstashFormat: LogFormat = {
  name: "upstash",
  library: "@upstash/realtime",
  script,
  isAnnounced: true,
  encode: (channel, { event, json }) => ["data", json, "event", event, "channel", channel],
  announce: (channel, { event, json }) => `{"data":${json},"event":"${event}","channel":${JSON.stringify(channel)},"id":"`,
  decode(_, marked, data) {
    const event = marked.slice(1);
    if (!isEventName(event)) return undefined;
    const isText = marked.startsWith("t") && !isJson(data);
    return { event, json: isText ? JSON.stringify(data) : data };
  },
};
