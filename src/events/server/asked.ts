import { WIRE_CODES, type WireCode } from "../../protocol/codes.ts";
import { CHANNEL_NAME, channelOf, GLOBAL, logOfChannel, OWN } from "../logs.ts";

/** What a request asks for, before anybody knows whose it is. */
export interface Asked {
  /** Whether our own client asks, which speaks the protocol of tidings. Else it is a plain `EventSource`. */
  readonly isOurs: boolean;
  /** The logs, in the order of the request; `OWN` for the user's. */
  readonly logs: readonly string[];
  /** Whom the page takes for its user. */
  readonly users: readonly string[];
  /** What else the protocol is told. */
  readonly rest: URLSearchParams;
}

/** Reads the address of a request. @returns a Response that refuses what is malformed */
export function readAsked(url: string, maxUrlBytes: number): Asked | Response {
  const [address = ""] = url.split("#", 1);
  const bytes = address.length - (/^https?:\/\/[^/?]*/.exec(address)?.[0].length ?? 0);
  if (bytes > maxUrlBytes)
    return refuse("url_too_long", `Path and query have ${bytes} bytes; ${maxUrlBytes} is the limit. Ask for fewer channels.`);
  const query = new URLSearchParams(address.includes("?") ? address.slice(address.indexOf("?") + 1) : "");
  return query.has("v") ? readOurs(query) : readPlain(query);
}

function readOurs(query: URLSearchParams): Asked | Response {
  const rest = new URLSearchParams(query);
  rest.delete("channel");
  rest.delete("userId");
  const logs = query.getAll("channel").flatMap((names) => names.split(","));
  const bad = logs.find((log) => log !== OWN && logOfChannel(channelOf(log)) === undefined);
  if (bad !== undefined || logs.length === 0)
    return refuse(
      "bad_channel",
      `${bad === undefined ? "No log" : quote(bad)} is asked for: it has to be "${OWN}" or "channel:<name>".`,
    );
  return { isOurs: true, logs: [...new Set(logs)], users: query.getAll("userId"), rest };
}

function readPlain(query: URLSearchParams): Asked | Response {
  if (query.has("channel"))
    return refuse("bad_parameter", "`channel` is no parameter of this stream. Name the channels with `channels=a,b`.");
  const names = query.getAll("channels").flatMap((text) => text.split(","));
  // A hook that joins no channels sends an empty text.
  const logs = [...names.filter((name) => name !== ""), GLOBAL].map((name) => logOfChannel(name) ?? name);
  const bad = logs.find((log) => channelOf(log) === undefined);
  if (bad !== undefined) return refuse("bad_channel", `${quote(bad)} is not a channel name: ${CHANNEL_NAME}.`);
  const rest = new URLSearchParams();
  // Polyfills of `EventSource` put it there.
  const lastEventId = query.get("lastEventId");
  if (lastEventId !== null) rest.set("lastEventId", lastEventId);
  return { isOurs: false, logs: [OWN, ...new Set(logs)], users: query.getAll("userId"), rest };
}

/** An answer as `handle` refuses: a code for the client, and a sentence for people. */
export function refuse(code: WireCode, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify({ code, message })}\n`, {
    status: WIRE_CODES[code].status ?? 500,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

/** A visitor's text for a message: short, and with nothing in it that a terminal or a page would obey. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text).replace(/[<>&\u007f-\u009f\u2028\u2029]/g, "?");
}
