import { secretsOf, withoutSecretsIn } from "../../secrets.ts";
import { ENCODINGS, send, type Answer } from "./http-request.ts";

/** An answer, and how it was come by. */
export interface Visit {
  readonly answer: Answer;
  /** Where it was given, without the query: that may hold a token. */
  readonly where: string;
  /** The statuses by which the request was led there. */
  readonly redirections: readonly string[];
  /** Whether that is another origin, to which the headers of somebody are not sent. */
  readonly isAway: boolean;
}

/** How {@link Visitor.ask} asks. */
export interface AskOptions {
  /** For how long the head of the answer may take. */
  readonly patienceMs: number;
  /** Seconds that a page may wait for an event. */
  readonly waitSecs?: number;
  /** Whether it comes without the headers of somebody. */
  readonly isStranger?: boolean;
}

/** What a {@link Visitor} brings along. */
export interface VisitorOptions {
  readonly channel: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly patienceMs: number;
  readonly origin?: string | undefined;
  readonly ca?: readonly string[] | undefined;
}

/** Somebody who asks an endpoint as a browser does, again and again. */
export interface Visitor extends Pick<VisitorOptions, "channel" | "patienceMs" | "headers" | "origin"> {
  readonly url: URL;
  /** The address without its query. */
  readonly where: string;
  /** Whether it has headers of somebody. */
  readonly isSignedIn: boolean;
  /** Nothing when no answer came in time. @throws Error when nobody answers in HTTP */
  ask(what: "stream" | "page", options: AskOptions): Promise<Visit | undefined>;
  /** Asks as a browser does before it lets a page of another origin send these headers. Nothing when no answer came in time. */
  askLeave(headers: readonly string[]): Promise<Answer | undefined>;
  /** A text that the server sent, without the secrets that it was given. */
  hide(text: string): string;
}

const ACCEPT = { stream: "text/event-stream", page: "application/json" } as const;
const MAX_REDIRECTIONS = 5;
/** A firewall may let nobody in who does not say that it is a browser. */
const USER_AGENT = "Mozilla/5.0 (compatible; tidings-doctor)";

/** A visitor of this address. Its own headers go to no other origin. */
export function createVisitor(url: URL, { channel, headers, patienceMs, origin, ca }: VisitorOptions): Visitor {
  const secrets = secretsOf(headers);
  return {
    ...{ url, channel, headers, patienceMs, origin, where: placeOf(url), isSignedIn: Object.keys(headers).length > 0 },
    hide: (text) => withoutSecretsIn(text, secrets),
    askLeave: (names) =>
      send(addressed(url, channel), {
        method: "OPTIONS",
        headers: {
          "user-agent": USER_AGENT,
          ...(origin !== undefined && { origin }),
          "access-control-request-method": "GET",
          "access-control-request-headers": names.join(","),
        },
        ...{ timeoutMs: patienceMs, ca },
      }),
    async ask(what, { patienceMs: timeoutMs, waitSecs, isStranger = false }) {
      let target = addressed(url, channel);
      if (waitSecs !== undefined) target.searchParams.set("wait", String(waitSecs));
      const redirections: string[] = [];
      for (;;) {
        // A browser does not tell another origin who somebody is.
        const isHome = target.origin === url.origin;
        // oxlint-disable-next-line no-await-in-loop -- each redirection leads to the next
        const answer = await send(target, {
          headers: {
            "user-agent": USER_AGENT,
            "accept-encoding": ENCODINGS,
            ...(origin !== undefined && { origin }),
            ...(isHome && !isStranger && headers),
            accept: ACCEPT[what],
          },
          ...{ timeoutMs, ca },
        });
        if (!answer) return undefined;
        const next = redirectionOf(answer, target);
        if (!next || redirections.length === MAX_REDIRECTIONS)
          return { answer, where: placeOf(target), redirections, isAway: !isHome };
        answer.close();
        redirections.push(String(answer.status));
        target = next;
      }
    },
  };
}

function addressed(url: URL, channel: string): URL {
  const target = new URL(url);
  target.searchParams.set("channel", channel);
  target.searchParams.set("v", "1");
  return target;
}

const placeOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

const REDIRECTIONS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function redirectionOf({ status, headers: { location = "" } }: Answer, from: URL): URL | undefined {
  if (!REDIRECTIONS.has(status) || !URL.canParse(location, from.href)) return undefined;
  const next = new URL(location, from);
  return /^https?:$/.test(next.protocol) ? next : undefined;
}
