import type { Endpoint } from "./handle-options.ts";

/** What a request may have. */
export interface Rights {
  /** As `identify` named them. */
  readonly user?: string | undefined;
  /** Channels that `authorize` did not allow. */
  readonly refused: ReadonlySet<string>;
}

/**
 * Asks middleware, `identify` and, for each channel, `authorize`.
 *
 * @param channels those that are asked for, and those of them that `authorize` is asked about
 * @returns the Response of middleware, if it gave one
 * @throws whatever they throw
 */
export async function askRights(
  { middleware, identify, authorize }: Endpoint,
  request: Request,
  { channels, inQuestion = channels }: { readonly channels: readonly string[]; readonly inQuestion?: readonly string[] },
): Promise<Rights | Response> {
  const answer: unknown = await middleware?.({ request, channels: [...channels] });
  if (isResponse(answer)) return answer;
  // Closed by default: an answer that is neither a Response nor nothing is a mistake, and must not let anyone in.
  if (answer !== undefined)
    throw new TypeError(`middleware returned ${typeof answer}: return a Response to refuse, or nothing to admit.`);
  const user = await identify?.(request);
  const refused = new Set<string>();
  if (authorize) {
    for (const channel of inQuestion) {
      if ((await authorize({ request, channel, user })) !== true) refused.add(channel);
    }
  }
  return { user, refused };
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
