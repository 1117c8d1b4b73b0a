import { TidingsError } from "../index.ts";
import { isResponse } from "../protocol/is-response.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { resourceOf } from "./names.ts";
import type { Resource } from "./resource.ts";

/** Who asks, as far as an admin needs to know it. */
export interface AdminSession {
  readonly role?: string | readonly string[] | undefined;
  /** Names the user, for the limit of streams of one user and for `realtime.disconnect({ user })`. */
  readonly user?: string | undefined;
}

interface ChannelCheck<S> {
  // A method, so that an auth of richer sessions is an auth.
  check(context: { readonly session: S; readonly channel: string; readonly request: Request }): boolean | Promise<boolean>;
}

/** Who may see what. */
export interface AdminAuth<S extends AdminSession = AdminSession> {
  /** Who asks: from a cookie or a header. Nothing when nobody is signed in; they are answered 401. A Response is the answer itself. */
  session(request: Request): S | Response | null | undefined | Promise<S | Response | null | undefined>;
  /**
   * Whether this session may hear a channel that is no resource's.
   * @default everybody who is signed in, where the admin has a store of its own; nobody, where it was given a `Realtime`
   */
  readonly channel?: ChannelCheck<S>["check"] | undefined;
}

const AUTH_OPTIONS: Readonly<Record<keyof AdminAuth, true>> = { session: true, channel: true };

/** @throws TidingsError `bad_option` */
export function checkAuth(auth: AdminAuth | undefined, resources: Iterable<Resource>): void {
  if (auth === undefined) {
    for (const { name, access } of resources) {
      if (access === undefined) continue;
      throw new TidingsError(
        "bad_option",
        `resource "${name}" says by \`access\` who may see it, and the admin has no \`auth\` that says who asks: anybody could see it. Give \`defineAdmin\` an \`auth: { session(request) { … } }\`.`,
      );
    }
    return;
  }
  if (typeof auth !== "object" || auth === null || typeof auth.session !== "function")
    throw new TidingsError("bad_option", "`auth` of `defineAdmin` is an object with a function `session(request)`.");
  refuseUnknownOptions("`auth` of `defineAdmin`", auth, AUTH_OPTIONS);
  if (auth.channel !== undefined && typeof auth.channel !== "function")
    throw new TidingsError("bad_option", "`auth.channel` of `defineAdmin` is a function.");
}

/** What decides about a channel. */
export interface ReadRequest {
  readonly auth: AdminAuth | undefined;
  /** The resources that there are; nothing when none were named, and any may be heard. */
  readonly resources: ReadonlyMap<string, Resource> | undefined;
  readonly session: AdminSession;
  readonly request: Request;
  /** Whether only what this way in tells is in the logs. In those of a `Realtime` that was passed in, anything may be. */
  readonly ownsLogs: boolean;
}

/** Whether a session may hear a channel. */
export async function mayRead(channel: string, { auth, resources, session, request, ownsLogs }: ReadRequest): Promise<boolean> {
  const name = resourceOf(channel);
  if (name === undefined) {
    return auth?.channel === undefined ? ownsLogs : (await auth.channel({ session, channel, request })) === true;
  }
  if (!resources) return true;
  const asked = resources.get(name);
  return asked !== undefined && asked.realtime && maySee(asked, session);
}

function maySee({ access }: Resource, session: AdminSession): boolean {
  if (access === undefined) return true;
  if (typeof access === "function") return access(session) === true;
  const roles: readonly unknown[] = Array.isArray(session.role) ? session.role : [session.role];
  return roles.some((role) => typeof role === "string" && access.includes(role));
}

/**
 * Who asks, by the answer of `auth.session`: a Response refuses the request, nothing is nobody.
 * @throws TypeError for what is neither of these nor a session, and must not let anyone in
 */
export function sessionIn(answer: unknown): AdminSession | Response | undefined {
  if (!answer) return undefined;
  if (typeof answer !== "object" || Array.isArray(answer))
    throw new TypeError(
      `auth.session returned ${Array.isArray(answer) ? "an array" : `a ${typeof answer}`}: return { role, user }, each if there is one, a Response, or nothing for who is nobody.`,
    );
  if (isResponse(answer)) return answer;
  const user = (answer as { readonly user?: unknown }).user ?? undefined;
  if (user !== undefined && typeof user !== "string")
    throw new TypeError(`auth.session returned a \`user\` that is a ${typeof user}: the id of the user, as a text, is meant.`);
  return answer;
}
