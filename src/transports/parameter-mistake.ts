import { nearNames } from "../protocol/near-names.ts";
import { Refusal } from "./refusal.ts";

const CHANNEL = "Name each channel with `channel=<name>`, repeated for several.";
const START =
  "Say where it starts with `at=<cursor>`, `at=-20` (the newest 20) or `at=-` (what is held), one for each channel, joined by commas.";
const EVENTS = "A stream carries every event of its channels: choose where you listen.";

const PARAMETERS: ReadonlySet<string> = new Set(["channel", "at", "lastEventId"]);

/** What the API, other libraries and `EventSource` polyfills call what a stream is asked for, in small letters alone. */
const MEANT: Readonly<Record<string, string>> = {
  at: START,
  after: START,
  since: START,
  cursor: START,
  cursors: START,
  history: START,
  lasteventid: START,
  events: EVENTS,
};

/**
 * Refuses parameters that come near to one of the protocol's without being it: ignored in silence, the stream would be another
 * than was meant. Whatever else stands in the query is the application's own.
 */
export function findParameterMistake(query: URLSearchParams): Refusal | undefined {
  for (const name of query.keys()) {
    const help = helpFor(name);
    if (help !== undefined)
      return new Refusal("bad_parameter", `\`${name.replace(/[^\w[\]-]/g, "?")}\` is no parameter of a stream. ${help}`);
  }
  return undefined;
}

function helpFor(name: string): string | undefined {
  if (PARAMETERS.has(name) || name.startsWith("last_ack_") || name.length > 40) return undefined;
  const letters = name.toLowerCase().replace(/[^a-z]/g, "");
  if (letters.startsWith("lastack")) return START;
  if (nearNames(letters, ["channel"]).length > 0) return CHANNEL;
  return Object.hasOwn(MEANT, letters) ? MEANT[letters] : undefined;
}
