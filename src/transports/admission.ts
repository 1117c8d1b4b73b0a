import type { ChannelRequest } from "../hub/hub.ts";
import type { SessionOwner, StreamSession } from "../hub/stream-session.ts";
import { isTidingsError } from "../protocol/error.ts";
import { TOO_MANY_RETRY_SECS, UNDECIDED_RETRY_SECS } from "../protocol/limits.ts";
import { preflight } from "./cors.ts";
import { Unanswered } from "./decision-time.ts";
import type { Limits } from "./handle-limits.ts";
import type { Endpoint } from "./handle-options.ts";
import type { Headcount } from "./headcount.ts";
import { networkOf } from "./network-address.ts";
import { Refusal } from "./refusal.ts";
import { askAuthorize, askRights, askWho, isResponse, timeToDecide } from "./rights.ts";
import { parseStreamRequest, type StreamRequest } from "./stream-request.ts";

/** A request as its transport saw it. */
export interface IncomingStreamRequest {
  readonly method: string;
  readonly url: string;
  header(name: string): string | null | undefined;
  /** Of the connection, where the transport knows it. */
  readonly socketAddress?: string | undefined;
  /** The request as users' functions see it, made only when one of them asks. */
  toRequest(): Request;
}

/** What middleware, `identify` and `authorize` made of a request. */
interface Decided extends StreamRequest {
  readonly user?: string | undefined;
  /** How often `disconnect` had been carried out when they were asked. */
  readonly decidedAt?: number | undefined;
}

/** Where a request is counted, from before anybody was asked about it until its stream or page has ended. */
export interface Place {
  /** Frees it. Safe to call twice. */
  leave(): void;
}

/** A request that may have its stream or page. */
export interface Admitted extends Decided {
  /** Of a stream. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those of them that any answer gets. */
  readonly cors: Readonly<Record<string, string>>;
  readonly limits: Limits;
  /** To be freed by who opens the stream or page, when that ends or is never opened. */
  readonly place: Place;
  readonly isGuarded: boolean;
  /** Of a stream whose rights are asked for again. */
  readonly watcher?: SessionOwner<StreamSession> | undefined;
}

/** A decision that `disconnect` has overtaken is made again, so often at most. */
const MAX_DECISIONS = 5;

const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

const CLOSING = "This server is about to end. Ask again in a moment: another one will answer.";

/**
 * The answer of a server that is closing to an `EventSource`: a stream that ends at once. An `EventSource` comes back after that, and by then meets
 * the next server; a status that says "not now" would end it for good.
 */
class EndedStream extends Refusal {
  constructor() {
    super("closing", CLOSING);
  }

  override toResponse(): Response {
    return new Response("retry: 1000\n:\n\n", { headers: STREAM_HEADERS });
  }
}

/** The same for who asked for a page, and would ask for the next one at once. */
export function closingPage(): Refusal {
  return new Refusal("closing", CLOSING, { "retry-after": "1" });
}

/**
 * A client of the protocol comes back after any 503, and a proxy that knows another server asks that one before the client hears of it
 * (nginx: `proxy_next_upstream http_503`): that is why it is not given a stream that ends. It has no `Retry-After`: the client still has
 * its old stream, and its own first attempts come sooner than a second.
 */
function turnAway({ waitMs, keepsCursors }: StreamRequest): Refusal {
  if (waitMs !== undefined) return closingPage();
  return keepsCursors ? new Refusal("closing", CLOSING) : new EndedStream();
}

/** Everything between a request and its stream or page: syntax, limits, middleware, rights. Never rejects. */
export async function admit(endpoint: Endpoint, incoming: IncomingStreamRequest): Promise<Admitted | Response> {
  const cors = endpoint.corsHeaders(incoming.header("origin"));
  if (endpoint.corsEnabled && incoming.method === "OPTIONS")
    return preflight(cors, incoming.header("access-control-request-headers"));
  const place = new CountedPlace();
  const outcome = await decide(endpoint, incoming, place);
  if (!(outcome instanceof Refusal) && !isResponse(outcome)) {
    const watcher = outcome.waitMs === undefined ? watch(endpoint, incoming, outcome) : undefined;
    const { isGuarded, limits } = endpoint;
    return { ...outcome, headers: { ...STREAM_HEADERS, ...cors }, cors, isGuarded, limits, place, watcher };
  }
  place.leave();
  if (outcome instanceof Refusal) return withHeaders(answerRefusal(endpoint, outcome), cors);
  try {
    assertSendable(outcome);
    endpoint.realtime.refused("middleware");
    return withHeaders(outcome, cors);
  } catch (error) {
    return withHeaders(refuseFailed(endpoint, error), cors);
  }
}

/** Holds the request for as long as its stream lives, to ask about it again. */
function watch(
  endpoint: Endpoint,
  incoming: IncomingStreamRequest,
  { channels: asked, user }: Decided,
): SessionOwner<StreamSession> | undefined {
  const channels = asked.map(({ channel }) => channel);
  return endpoint.revalidation?.watcherOf({
    user,
    channels: asked.filter(({ refused }) => !refused).map(({ channel }) => channel),
    askAgain: (inQuestion) => askRights(endpoint, incoming.toRequest(), { channels, inQuestion }),
  });
}

/** @throws TypeError for a Response of middleware that HTTP cannot carry, or not any more. */
function assertSendable(response: Response): void {
  if (response.status < 200) {
    throw new TypeError(
      `middleware returned a Response of status ${response.status}, as \`Response.error()\` has, which is no answer: return one with a status from 200 to 599.`,
    );
  }
  if (response.bodyUsed || response.body?.locked) {
    throw new TypeError("middleware returned a Response that was sent before: make a new one for each request.");
  }
}

class CountedPlace implements Place {
  readonly #leaves: Array<() => void> = [];

  /** @returns whether there is room. */
  take(counted: Headcount, name: string): boolean {
    const leave = counted.enter(name);
    if (leave) this.#leaves.push(leave);
    return leave !== undefined;
  }

  leave(): void {
    for (const leave of this.#leaves.splice(0)) leave();
  }
}

/** The address that a request counts for, if any. @throws what the user's function throws */
function addressOf({ address }: Endpoint, incoming: IncomingStreamRequest): string | undefined {
  const named: unknown = address === "socket" ? incoming.socketAddress : address?.(incoming.toRequest());
  if (named !== undefined && typeof named !== "string")
    throw new TypeError(`address returned ${typeof named}: return a string, or nothing for who is not to be counted.`);
  return named === undefined ? undefined : networkOf(named);
}

function tooMany(whose: string, { max }: Headcount): Refusal {
  return new Refusal("too_many_streams", `The limit of ${max} open streams ${whose} is reached. Close some, or wait.`, {
    "retry-after": String(TOO_MANY_RETRY_SECS),
  });
}

async function decide(
  endpoint: Endpoint,
  incoming: IncomingStreamRequest,
  place: CountedPlace,
): Promise<Decided | Refusal | Response> {
  // No client sends a fragment, and middleware that reads the URL sees nothing behind its sign: nor must we.
  const [url] = incoming.url.split("#", 1) as [string];
  const parsed = parseStreamRequest(
    { method: incoming.method, url, lastEventId: incoming.header("last-event-id"), accept: incoming.header("accept") },
    endpoint.limits,
  );
  if (parsed instanceof Refusal) return parsed;
  const { realtime } = endpoint;
  if (realtime.isDraining()) return turnAway(parsed);
  const channels = parsed.channels.map(({ channel }) => channel);
  try {
    // Before anybody is asked: a flood from one address must not reach the database of sessions.
    const address = addressOf(endpoint, incoming);
    if (address !== undefined && !place.take(endpoint.addresses, address))
      return tooMany("from this address", endpoint.addresses);
    if (!endpoint.isGuarded) return parsed;
    let counted: string | undefined;
    const time = timeToDecide(endpoint);
    for (let round = 0; round < MAX_DECISIONS; round++) {
      const since = realtime.disconnects();
      const request = incoming.toRequest();
      // oxlint-disable-next-line no-await-in-loop -- asked again only if the answer was outdated when it came
      const visitor = await askWho(endpoint, { request, channels, time });
      if (isResponse(visitor)) {
        endpoint.silence.broken();
        return visitor;
      }
      const { user } = visitor;
      // Before `authorize` is: the same for one user.
      if (user !== undefined && user !== counted && !place.take(endpoint.users, user))
        return tooMany("of this user", endpoint.users);
      counted = user;
      // oxlint-disable-next-line no-await-in-loop -- as above
      const refused = await askAuthorize(endpoint, { request, user, channels, time });
      endpoint.silence.broken();
      if (realtime.wasDisconnected(since, user, channels)) continue;
      if (channels.every((channel) => refused.has(channel)))
        return new Refusal("forbidden", "You may not read any of these channels.");
      return { ...parsed, channels: parsed.channels.map((asked) => refuse(asked, refused)), user, decidedAt: since };
    }
    throw new Error(`\`disconnect\` was called for this request ${MAX_DECISIONS} times while it was decided.`);
  } catch (error) {
    if (error instanceof Unanswered) {
      endpoint.silence.began(error);
      // Not 503: a proxy would ask the next server, and that one the same database.
      return new Refusal("undecided", "The server has not decided about this request in time. Ask again later.", {
        "retry-after": String(UNDECIDED_RETRY_SECS),
      });
    }
    realtime.logger.error("tidings: a request was refused, because address, middleware, identify or authorize threw.", error);
    return new Refusal("internal", "The server could not decide about this request.");
  }
}

/** What `open` returns; if it throws, nobody has the place. */
export function opened<S>(place: Place, open: () => S): S {
  try {
    return open();
  } catch (error) {
    place.leave();
    throw error;
  }
}

function refuse(asked: ChannelRequest, refused: ReadonlySet<string>): ChannelRequest {
  return refused.has(asked.channel) ? { ...asked, refused: "forbidden" } : asked;
}

/** The answer to a request whose stream could not be opened, or to which nothing could be sent. Says no word of the reason. */
export function refuseFailed(endpoint: Endpoint, error: unknown): Response {
  // It closed while middleware was asked.
  if (isTidingsError(error) && error.code === "closed") return answerRefusal(endpoint, new EndedStream());
  endpoint.realtime.logger.error("tidings: a request could not be answered.", error);
  return answerRefusal(endpoint, new Refusal("internal", "The server could not answer this request."));
}

/** Says no, and counts it. */
export function answerRefusal({ realtime }: Endpoint, refusal: Refusal): Response {
  realtime.refused(refusal.code);
  return refusal.toResponse();
}

/** The response with headers more; where they are lists, what it has of its own stays. */
export function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  if (Object.keys(headers).length === 0) return response;
  const merged = new Headers(response.headers);
  for (const [name, value] of Object.entries(headers)) {
    if (name === "access-control-expose-headers") merged.append(name, value);
    else if (name !== "vary") merged.set(name, value);
    else if (!varies(merged.get(name), value)) merged.append(name, value);
  }
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers: merged });
}

/** Whether a `Vary` header names a request header already. */
function varies(vary: string | null, header: string): boolean {
  const named = (vary ?? "").split(",").map((name) => name.trim().toLowerCase());
  return named.includes("*") || named.includes(header.toLowerCase());
}
