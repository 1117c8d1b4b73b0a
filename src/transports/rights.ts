import { DecisionTime } from "./decision-time.ts";
import type { Endpoint } from "./handle-options.ts";

/** What a request may have. */
export interface Rights {
  /** As `identify` named them. */
  readonly user?: string | undefined;
  /** Channels that `authorize` did not allow. */
  readonly refused: ReadonlySet<string>;
}

/** Who asks, as `identify` named them. */
type Visitor = Pick<Rights, "user">;

/** What they are asked about, and the time for their answers. */
interface Question {
  readonly request: Request;
  readonly channels: readonly string[];
  readonly time: DecisionTime;
}

/** The time for one request. */
export function timeToDecide({ realtime, limits }: Endpoint): DecisionTime {
  return new DecisionTime(realtime.clock, limits.decideSecs * 1_000);
}

/**
 * Asks middleware and `identify`.
 *
 * @returns the Response of middleware, if it gave one
 * @throws Unanswered, and whatever they throw
 */
export async function askWho(
  { middleware, identify }: Endpoint,
  { request, channels, time }: Question,
): Promise<Visitor | Response> {
  const answer: unknown = await time.answerOf("middleware", middleware?.({ request, channels: [...channels] }));
  if (isResponse(answer)) return answer;
  // Closed by default: an answer that is neither a Response nor nothing is a mistake, and must not let anyone in.
  if (answer !== undefined)
    throw new TypeError(`middleware returned ${typeof answer}: return a Response to refuse, or nothing to admit.`);
  const user: unknown = await time.answerOf("identify", identify?.(request));
  // A number or a row of a table would be another name in each count, and `disconnect` would never find it.
  if (user !== undefined && typeof user !== "string")
    throw new TypeError(
      `identify returned ${user === null ? "null" : typeof user}: return a string, or nothing (undefined) for who is nobody.`,
    );
  return { user };
}

/** Asks `authorize` for each channel. @returns those that it did not allow. @throws Unanswered, and whatever it throws */
export async function askAuthorize(
  { authorize }: Endpoint,
  { request, user, channels, time }: Question & Visitor,
): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  if (!authorize) return refused;
  for (const channel of channels) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other: it may ask a database
    if ((await time.answerOf("authorize", authorize({ request, channel, user }))) !== true) refused.add(channel);
  }
  return refused;
}

/**
 * Asks all three again.
 *
 * @param channels those of the request, and those of them that `authorize` is asked about
 * @returns the Response of middleware, if it gave one
 * @throws Unanswered, and whatever they throw
 */
export async function askRights(
  endpoint: Endpoint,
  request: Request,
  { channels, inQuestion }: { readonly channels: readonly string[]; readonly inQuestion: readonly string[] },
): Promise<Rights | Response> {
  const time = timeToDecide(endpoint);
  const visitor = await askWho(endpoint, { request, channels, time });
  if (isResponse(visitor)) return visitor;
  return { ...visitor, refused: await askAuthorize(endpoint, { ...visitor, request, channels: inQuestion, time }) };
}

/** Also a Response of another realm or polyfill. */
export function isResponse(value: unknown): value is Response {
  return (
    typeof value === "object" &&
    value !== null &&
    "status" in value &&
    "headers" in value &&
    typeof (value as Response).arrayBuffer === "function"
  );
}
