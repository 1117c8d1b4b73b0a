import type { Dialect } from "../dialects/dialect.ts";

/** How a stream speaks to a plain `EventSource`: `ready` first, then a `message` for each thing that is told. */
export const LIVE_DIALECT: Dialect = {
  opening: "event: ready\ndata: {}\n\n",
  heartbeat: ": keep-alive\n\n",
  // In JSON a line break can only stand between two tokens.
  event: ({ channel, json }) => ({
    lines: `event: message\ndata: {"channel":"${channel}","payload":${json.replaceAll(/[\r\n]/g, " ")}}\n`,
  }),
};
