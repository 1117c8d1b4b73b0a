import { systemClock } from "../protocol/clock.ts";
import { TidingsError } from "../protocol/error.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { inProduction } from "../realtime/in-production.ts";
import { internalsOf, type RealtimeInternals } from "../realtime/internals.ts";
import { isNewAdvice } from "../realtime/registry.ts";
import { createCors, type CorsHeaders, type CorsOptions } from "./cors.ts";
import { checkLimits, type HandleLimits, type Limits } from "./handle-limits.ts";
import { Headcount } from "./headcount.ts";
import { Revalidation } from "./revalidation.ts";
import { Silence } from "./silence.ts";

/** What middleware gets to see. */
export interface MiddlewareContext {
  /** The request that asks for a stream. */
  readonly request: Request;
  /** The channels that it asks for, each once; `["default"]` when it names none. */
  readonly channels: string[];
}

/** What `authorize` gets to see, once per channel. */
export interface AuthorizeContext {
  readonly request: Request;
  readonly channel: string;
  /** What `identify` returned. */
  readonly user?: string | undefined;
}

/** Options of `handle`, for every transport. */
export interface HandleOptions {
  /** The `Realtime` whose channels this endpoint serves. */
  readonly realtime: object;
  /**
   * Runs before any stream or broker access. A returned `Response` is the answer, as it is; nothing admits the request. If it
   * throws, the request is refused with status 500 and the error is logged; one that gives no answer within `limits.decideSecs` is, with 504.
   */
  middleware?: ((context: MiddlewareContext) => Response | void | Promise<Response | void>) | undefined;
  /** Names the user behind a request, from a cookie or a header: never from the query. */
  identify?: ((request: Request) => string | undefined | Promise<string | undefined>) | undefined;
  /**
   * Whether this user may read this channel. Asked for each channel of a request. A refused channel is told to the client by a
   * `problem` frame while the others flow; when none is left the answer is 403.
   */
  authorize?: ((context: AuthorizeContext) => boolean | Promise<boolean>) | undefined;
  /**
   * The address behind a request, to count streams by (`limits.maxStreamsPerAddress`): a header that your own proxy sets, never one that
   * a visitor could send. `undefined` is not counted. @default none is counted
   */
  address?: ((request: Request) => string | undefined) | undefined;
  /**
   * Seconds after which `middleware`, `identify` and `authorize` are asked again about each open stream, with its request. A channel
   * to which the right was lost ends with a `problem`, while the others flow; the stream ends when none is left, when the user is
   * another one, or when middleware returns a `Response`. One that throws or gives no answer twice in a row ends it, too. A
   * page waits no longer than this, and the next one is decided. @default never
   */
  readonly revalidateSecs?: number | undefined;
  /** Which other origins may read. @default none */
  readonly cors?: CorsOptions | undefined;
  /** How much may be asked for and kept. */
  readonly limits?: HandleLimits | undefined;
}

/** {@link HandleOptions} after they were checked. */
export interface Endpoint {
  readonly realtime: RealtimeInternals;
  readonly middleware: HandleOptions["middleware"];
  readonly identify: HandleOptions["identify"];
  readonly authorize: HandleOptions["authorize"];
  /** Whether somebody decides who may read. */
  readonly isGuarded: boolean;
  readonly revalidation: Revalidation | undefined;
  /** Of those who decide at the door. */
  readonly silence: Silence;
  readonly corsEnabled: boolean;
  readonly corsHeaders: CorsHeaders;
  readonly limits: Limits;
  /** Names the address behind a request; `"socket"` where that of the connection counts. */
  readonly address: HandleOptions["address"] | "socket";
  /** Who has a stream or page, or asks for one just now. */
  readonly users: Headcount;
  readonly addresses: Headcount;
}

const HANDLE_OPTIONS: Readonly<Record<keyof HandleOptions, true>> = {
  realtime: true,
  middleware: true,
  identify: true,
  authorize: true,
  address: true,
  revalidateSecs: true,
  cors: true,
  limits: true,
};

/**
 * @param knowsSocket whether the transport knows the connection that a request came on.
 * @throws TidingsError `bad_option`, naming the option.
 */
export function checkHandleOptions(
  options: Omit<HandleOptions, "address"> & { readonly address?: Endpoint["address"] },
  knowsSocket = false,
): Endpoint {
  const realtime = internalsOf((options as HandleOptions | undefined)?.realtime);
  if (!realtime) {
    throw new TidingsError(
      "bad_option",
      "`handle` takes `{ realtime }`, an instance made with `new Realtime(…)`. Did you pass the instance itself, or forget to export it?",
    );
  }
  refuseUnknownOptions("`handle`", options, HANDLE_OPTIONS);
  for (const name of ["middleware", "identify", "authorize"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") {
      throw new TidingsError("bad_option", `\`${name}\` of \`handle\` is a function; it got ${typeof options[name]}.`);
    }
  }
  if (realtime.sharesKeys && !options.authorize && !options.middleware) {
    throw new TidingsError(
      "bad_option",
      "`handle` needs `authorize` or `middleware` for a `Realtime` with `interop`: there the name of a channel is a whole key of Redis, and whoever can reach the route could name any of them. Pass `authorize: ({ channel }) => …` that is true for the channels that you serve, or the `middleware` that you have, if it looks at `channels`.",
    );
  }
  const { address } = options;
  if (address === "socket" && !knowsSocket) {
    throw new TidingsError(
      "bad_option",
      '`address: "socket"` is for `handle` of `tidings/node`: a fetch `Request` does not know its connection. Pass a function that reads the header in which your platform or proxy says it.',
    );
  }
  if (address !== undefined && address !== "socket" && typeof address !== "function")
    throw new TidingsError("bad_option", `\`address\` of \`handle\` is a function; it got ${typeof address}.`);
  const limits = checkLimits(options.limits, {
    identify: options.identify !== undefined,
    address: address !== undefined,
  });
  const isGuarded = Boolean(options.middleware ?? options.identify ?? options.authorize);
  if (!isGuarded && inProduction() && isNewAdvice("unguarded")) {
    realtime.logger.warn(
      "tidings: nobody guards this endpoint. `handle` has no `authorize`, `identify` or `middleware`, so whoever can reach the route can read every channel, and all that its log holds. Pass `authorize: ({ request, channel }) => …`; for an endpoint that is public on purpose, `authorize: () => true`.",
    );
  }
  return {
    realtime,
    middleware: options.middleware,
    identify: options.identify,
    authorize: options.authorize,
    isGuarded,
    revalidation: createRevalidation(options.revalidateSecs, isGuarded, realtime),
    silence: new Silence(realtime.logger),
    corsEnabled: options.cors !== undefined,
    corsHeaders: createCors(options.cors),
    limits,
    address,
    users: new Headcount(limits.maxStreamsPerUser, systemClock),
    addresses: new Headcount(limits.maxStreamsPerAddress, systemClock),
  };
}

/** @throws TidingsError `bad_option` */
function createRevalidation(
  secs: number | undefined,
  isGuarded: boolean,
  { clock, logger }: RealtimeInternals,
): Revalidation | undefined {
  if (secs === undefined) return undefined;
  if (typeof secs !== "number" || !(secs > 0)) {
    throw new TidingsError(
      "bad_option",
      `\`revalidateSecs\` of \`handle\` takes a number of seconds above 0; it got ${String(secs)}. Leave it out for never.`,
    );
  }
  if (!isGuarded) {
    throw new TidingsError(
      "bad_option",
      "`revalidateSecs` of `handle` asks `middleware`, `identify` and `authorize` again, and there is none of them. Pass the one that decides who may read.",
    );
  }
  return secs === Number.POSITIVE_INFINITY ? undefined : new Revalidation({ clock, logger, intervalMs: secs * 1_000 });
}
