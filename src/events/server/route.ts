import { handle, type HandleOptions, type Realtime } from "../../index.ts";
import { translator } from "../../dialects/translate.ts";
import { systemClock } from "../../protocol/clock.ts";
import { inTime } from "../../protocol/in-time.ts";
import { DECIDE_SECS, MAX_URL_BYTES, UNDECIDED_RETRY_SECS } from "../../protocol/limits.ts";
import { channelOf, GLOBAL, OWN } from "../logs.ts";
import { readAsked, refuse, type Asked } from "./asked.ts";
import { userIn, type Identity } from "./identity.ts";
import { PLAIN_DIALECT } from "./plain-dialect.ts";
import { renameLog } from "./rename-log.ts";
import { logOfUser } from "./user-log.ts";

/** Who may read what, and how much. */
export interface RouteOptions extends Pick<HandleOptions, "revalidateSecs" | "cors" | "limits"> {
  /**
   * Names the user behind a request, by a cookie or a header: never by the query. Asked twice for each new stream: first whose events
   * are wanted, and then, as everything that decides, after `disconnect` can no longer come in between. Has `limits.decideSecs` the
   * first time, and a second time together with `authorize`; the first time comes before `limits.maxStreamsPerAddress` refuses.
   */
  identify(request: Request): Identity | Promise<Identity>;
  /**
   * Whether this user may read this channel. A refused one is told to the page by a `problem`, while the others flow. Everybody
   * reads their own events and `broadcast`, without being asked about. @default no channel may be read
   */
  authorize?: ((user: string, channel: string, request: Request) => boolean | Promise<boolean>) | undefined;
  /** The address behind a request, as for `handle`: to count streams by. @default none is counted */
  address?: ((request: Request) => string | undefined) | undefined;
}

/** In place of an answer that did not come in time. */
const LATE = new Error("late");

const sayPlain = translator(PLAIN_DIALECT);

/** What was found out about a request before it was handed on. */
interface Plan {
  /** The request as it came, which users' functions see. Kept, for Node aborts its signal only for as long as somebody holds it. */
  readonly request: Request;
  /** Answers in place of everything else; may reject, for `handle` to report. */
  readonly refusal?: () => Response | Promise<never>;
  readonly user?: string;
  readonly ownLog?: string;
}

/** The endpoint: a request for users and channels, made one for their logs. */
export function createRoute(realtime: Realtime, options: RouteOptions): (request: Request) => Promise<Response> {
  const { revalidateSecs, cors, limits } = options;
  const plans = new WeakMap<Request, Plan>();
  const planOf = (request: Request): Plan => plans.get(request) as Plan;
  const maxUrlBytes = limits?.maxUrlBytes ?? MAX_URL_BYTES;
  const decideSecs = limits?.decideSecs ?? DECIDE_SECS;
  let hasAdvised = false;
  /** Whether it was said that `identify` gives no answer. */
  let isSilent = false;

  const endpoint = handle({
    realtime,
    revalidateSecs,
    cors,
    // That of the request as it came is checked before.
    limits: { ...limits, maxUrlBytes: Infinity },
    address: options.address && ((request) => options.address?.(planOf(request).request)),
    async middleware({ request }) {
      const plan = planOf(request);
      if (plan.refusal) return plan.refusal();
      const user = userIn(await options.identify(plan.request));
      if (user === undefined) return nobody();
      if (typeof user !== "string") return user;
      // Another session: these are not its logs. A browser that comes back gets its own.
      return user === plan.user ? undefined : refuse("internal", "The user has changed. Ask again.");
    },
    identify: (request) => planOf(request).user,
    async authorize({ request, channel: log, user = "" }) {
      const plan = planOf(request);
      const channel = channelOf(log);
      if (channel === undefined) return log === plan.ownLog;
      if (channel === GLOBAL) return true;
      if (options.authorize) return options.authorize(user, channel, plan.request);
      advise(channel);
      return false;
    },
  });

  /** Says once why nothing comes of a channel. */
  function advise(channel: string): void {
    if (hasAdvised) return;
    hasAdvised = true;
    console.warn(
      `tidings: channel ${JSON.stringify(channel)} was asked for and refused: \`createEvents\` has no \`authorize\`, so nobody may read any channel. Pass \`authorize: (user, channel) => …\`; \`authorize: () => true\` if every user may read every channel.`,
    );
  }

  /** @returns a Response that refuses: also where there is no answer in time, for `handle` cannot be asked before the logs are known */
  async function whoAsks(request: Request): Promise<string | Response> {
    const limit = { clock: systemClock, limitMs: decideSecs * 1_000, late: () => LATE };
    try {
      const answer = await inTime(options.identify(request), limit);
      isSilent = false;
      return userIn(answer) ?? nobody();
    } catch (error) {
      if (error !== LATE) throw error;
    }
    if (!isSilent) {
      console.error(
        `tidings: a request for events was refused (504 \`undecided\`), because \`identify\` gave no answer within ${decideSecs} s (\`limits.decideSecs\`); its client asks again. Look at what it waits for, as a rule a database. This is said once until it answers again.`,
      );
    }
    isSilent = true;
    return refuse("undecided", "The server has not decided about this request in time. Ask again later.", {
      "retry-after": String(UNDECIDED_RETRY_SECS),
    });
  }

  function handOn(plan: Plan, query: string): Promise<Response> {
    const { url, method, signal } = plan.request;
    const headers = new Headers(plan.request.headers);
    // Has a place in each log that was asked for: of the one that stands for a refusal it would be malformed.
    if (plan.refusal) headers.delete("last-event-id");
    const [path = ""] = url.split(/[?#]/, 1);
    const request = new Request(`${path}?${query}`, { method, headers, signal });
    plans.set(request, plan);
    return endpoint(request);
  }

  /** By `handle`, so that pages of other origins may read it. */
  const refuseWith = (request: Request, refusal: Plan["refusal"] & {}): Promise<Response> =>
    handOn({ request, refusal }, `channel=${OWN}`);

  return async (request) => {
    // No fetch request, as Express gives: that says what it needs.
    if (typeof (request as Partial<Request> | undefined)?.headers?.get !== "function") return endpoint(request);
    const asked = readAsked(request.url, maxUrlBytes);
    // Neither a stream nor a page: a question of a browser, or a mistake. Nobody is asked.
    if (request.method !== "GET") return handOn({ request }, `channel=${OWN}`);
    if (asked instanceof Response) return refuseWith(request, () => asked);
    const { live, draining } = realtime.health();
    // It will turn this one away: nobody is asked.
    if (!live || draining) return answer({ request, ownLog: OWN }, asked);
    let user: string | Response;
    let ownLog: string;
    try {
      user = await whoAsks(request);
      if (typeof user !== "string") return await refuseWith(request, () => user as Response);
      ownLog = logOfUser(user);
    } catch (error) {
      return refuseWith(request, () => Promise.reject(error));
    }
    // The page may name its user, and be wrong. It never chooses.
    if (asked.users.some((named) => named !== user))
      return refuseWith(request, () => refuse("forbidden", "`userId` is not the user of this session."));
    return answer({ request, user, ownLog }, asked);
  };

  async function answer(plan: Plan & { readonly ownLog: string }, { isOurs, logs, rest }: Asked): Promise<Response> {
    const names = logs.map((log) => (log === OWN ? plan.ownLog : log));
    const query = [`channel=${names.map(encodeURIComponent).join(",")}`, String(rest)].filter(Boolean).join("&");
    if (isOurs) {
      const response = await handOn(plan, query);
      return logs.includes(OWN) ? renameLog(response, plan.ownLog, OWN) : response;
    }
    return sayPlain(await handOn(plan, query), names.length);
  }
}

function nobody(): Response {
  return refuse("unauthorized", "Nobody is signed in.");
}
