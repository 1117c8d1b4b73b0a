import { TidingsError } from "./error.ts";
import { nearNames } from "./near-names.ts";

/** Letters that a name must have for a part of it to say anything. */
const MIN_PART = 3;

/**
 * Refuses an option that does not exist: it would be ignored in silence, and `authorise` for `authorize` is an open door. An
 * option whose value is `undefined` says nothing and is let pass.
 *
 * @param of what takes the options, as an error text names it
 * @param known every option that there is
 * @throws TidingsError `bad_option`, with the name that was meant if one is near
 */
export function refuseUnknownOptions(of: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    const [near] = [...nearNames(name, names), ...names.filter((other) => isPartOf(name, other))];
    const hint = near === undefined ? `It takes ${names.map(quote).join(", ")}.` : `Did you mean ${quote(near)}?`;
    throw new TidingsError("bad_option", `${quote(shorten(name))} is no option of ${of}. ${hint}`);
  }
}

/** `auth` and `authorize`, `maxDuration` and `maxDurationSecs`, `prefix` and `keyPrefix`. */
function isPartOf(wrong: string, name: string): boolean {
  const [one, other] = [wrong.toLowerCase(), name.toLowerCase()];
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.length >= MIN_PART && long.includes(short);
}

function quote(name: string): string {
  return `\`${name}\``;
}

/** A name from a user, for a text of one line. */
function shorten(name: string): string {
  return JSON.stringify(name.slice(0, 60)).slice(1, -1);
}
