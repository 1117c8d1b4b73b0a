/**
 * What is wrong with options, in sentences for whoever develops the page. Loaded to warn, so never in production. It imports
 * nothing that the core has, for which bundlers would make a chunk in production, too, and nothing of the server.
 */
import { nearNames } from "../protocol/near-names.ts";
import type { ProvideRealtimeOptions, UntypedOptions } from "./bindings/options.ts";
import type { UntypedStateOptions } from "./bindings/state-options.ts";
import type { ApiOptions, ClientSubscribeOptions } from "./options.ts";

/** The compiler says when a name is missing. */
type Names<T> = Readonly<Record<keyof T, true>>;

const FOLLOWED = { channels: true, events: true, onData: true, onGap: true, history: true, after: true } as const;
const SUBSCRIBE: Names<ClientSubscribeOptions> = { ...FOLLOWED, cursors: true };
const USE_REALTIME: Names<UntypedOptions> = { ...FOLLOWED, enabled: true };
const STATE: Names<UntypedStateOptions<unknown>> = {
  ...{ channel: true, events: true, initial: true, after: true },
  ...{ reduce: true, resync: true, onGap: true },
};
const API: Names<ApiOptions> = { url: true, headers: true, withCredentials: true, shareTabs: true };
const CLIENT: Names<ProvideRealtimeOptions> = {
  ...{ api: true, maxReconnectAttempts: true, fetch: true, clock: true },
  // Of `provideRealtime`, which hands on all that it was given.
  ...{ client: true, onConnectionLost: true, onConnectionRestored: true, connectionLostAfterSecs: true },
};

/**
 * What is odd about the options of `client.subscribe`: nothing of it is refused. `""` when nothing is.
 *
 * @param channels those of the options, or the default
 */
export function explainSubscribe(options: ClientSubscribeOptions, channels: ReadonlyArray<string | undefined>): string {
  return (
    explainChannels(options.channels) ||
    explainStranger("subscribe", options, SUBSCRIBE) ||
    explainEntries(options.after, channels)
  );
}

/** The same of those of `useRealtime`. What it hands on to `subscribe` is explained there. */
export function explainUseRealtime(options: UntypedOptions): string {
  return explainStranger("useRealtime", options, USE_REALTIME);
}

/** The same of those of `useRealtimeState`. */
export function explainUseRealtimeState(options: object): string {
  return explainStranger("useRealtimeState", options, STATE);
}

/** The same of those of `createRealtimeClient` and `provideRealtime`. */
export function explainClient(options: object): string {
  const misplaced = Object.keys(options).find((name) => Object.hasOwn(API, name));
  if (misplaced) return `\`${misplaced}\` goes under \`api\`: { api: { ${misplaced} } }. As it stands it is ignored.`;
  return explainStranger("the client", options, CLIENT);
}

/** What an `after` is that is refused. */
export interface RefusedAfter {
  readonly cursor: unknown;
  readonly isCursor: boolean;
  readonly history: unknown;
  readonly channels: readonly string[];
}

/** Why: it is no cursor, comes with `history`, or is one for several channels. */
export function explainAfter({ cursor, isCursor, history, channels }: RefusedAfter): string {
  if (!isCursor)
    return `\`after\` is ${quote(cursor)}, which is no cursor. Pass \`await channel.cursor()\` or an event's id, not an id of your database.`;
  if (history)
    return "`after` and `history` are given together, and only one of them can say where a channel begins. Leave one out.";
  const entries = channels.map((channel) => `${quote(channel)}: …`).join(", ");
  return `\`after\` is one cursor for ${channels.length} channels, and a cursor belongs to one. Pass one for each: after: { ${entries} }.`;
}

function explainStranger(of: string, options: object, known: Readonly<Record<string, true>>): string {
  const stranger = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (stranger === undefined) return "";
  const names = Object.keys(known);
  const [near] = nearNames(stranger, names);
  const hint = near ? `Did you mean \`${near}\`?` : `It takes ${names.join(", ")}.`;
  return `\`${stranger}\` is no option of ${of}, and is ignored. ${hint}`;
}

/** Of `channels` that are no list: JavaScript takes a text for one of its letters. */
export function explainChannels(channels: unknown): string {
  return typeof channels === "string"
    ? `\`channels\` is a text, and each letter of it would be a channel. Write channels: [${quote(channels)}].`
    : "";
}

/** A channel without an entry in `after` begins now. It was meant to, unless there is an entry for a channel that is not wanted. */
function explainEntries(after: ClientSubscribeOptions["after"], channels: ReadonlyArray<string | undefined>): string {
  if (typeof after !== "object") return "";
  const missing = channels.find((channel) => channel && !Object.hasOwn(after, channel));
  const stranger = Object.keys(after).find((name) => !channels.includes(name));
  if (!missing || !stranger) return "";
  return `\`after\` has an entry for ${quote(stranger)}, which is not in \`channels\`, and none for ${quote(missing)}, which therefore begins now.`;
}

function quote(value: unknown): string {
  try {
    return JSON.stringify(value).slice(0, 100);
  } catch {
    return String(value);
  }
}
