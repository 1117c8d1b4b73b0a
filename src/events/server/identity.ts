import { isResponse } from "../../protocol/is-response.ts";

/**
 * Who asks: the user's id, alone or in an object; a Response to refuse the request with; nothing for who is nobody, which is refused
 * with 401.
 */
export type Identity = string | { readonly userId: string | null | undefined } | Response | null | undefined;

/** @throws TypeError for an answer that names nobody and refuses nobody */
export function userIn(answer: Identity): string | Response | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (isResponse(answer)) return answer;
  const user: unknown = typeof answer === "object" ? answer.userId : answer;
  if (user === undefined || user === null) return undefined;
  if (typeof user === "string" && user !== "") return user;
  throw new TypeError(
    `identify returned ${user === "" ? "an empty user id" : `a user id that is a ${typeof user}`}: return { userId }, the id alone as a string, a Response, or nothing for who is nobody.`,
  );
}
