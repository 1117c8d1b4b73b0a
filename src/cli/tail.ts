import { parseArgs, type ParseArgsConfig } from "node:util";
import { isRealtimeCursor } from "../protocol/cursor.ts";
import { MAX_HISTORY_LIMIT } from "../protocol/limits.ts";
import { CHANNEL_GRAMMAR, EVENT_GRAMMAR, isChannelName, isEventName } from "../protocol/names.ts";
import { headerOf, keyPrefixOf, refuseEmpty } from "./arguments.ts";
import { UsageError, type Command } from "./command.ts";
import { passwordsOf, secretsOf, withoutSecretsIn } from "./secrets.ts";
import { lineOf } from "./tail/line.ts";
import type { Watcher } from "./tail/watcher.ts";
import { watchEndpoint } from "./tail/watch-endpoint.ts";
import { watchRedis } from "./tail/watch-redis.ts";
import { visible } from "./visible.ts";

const HELP = `Usage: tidings tail <channel…> --redis <url> [options]
       tidings tail <channel…> --url <endpoint> [options]

Prints the events of channels as they come, a line for each, until Ctrl-C.

  --redis <url>         a Redis, as redis://user:password@host:6379 or rediss://…
  --key-prefix <text>   what begins each key [tidings]

  --url <endpoint>      or the address that browsers listen to
  --header "Name: text" is sent along, for one who is signed in: 'Cookie: session=…'. May be given several times

  --history <n>|all     begins with the newest n events of each channel (${MAX_HISTORY_LIMIT} at most), or with all that are held
  --after <cursor>      goes on after this event, by its id; for one channel
  --events <a,b>        only these events
  --json                prints each as { id, channel, event, data, replayed }
  --help                prints this

What is no event (a gap, a lost connection) is said on stderr. The exit code is 0 when you end it, 1 when no channel can be read,
2 when it was called in a wrong way.`;

const OPTIONS = {
  redis: { type: "string" },
  "key-prefix": { type: "string" },
  url: { type: "string" },
  header: { type: "string", multiple: true },
  history: { type: "string" },
  after: { type: "string" },
  events: { type: "string" },
  json: { type: "boolean" },
} satisfies ParseArgsConfig["options"];

/** `tidings tail`: watches channels in a terminal. */
export const tail: Command = {
  summary: "prints the events of channels as they come",
  help: HELP,
  async run(args, print, { complain, whenEnded }) {
    const { channels, redis, url, headers, keyPrefix, history, after, events, json } = parse(args);
    const secrets = [...secretsOf(headers), ...passwordsOf(redis), ...passwordsOf(url), ...queryOf(url)];
    const hide = (text: string): string => withoutSecretsIn(text, secrets);
    const signal = whenEnded();
    const watcher: Watcher = {
      ...{ channels, history, after, events, signal },
      show: (message) => {
        // What comes in one go comes to an end with the command.
        if (!signal.aborted) print(lineOf(message, { json, now: Date.now() }));
      },
      note: (text) => {
        if (!signal.aborted) complain(visible(hide(`tidings: ${text}`)));
      },
    };
    const canRead = await (url === undefined
      ? watchRedis(watcher, { url: redis ?? "", keyPrefix })
      : watchEndpoint(watcher, { url, headers }));
    return canRead ? 0 : 1;
  },
};

interface Arguments extends Pick<Watcher, "channels" | "history" | "after" | "events"> {
  readonly redis?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly keyPrefix?: string | undefined;
  readonly json: boolean;
}

/** @throws UsageError */
function parse(args: readonly string[]): Arguments {
  const { values, channels } = given(args);
  const { redis, url, after, header = [], json = false } = values;
  if (channels.length === 0) throw new UsageError("Say what to watch: the name of a channel, or several.");
  // It may be a URL with a password that lacks its option, so it is not quoted.
  if (!channels.every((each) => isChannelName(each))) throw new UsageError(`The name of a channel has ${CHANNEL_GRAMMAR}.`);
  refuseEmpty({ redis, url });
  if ((redis === undefined) === (url === undefined))
    throw new UsageError("Say where the channels are: --redis <url>, or --url <endpoint>.");
  if (redis !== undefined && header.length > 0) throw new UsageError("--header goes with --url: Redis takes no headers.");
  if (url !== undefined && values["key-prefix"] !== undefined)
    throw new UsageError("--key-prefix goes with --redis: an endpoint knows its own.");
  if (url !== undefined && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
    throw new UsageError("--url takes the endpoint as a browser has it: https://example.com/api/realtime.");
  if (url !== undefined && (new URL(url).username || new URL(url).password))
    throw new UsageError("--url takes no user and password: send them as --header 'Authorization: Basic …'.");
  if (redis !== undefined && !/^rediss?:\/\//.test(redis)) throw new UsageError("--redis takes a redis:// or rediss:// URL.");
  if (after !== undefined && !isRealtimeCursor(after))
    throw new UsageError("--after takes the id of an event, as --json prints it: 1700000000000-0.");
  if (after !== undefined && channels.length > 1)
    throw new UsageError("--after goes with one channel: each has ids of its own.");
  if (after !== undefined && values.history !== undefined)
    throw new UsageError("--after and --history both say where to begin.");
  return {
    ...{ channels, redis, url, after, json },
    headers: Object.fromEntries(header.map(headerOf)),
    keyPrefix: keyPrefixOf(values["key-prefix"]),
    history: historyOf(values.history),
    events: eventsOf(values.events),
  };
}

/** @throws UsageError */
function given(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    return { values, channels: [...new Set(positionals)] };
  } catch (error) {
    // It names the option, and never what was given to it.
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError */
function historyOf(text: string | undefined): Watcher["history"] {
  if (text === undefined || text === "all") return text && true;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_HISTORY_LIMIT)
    throw new UsageError(`--history takes a number from 1 to ${MAX_HISTORY_LIMIT}, or "all".`);
  return { limit };
}

/** @throws UsageError */
function eventsOf(text: string | undefined): Watcher["events"] {
  const events = text?.split(",").map((each) => each.trim());
  if (events && !events.every(isEventName))
    throw new UsageError(`--events takes names with a comma between; each has ${EVENT_GRAMMAR}.`);
  return events;
}

/** What a query holds may be a token. */
function queryOf(url: string | undefined): string[] {
  return url === undefined ? [] : [...new URL(url).searchParams.values()].flatMap((each) => [each, encodeURIComponent(each)]);
}
