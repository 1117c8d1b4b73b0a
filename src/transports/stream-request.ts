import type { FeedStart } from "../hub/feed.ts";
import type { ChannelRequest } from "../hub/hub.ts";
import { MAX_PAGE_WAIT_SECS } from "../protocol/limits.ts";
import { CHANNEL_GRAMMAR, DEFAULT_CHANNEL, isChannelName } from "../protocol/names.ts";
import { prefersPage } from "./accept.ts";
import { findParameterMistake } from "./parameter-mistake.ts";
import { Refusal } from "./refusal.ts";
import { parseSince, parseStart } from "./start.ts";

/** What a request says before anybody is asked whether it may. */
export interface RawStreamRequest {
  readonly method: string;
  /** Path and query, or a whole URL. */
  readonly url: string;
  /** The `Last-Event-ID` header, if any. */
  readonly lastEventId: string | null | undefined;
  /** The `Accept` header, if any. */
  readonly accept: string | null | undefined;
}

export interface StreamRequest {
  /** In the order of the request, each once. */
  readonly channels: readonly ChannelRequest[];
  /** Our client, which keeps cursors per channel. */
  readonly keepsCursors: boolean;
  /** Given when a page is asked for and no stream: how long it waits for an event. */
  readonly waitMs?: number | undefined;
}

export interface RequestLimits {
  readonly maxChannels: number;
  readonly maxUrlBytes: number;
}

/** The version of the protocol that is spoken here. */
const VERSION = 1;

const BAD_CURSOR_HELP =
  'A cursor is "<ms>-<seq>" as the server handed it out, "-" (what is held), "-<n>" (the newest n) or empty (from now on).';

/** Reads a request for a stream or a page. Everything in it is checked here, before middleware or a broker sees it. */
export function parseStreamRequest(
  { method, url, lastEventId, accept }: RawStreamRequest,
  limits: RequestLimits,
): StreamRequest | Refusal {
  if (method !== "GET") {
    return new Refusal(
      "method_not_allowed",
      `A stream is opened with GET, not ${/^[A-Z]{1,20}$/.test(method) ? method : "this method"}.`,
      { allow: "GET" },
    );
  }
  const urlBytes = url.length - (/^https?:\/\/[^/?]*/.exec(url)?.[0].length ?? 0);
  if (urlBytes > limits.maxUrlBytes) {
    return new Refusal(
      "url_too_long",
      `Path and query have ${urlBytes} bytes; ${limits.maxUrlBytes} is the limit. Subscribe to fewer channels.`,
    );
  }
  const query = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?") + 1) : "");
  const version = query.get("v");
  // Before all else that a later version may have changed.
  if (version !== null && version !== String(VERSION)) return refuseVersion(version);
  const mistake = findParameterMistake(query);
  if (mistake) return mistake;
  const asked = [...new Set(query.getAll("channel").flatMap((names) => names.split(",")))];
  if (asked.length === 0) asked.push(DEFAULT_CHANNEL);
  if (asked.length > limits.maxChannels) {
    return new Refusal(
      "too_many_channels",
      `One stream takes ${limits.maxChannels} channels at most; this request names ${asked.length}.`,
    );
  }
  for (const channel of asked) {
    if (!isChannelName(channel)) {
      return new Refusal("bad_channel", `Channel ${quote(channel)} is not a channel name: ${CHANNEL_GRAMMAR}.`);
    }
  }
  const starts = parseStarts(query, asked, lastEventId);
  if (starts instanceof Refusal) return starts;
  const waitMs = prefersPage(accept) ? parseWait(query.get("wait")) : undefined;
  if (waitMs instanceof Refusal) return waitMs;
  return {
    channels: asked.map((channel, index) => ({ channel, start: starts[index] as FeedStart })),
    keepsCursors: version !== null,
    waitMs,
  };
}

function refuseVersion(asked: string): Refusal {
  const isVersion = /^\d{1,4}$/.test(asked);
  const says = isVersion
    ? `The client speaks version ${Number(asked)} of the protocol and this server version ${VERSION}.`
    : `\`v\` is the version of the protocol, and ${quote(asked)} is none: this server speaks version ${VERSION}.`;
  const server = "The server is older than the client: deploy the server with the version of tidings that the client has.";
  const client = "The client is older than the server: reload the page, or update tidings in the client.";
  const cure = isVersion ? (Number(asked) > VERSION ? server : client) : `Leave it out, or send \`v=${VERSION}\`.`;
  return new Refusal("unsupported_version", `${says} ${cure} A \`v\` of the application's own needs another name.`);
}

function parseWait(text: string | null): number | Refusal {
  if (text === null) return 0;
  const secs = Number(text);
  if (/^\d{1,2}(\.\d{1,6})?$/.test(text) && secs <= MAX_PAGE_WAIT_SECS) return secs * 1_000;
  return new Refusal(
    "bad_parameter",
    `\`wait\` is how many seconds a page may wait for an event: a number from 0 to ${MAX_PAGE_WAIT_SECS}, not ${quote(text)}.`,
  );
}

/**
 * One start per channel: from `Last-Event-ID`, else from `lastEventId` (a polyfill of EventSource puts it in the query when it
 * reconnects), else from `at`, else from `last_ack_<channel>`.
 */
function parseStarts(
  query: URLSearchParams,
  channels: readonly string[],
  lastEventId: string | null | undefined,
): readonly FeedStart[] | Refusal {
  const byPosition = lastEventId || query.get("lastEventId") || query.get("at");
  const texts = byPosition ? byPosition.split(",") : channels.map((channel) => query.get(`last_ack_${channel}`) ?? "");
  if (texts.length !== channels.length) {
    return new Refusal(
      "bad_cursor",
      `There are ${texts.length} cursors for ${channels.length} channels: one is needed for each, in the same order, empty for none.`,
    );
  }
  const starts: FeedStart[] = [];
  for (const text of texts) {
    const start = (byPosition ? undefined : parseSince(text)) ?? parseStart(text);
    if (!start) return new Refusal("bad_cursor", `${quote(text)} is not a cursor. ${BAD_CURSOR_HELP}`);
    starts.push(start);
  }
  return starts;
}

/** A user's text for a message: short, and with nothing in it that a terminal or a page would obey. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text).replace(/[<>&\u007f-\u009f\u2028\u2029]/g, "?");
}
