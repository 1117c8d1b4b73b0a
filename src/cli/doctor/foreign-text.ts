/** Text that somebody else wrote: it is shown on the operator's terminal, and finds its way into tickets and logs. */

/** Shorter ones stand everywhere in a text, and hide nothing. */
const MIN_SECRET_LENGTH = 4;
const MAX_QUOTE = 60;
const MAX_NAMES = 5;

/** What of these headers is nobody's business: each value whole, and what of it stands for somebody. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value, ...partsOf(name, value)]);
}

function partsOf(name: string, value: string): string[] {
  if (name === "cookie") return value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
  if (name !== "authorization") return [];
  const [scheme = "", credentials = ""] = value.split(/\s+/, 2);
  if (!/^basic$/i.test(scheme)) return [credentials];
  const pair = Buffer.from(credentials, "base64").toString("utf8");
  return [credentials, pair, pair.slice(pair.indexOf(":") + 1)];
}

/** The text without these secrets, also where they stand encoded: a server can repeat what it was given. */
export function withoutSecretsIn(text: string, secrets: readonly string[]): string {
  const written = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret)]);
  // The longest first: one may be a part of another.
  const hidden = written.filter(({ length }) => length >= MIN_SECRET_LENGTH).toSorted((a, b) => b.length - a.length);
  return hidden.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The text on one line, without what a terminal would obey, or show in another order. */
export const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** A few words of it, in quotes. */
export function quoted(text: string): string {
  const words = printable(text);
  return `"${words.length > MAX_QUOTE ? `${words.slice(0, MAX_QUOTE)}…` : words}"`;
}

/**
 * What a body is, as far as it tells who answered and no more: the title of a page, the names in an object but not what they hold, how a
 * text begins. `""` for what is empty.
 */
export function describeBody(text: string, type: string = ""): string {
  if (text.trim() === "") return "";
  if (/\bhtml\b/.test(type) || /^\s*<(!doctype|html)\b/i.test(text)) {
    const [, title = ""] = /<title[^>]*>([^<]*)/i.exec(text) ?? [];
    return printable(title) === "" ? "a page without a title" : `a page with the title ${quoted(title)}`;
  }
  if (/\bjson\b/.test(type) || /^\s*[{[]/.test(text)) return describeJson(text);
  return type === "" || type.startsWith("text/")
    ? `a text that begins with ${quoted(text)}`
    : `something of the type ${quoted(type)}`;
}

function describeJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "JSON that is no object";
    const names = Object.keys(value).slice(0, MAX_NAMES).map(quoted);
    return names.length === 0 ? "an empty object" : `an object with ${names.join(", ")}`;
  } catch {
    return "JSON that cannot be read";
  }
}
