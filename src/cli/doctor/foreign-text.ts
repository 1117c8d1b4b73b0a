/** Text that somebody else wrote: it is shown on the operator's terminal, and finds its way into tickets and logs. */

const MAX_QUOTE = 60;
const MAX_NAMES = 5;

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
