/** Arguments that several commands take. */
import { redisNames } from "../brokers/redis/names.ts";
import { UsageError } from "./command.ts";

/**
 * A header, as `Name: text`.
 * @throws UsageError for one without a colon, whose text may be the secret that was meant.
 */
export function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf(":");
  if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(text.slice(0, at)))
    throw new UsageError(`--header takes "Name: text", as in 'Authorization: Bearer …'.`);
  return [text.slice(0, at).toLowerCase(), text.slice(at + 1).trim()];
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
