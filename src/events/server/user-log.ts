import { TidingsError } from "../../protocol/error.ts";
import { escapedName } from "../../protocol/escaped-name.ts";
import { isChannelName } from "../../protocol/names.ts";

const USER = "user:";
/** Half a character, which has no bytes of its own. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The log of a user, whose id can be any text: `auth0|123`, an e-mail address. Two ids never have the same log.
 *
 * @throws TidingsError `bad_channel` for an id that is empty, no text, or too long
 */
export function logOfUser(userId: unknown): string {
  if (typeof userId !== "string" || userId === "" || LONE_SURROGATE.test(userId)) {
    const got = typeof userId === "string" ? JSON.stringify(userId) : userId === null ? "null" : typeof userId;
    throw new TidingsError("bad_channel", `a user's id is a text that is not empty; it got ${got.slice(0, 40)}.`);
  }
  const log = USER + escapedName(userId);
  if (isChannelName(log)) return log;
  throw new TidingsError(
    "bad_channel",
    `the user's id ${JSON.stringify(userId.slice(0, 20))}… is too long: 123 characters are the most, of which each that is not one of A-Z a-z 0-9 _ . : @ / = + - counts three times for each of its bytes. Use a shorter id, or a hash of this one, here and in \`identify\`.`,
  );
}
