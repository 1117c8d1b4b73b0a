import { handle, TidingsError, type HandleOptions } from "../index.ts";
import { translator } from "../dialects/translate.ts";
import { isResponse } from "../protocol/is-response.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { Admin } from "./admin.ts";
import { mayRead, sessionIn, type AdminSession } from "./auth.ts";
import { LIVE_DIALECT } from "./dialect.ts";
import { keepAlive } from "./keep-alive.ts";
import { isLiveChannel, MAX_LIVE_CHANNELS } from "./names.ts";

/** Options of {@link stream}: some of its own, and some of `handle`. */
export interface StreamOptions extends Pick<HandleOptions, "address" | "cors" | "limits" | "revalidateSecs"> {
  /** An idle stream says something at least so often, in milliseconds. @default 15000 */
  readonly heartbeatMs?: number | undefined;
}

const STREAM_OPTIONS: Readonly<Record<keyof StreamOptions, true>> = {
  address: true,
  cors: true,
  limits: true,
  revalidateSecs: true,
  heartbeatMs: true,
};
const sayLive = translator(LIVE_DIALECT);

/** So often the stream below says something by itself, or more often. */
const OWN_HEARTBEAT_MS = 15_000;
const LEAST_HEARTBEAT_MS = 100;

/** What the stream of an admin needs of it, whatever its resources are. */
export type StreamableAdmin = Pick<Admin, "auth" | "resources" | "publisher" | "realtime">;

/** Who asked, and which of the channels may be heard. */
interface Decision {
  readonly session: AdminSession;
  readonly admitted: ReadonlySet<string>;
}

const refusal = (status: number, error: string): Response => Response.json({ ok: false, error }, { status });

/**
 * The route of an admin: `export const GET = stream(admin)`, the same for every driver. It speaks two ways: that of PROTOCOL.md to the
 * hooks of `tidings/resources/client`, and `ready` and `message` to a plain `EventSource`. Who may hear what, `auth` of the admin says.
 *
 * @throws TidingsError `bad_option`
 */
export function stream(admin: StreamableAdmin, options: StreamOptions = {}): (request: Request) => Promise<Response> {
  if (typeof admin?.publisher?.publish !== "function")
    throw new TidingsError("bad_option", "`stream` takes what `defineAdmin` returns.");
  refuseUnknownOptions("`stream`", options, STREAM_OPTIONS);
  const { heartbeatMs = OWN_HEARTBEAT_MS, ...rest } = options;
  if (!(heartbeatMs >= LEAST_HEARTBEAT_MS))
    throw new TidingsError(
      "bad_option",
      `\`heartbeatMs\` of \`stream\` is a number of milliseconds, ${LEAST_HEARTBEAT_MS} or more.`,
    );

  let endpoint: ((request: Request) => Promise<Response>) | undefined;
  const decisions = new WeakMap<Request, Decision>();
  /** What the application's own functions are to see, where the request below is another one. */
  const originals = new WeakMap<Request, Request>();
  const { auth, resources } = admin;
  const ownsLogs = admin.publisher.ownsRealtime;

  async function decide(asked: Request, channels: readonly string[]): Promise<Decision | Response> {
    const request = originals.get(asked) ?? asked;
    const session = auth ? sessionIn(await auth.session(request)) : {};
    if (session === undefined) return refusal(401, "Unauthorized");
    if (isResponse(session)) return session;
    const heard = channels.filter(isLiveChannel).slice(0, MAX_LIVE_CHANNELS);
    const may = await Promise.all(heard.map((channel) => mayRead(channel, { auth, resources, session, request, ownsLogs })));
    return { session, admitted: new Set(heard.filter((_, index) => may[index])) };
  }

  /** Made at the first request, so that a build may evaluate the route. */
  function open(): (request: Request) => Promise<Response> {
    if (!auth && globalThis.process?.env?.["NODE_ENV"] === "production") {
      console.warn(
        "tidings: this admin has no `auth`, so whoever can reach its stream hears which rows change. Give `defineAdmin` an `auth: { session(request) { … } }`; for an admin that is public on purpose, one that returns `{}`.",
      );
    }
    return handle({
      ...rest,
      realtime: admin.realtime,
      async middleware({ request, channels }) {
        const decision = await decide(request, channels);
        if (!("admitted" in decision)) return decision;
        if (decision.admitted.size === 0) return refusal(403, "Forbidden");
        decisions.set(request, decision);
        return undefined;
      },
      identify: (request) => decisions.get(request)?.session.user ?? undefined,
      authorize: ({ request, channel }) => decisions.get(request)?.admitted.has(channel) === true,
    });
  }

  return async (request) => {
    // No fetch request, as Express gives: that says what it needs.
    if (typeof (request as Partial<Request> | undefined)?.headers?.get !== "function")
      return await (endpoint ??= open())(request);
    const url = new URL(request.url);
    const isOwn = url.searchParams.has("v");
    const asked = url.searchParams.getAll("channel").flatMap((names) => names.split(","));
    let inner = request;
    let channels = 0;
    if (!isOwn && request.method === "GET") {
      const kept = [...new Set(asked)].filter(isLiveChannel).slice(0, MAX_LIVE_CHANNELS);
      if (kept.length === 0) return refusal(400, "No channel");
      channels = kept.length;
      url.searchParams.delete("channel");
      for (const channel of kept) url.searchParams.append("channel", channel);
      inner = new Request(url, { headers: request.headers, signal: request.signal });
      originals.set(inner, request);
    }
    const response = await (endpoint ??= open())(inner);
    const said = isOwn ? response : sayLive(response, channels);
    return heartbeatMs < OWN_HEARTBEAT_MS ? withHeartbeats(said, heartbeatMs, isOwn ? ":\n\n" : LIVE_DIALECT.heartbeat) : said;
  };
}

function withHeartbeats(response: Response, everyMs: number, comment: string): Response {
  if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
  return new Response(keepAlive(response.body, { everyMs, comment }), { status: response.status, headers: response.headers });
}
