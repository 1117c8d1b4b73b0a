import { PAGE_JOIN_MS } from "../../../protocol/limits.ts";
import { corsFindings, delayFindings, guardFindings, keptFindings, versionFindings } from "./other-findings.ts";
import { ok, problem, warning, type Finding } from "../finding.ts";
import { quoted } from "../foreign-text.ts";
import { createVisitor, type Visit, type Visitor } from "./visitor.ts";
import { refusalOf, unreachable, type Refused } from "./refusals.ts";
import { compressionFinding, flowFindings, headFindings, heldBack } from "./stream-findings.ts";
import { readBody, watchStream } from "./stream-watch.ts";

/** What {@link examineEndpoint} looks at, and how. */
export interface EndpointOptions {
  /** The address, as browsers have it. */
  readonly url: string;
  /** Sent along, as by a page of somebody who is signed in. Names in small letters. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** @default "tidings-doctor" */
  readonly channel?: string | undefined;
  /** The origin of the pages that listen, when it is another one. */
  readonly origin?: string | undefined;
  /** So long a stream is watched. @default until it has proved to be alive: at most 35 s with the usual heartbeat */
  readonly watchMs?: number | undefined;
  /** For how long nothing may come that should come at once. @default 5_000 */
  readonly patienceMs?: number | undefined;
  /** Certificates that are trusted. @default those of Node */
  readonly ca?: readonly string[] | undefined;
}

const PATIENCE_MS = 5_000;

/** Asks an endpoint as a browser does, and says what stands in the way. Never rejects. */
export async function examineEndpoint(options: EndpointOptions): Promise<Finding[]> {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    return [problem("url", "That is no address of HTTP.", "Write it as the browser has it: https://example.com/api/realtime.")];
  if (url.username !== "" || url.password !== "") {
    return [
      problem(
        "url",
        "The address holds a user and a password: no browser asks for such a one.",
        "Give them as a header: --header 'Authorization: Basic …'.",
      ),
    ];
  }
  const { channel = "tidings-doctor", headers = {}, patienceMs = PATIENCE_MS, origin, ca } = options;
  const visitor = createVisitor(url, { channel, headers, patienceMs, origin, ca });
  try {
    return await examine(visitor, options);
  } catch (error) {
    return [unreachable(`${url.origin}${url.pathname}`, error as NodeJS.ErrnoException)];
  }
}

async function examine(visitor: Visitor, { watchMs }: EndpointOptions): Promise<Finding[]> {
  const { patienceMs } = visitor;
  const pagePatienceMs = PAGE_JOIN_MS + patienceMs;
  const first = await visitor.ask("page", { patienceMs: pagePatienceMs });
  if (!first) {
    return [
      problem(
        "reachable",
        `${visitor.where} takes the request, and does not answer within ${pagePatienceMs / 1_000} s.`,
        "Look whether the server runs, and into its log. A proxy that waits for the end of all it passes on, or a middleware that never returns, can cause it.",
      ),
    ];
  }
  const { answer, where, redirections } = first;
  const { text, ms: pageMs } = await readBody(answer, patienceMs);
  const findings = redirectionFindings(redirections, where);
  const isPage = answer.status === 200 && isPageText(text);
  const isStream = answer.status === 200 && isEventStream(first);
  if (!isPage && !isStream) {
    const refused = refusalOf(refusedBy(visitor, first, text));
    return [...findings, refused, ...versionFindings(answer, visitor.url)];
  }
  findings.unshift(ok("reachable", `${where} answers.`));
  if (isStream) {
    findings.push(
      warning(
        "pages",
        "A request for a page (Accept: application/json) was answered with a stream: something drops the header `Accept`.",
        "Let the proxy pass `Accept` on. Readers behind a network that holds streams back would get nothing.",
      ),
    );
  }
  return [
    ...findings,
    // One that joined nothing waits for its broker, and not for an event.
    ...(isPage && text.includes(`"type":"connected"`) ? await keptFindings(visitor) : []),
    ...(await streamFindings(visitor, { pageMs, watchMs })),
    ...(await guardFindings(visitor)),
    ...(await corsFindings(visitor, answer)),
    ...versionFindings(answer, visitor.url),
  ];
}

async function streamFindings(
  visitor: Visitor,
  { pageMs, watchMs }: { pageMs: number; watchMs: number | undefined },
): Promise<Finding[]> {
  const { patienceMs } = visitor;
  const visit = await visitor.ask("stream", { patienceMs });
  if (!visit) return [heldBack(patienceMs, false)];
  const { answer } = visit;
  if (answer.status !== 200 || !isEventStream(visit)) {
    const { text } = await readBody(answer, patienceMs);
    if (answer.status === 200 && isPageText(text)) {
      return [
        problem(
          "content-type",
          "A request for a stream was answered with a page: a cache mixes the two up, or something drops the header `Accept`.",
          "Take this route out of the cache, and let the proxy pass `Accept` on.",
        ),
      ];
    }
    if (answer.status === 200 && /^(retry|id|event|data|:)/m.test(text)) {
      return [
        problem(
          "content-type",
          `The stream comes as ${quoted(answer.headers["content-type"] ?? "")} and not as text/event-stream: browsers do not take it.`,
          "A proxy, or code behind `handle`, sets the header: let it be.",
        ),
      ];
    }
    return [refusalOf(refusedBy(visitor, visit, text))];
  }
  const head = [ok("content-type", "It is an event stream."), ...headFindings(answer)];
  const watched = await watchStream(answer, { patienceMs, watchMs });
  const compression = compressionFinding(answer, watched);
  if (watched.firstByteMs === undefined && watched.endedMs === undefined)
    return [...head, ...(compression.severity === "ok" ? [] : [compression]), heldBack(patienceMs, true)];
  const late = await delayFindings(visitor, { streamMs: watched.firstByteMs ?? 0, pageMs });
  return [...head, compression, ...late, ...flowFindings(watched)];
}

function refusedBy({ isSignedIn, channel, hide }: Visitor, { answer, where, isAway }: Visit, text: string): Refused {
  // Before anything is cut off: half a secret is found no more.
  return { ...answer, text: hide(text), where, isSignedIn: isSignedIn && !isAway, wasLedAway: isSignedIn && isAway, channel };
}

const isEventStream = ({ answer }: Visit): boolean => /^text\/event-stream\b/.test(answer.headers["content-type"] ?? "");
const isPageText = (text: string): boolean => /^\{"at":"[^"]*","frames":\[/.test(text);

function redirectionFindings(redirections: readonly string[], where: string): Finding[] {
  if (redirections.length === 0) return [];
  return [
    warning(
      "redirect",
      `The address leads on to ${where} (${redirections.join(", ")}): each connection makes ${redirections.length + 1} requests, and to another origin \`Authorization\` is not sent along.`,
      "Give the last address to `api.url` of the client. A slash at the end, or http for https, is enough to be led on.",
    ),
  ];
}
