import type { FeedStart } from "../hub/feed.ts";
import type { ChannelRequest } from "../hub/hub.ts";
import { CHANNEL_GRAMMAR, DEFAULT_CHANNEL, isChannelName } from "../protocol/names.ts";
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
}

export interface StreamRequest {
  /** In the order of the request, each once. */
  readonly channels: readonly ChannelRequest[];
  /** Our client, which keeps cursors per channel. */
  readonly keepsCursors: boolean;
}

export interface RequestLimits {
  readonly maxChannels: number;
  readonly maxUrlBytes: number;
}

const BAD_CURSOR_HELP =
  'A cursor is "<ms>-<seq>" as the server handed it out, "-" (what is held), "-<n>" (the newest n) or empty (from now on).';

/** Reads a request for a stream. Everything in it is checked here, before middleware or a broker sees it. */
export function parseStreamRequest(
  { method, url, lastEventId }: RawStreamRequest,
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
  const mistake = findParameterMistake(query);
  if (mistake) return mistake;
  const asked = [...new Set(query.getAll("channel"))];
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
  return {
    channels: asked.map((channel, index) => ({ channel, start: starts[index] as FeedStart })),
    keepsCursors: query.get("v") === "1",
  };
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
