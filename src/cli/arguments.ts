/** Arguments that several commands take. */
import { redisNames } from "../brokers/redis/names.ts";
import { UsageError } from "./command.ts";

/** What `fetch` sends as the text of a header: printable characters of Latin-1, and tabs. */
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * A header, as `Name: text`.
 * @throws UsageError for one without a colon, whose text may be the secret that was meant, and for one that cannot be sent.
 */
export function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf(":");
  if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(text.slice(0, at)))
    throw new UsageError(`--header takes "Name: text", as in 'Authorization: Bearer …'.`);
  const name = text.slice(0, at).toLowerCase();
  const value = text.slice(at + 1).trim();
  if (!HEADER_TEXT.test(value))
    throw new UsageError(
      `--header ${name} holds a character that no header can: a line break, or one beyond U+00FF. Send it encoded, as servers expect it.`,
    );
  return [name, value];
}

/** @throws UsageError */
export function keyPrefixOf(prefix: string | undefined): string | undefined {
  try {
    if (prefix !== undefined) redisNames("", prefix, 0);
    return prefix;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError for what is there and empty, as a variable that is not set. */
export function refuseEmpty(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values))
    if (value === "") throw new UsageError(`--${name} is empty. Is the variable set that was to be put in?`);
}
