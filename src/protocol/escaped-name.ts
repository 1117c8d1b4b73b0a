/** What the grammar of channels lacks, and the sign by which that is escaped. */
const ESCAPED = /[^A-Za-z0-9_.:@/=+-]/gu;

const utf8 = new TextEncoder();

/** A text as part of a channel's name: what the grammar lacks is a `~` and two hex digits for each of its bytes. Two texts never become one, unless they hold half a character, which has no bytes of its own. */
export function escapedName(text: string): string {
  return text.replace(ESCAPED, (character) =>
    Array.from(utf8.encode(character), (byte) => `~${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

/** The text that {@link escapedName} made `name` of; nothing, if it made it of none. */
export function unescapedName(name: string): string | undefined {
  try {
    const text = decodeURIComponent(name.replaceAll("%", "~25").replaceAll("~", "%"));
    return escapedName(text) === name ? text : undefined;
  } catch {
    return undefined;
  }
}
