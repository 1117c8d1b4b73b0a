import { TidingsError } from "../../../protocol/error.ts";
import type { RedisSource } from "../transport.ts";
import type { EndpointOptions } from "./endpoint.ts";
import { createRestTransport } from "./transport.ts";

/** What tidings needs of an `@upstash/redis` client (1.34 or later). Its types are not imported: the package is optional. */
export interface UpstashRedisLike {
  readonly readYourWritesSyncToken: string | undefined;
  createScript(script: string): unknown;
  pipeline(): unknown;
}

/** What such a client sends its requests with: not in its types, and the same in all its versions and for all its platforms. */
interface Requester {
  request(command: { readonly body: readonly string[] }): Promise<{ readonly result?: unknown }>;
  readonly baseUrl?: unknown;
  readonly headers?: { readonly authorization?: unknown };
  readonly readYourWrites?: unknown;
  readonly options?: {
    readonly cache?: RequestCache | undefined;
    readonly keepAlive?: boolean | undefined;
    readonly agent?: unknown;
    readonly backend?: unknown;
  };
}

/** Whether a value is an `@upstash/redis` client, for whichever platform. */
export function isUpstashRedis(value: unknown): value is UpstashRedisLike {
  if (typeof value !== "object" || value === null || !("readYourWritesSyncToken" in value)) return false;
  const { createScript, pipeline } = value as Partial<Record<keyof UpstashRedisLike, unknown>>;
  return typeof createScript === "function" && typeof pipeline === "function" && requesterOf(value) !== undefined;
}

/**
 * A way to Redis over the REST service of Upstash. Of the client only its URL, its token and what it tells `fetch` are used, never the
 * client itself: its own retries could store an event twice.
 *
 * Made and tested against a stand-in that speaks the same protocol; not yet run against the service itself.
 * @throws TidingsError `bad_option` for a client that was made with a `Requester` of the user's own
 */
export function createUpstashSource(client: UpstashRedisLike): RedisSource {
  const { baseUrl, headers, readYourWrites, options = {} } = requesterOf(client) ?? {};
  const authorization = headers?.authorization;
  if (typeof baseUrl !== "string" || typeof authorization !== "string") {
    throw new TidingsError(
      "bad_option",
      "the @upstash/redis client was made with a `Requester` of your own, which tidings cannot use. Pass `Redis.fromEnv()` or `new Redis({ url, token })`.",
    );
  }
  const { cache, keepAlive, agent, backend } = options;
  return restSource({
    url: baseUrl,
    authorization,
    readsOwnWrites: readYourWrites !== false,
    // As the client does. Its `signal` is for its own calls, and its `retry` must not be for ours.
    init: {
      ...(cache !== undefined && { cache }),
      ...(keepAlive === false && { keepalive: false }),
      ...(agent !== undefined && { agent }),
      ...(backend !== undefined && { backend }),
    },
  });
}

/** The same without a client, for who has the URL and the token and not the package. */
export function createUpstashSourceFor(url: string, token: string): RedisSource {
  return restSource({
    url: url.endsWith("/") ? url.slice(0, -1) : url,
    authorization: `Bearer ${token}`,
    readsOwnWrites: true,
    init: {},
  });
}

function restSource(endpoint: EndpointOptions): RedisSource {
  const address = addressOf(endpoint.url);
  return {
    identity: `upstash:${address}`,
    address,
    password: endpoint.authorization,
    keyPrefix: "",
    db: 0,
    isCluster: false,
    isRest: true,
    open: (context) => createRestTransport(context, address, endpoint),
  };
}

/** Sends a command with the user's own client, which decides about retries. */
export async function sendUpstash(client: UpstashRedisLike, command: readonly string[]): Promise<unknown> {
  const answer = await requesterOf(client)?.request({ body: command });
  return answer?.result;
}

function requesterOf(client: object): Requester | undefined {
  if (!("client" in client) || typeof client.client !== "object" || client.client === null) return undefined;
  return "request" in client.client ? (client.client as Requester) : undefined;
}

/** The host and the path: no token, and no password that someone put into the URL. */
function addressOf(url: string): string {
  if (!URL.canParse(url)) return "(no URL)";
  const { host, pathname } = new URL(url);
  return host + pathname.replace(/\/$/, "");
}
