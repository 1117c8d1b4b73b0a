import { PAGE_JOIN_MS } from "../../../protocol/limits.ts";
import { ok, problem, warning, type Finding } from "../finding.ts";
import { quoted } from "../foreign-text.ts";
import type { Answer } from "./http-request.ts";
import { readBody } from "./stream-watch.ts";
import type { Visitor } from "./visitor.ts";

/** Above this a page that was to wait for a second did wait. */
const WAITED_MS = 900;
/** Below this it did not. */
const AT_ONCE_MS = 500;

/** Whether something keeps answers that nobody may keep: a page that waited for a second is there at once when it is asked for again. */
export async function keptFindings(visitor: Visitor): Promise<Finding[]> {
  const times: number[] = [];
  for (let turn = 0; turn < 2; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- the second asks for what the first was given
    const visit = await visitor.ask("page", { patienceMs: PAGE_JOIN_MS + visitor.patienceMs, waitSecs: 1 });
    if (!visit) return [];
    // oxlint-disable-next-line no-await-in-loop
    times.push((await readBody(visit.answer, visitor.patienceMs)).ms);
  }
  const [first = 0, second = 0] = times;
  if (first < WAITED_MS || second > AT_ONCE_MS) return [];
  return [
    problem(
      "cache",
      "A cache keeps pages, though they say no-store: readers who cannot have streams are told the same again and again.",
      "Take this route out of the cache. nginx: `proxy_cache off`, and no `proxy_ignore_headers Cache-Control`.",
    ),
  ];
}

/** So much later than a page a stream has to begin, each time, before it is worth a word. */
const DELAY_MS = 150;
const TRIES = 3;

/** Whether something gathers small pieces for a moment before it passes them on. */
export async function delayFindings(
  visitor: Visitor,
  { streamMs, pageMs }: { readonly streamMs: number; readonly pageMs: number },
): Promise<Finding[]> {
  let [fastestStream, fastestPage] = [streamMs, pageMs];
  // One that is late can be chance, on either side.
  for (let turn = 1; turn < TRIES && fastestStream > DELAY_MS; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- beside each other they would slow each other down
    const stream = await visitor.ask("stream", { patienceMs: visitor.patienceMs });
    stream?.answer.close();
    // oxlint-disable-next-line no-await-in-loop
    const page = await visitor.ask("page", { patienceMs: PAGE_JOIN_MS + visitor.patienceMs });
    page?.answer.close();
    fastestStream = Math.min(fastestStream, stream?.answer.headMs ?? streamMs);
    fastestPage = Math.min(fastestPage, page?.answer.headMs ?? pageMs);
  }
  if (fastestStream - fastestPage <= DELAY_MS) return [];
  return [
    warning(
      "delay",
      `A stream begins ${Math.round(fastestStream - fastestPage)} ms later than a page: something gathers small pieces before it passes them on, and each event waits as long.`,
      "haproxy: `option http-no-delay`. Elsewhere look for Nagle's algorithm (`tcp_nodelay on`).",
    ),
  ];
}

/** Whether somebody who says nothing of himself may read. */
export async function guardFindings(visitor: Visitor): Promise<Finding[]> {
  const visit = await visitor.ask("page", { patienceMs: PAGE_JOIN_MS + visitor.patienceMs, isStranger: true });
  if (!visit) return [];
  const { status, headers } = visit.answer;
  visit.answer.close();
  if (status !== 200 || !/^(application\/json|text\/event-stream)\b/.test(headers["content-type"] ?? ""))
    return [ok("guard", "A request that names no user is refused.")];
  return [
    warning(
      "guard",
      `Anybody may read the channel "${visitor.channel}": a request that names no user was let in.`,
      "If that is not what you want, pass `middleware`, or `identify` and `authorize`, to `handle`.",
    ),
  ];
}

/** Headers that a page of another origin may send without leave. */
const FREE_HEADERS: ReadonlySet<string> = new Set(["accept", "accept-language", "content-language", "cookie"]);

/** Whether pages of another origin may read, with what the visitor brings along. */
export async function corsFindings(visitor: Visitor, { headers }: Answer): Promise<Finding[]> {
  const { origin, url } = visitor;
  if (origin === undefined) return [];
  if (origin === url.origin) return [ok("cors", "Pages of the same origin may always read.")];
  const allowed = headers["access-control-allow-origin"];
  const sendsCookies = visitor.headers["cookie"] !== undefined;
  const pass = `\`cors: { origin: "${origin}"${sendsCookies ? ", credentials: true" : ""} }\``;
  if (allowed !== origin && (allowed !== "*" || sendsCookies)) {
    const why =
      allowed === undefined
        ? "is not there"
        : `is ${quoted(allowed)}${allowed === "*" ? ", which is not enough for cookies" : ""}`;
    return [
      problem(
        "cors",
        `Pages of ${origin} may not read: Access-Control-Allow-Origin ${why}.`,
        `Pass ${pass} to \`handle\`, and let no proxy drop or double the header.`,
      ),
    ];
  }
  if (sendsCookies && headers["access-control-allow-credentials"] !== "true") {
    return [
      problem(
        "cors",
        `Pages of ${origin} may read, and not with cookies: Access-Control-Allow-Credentials is not there.`,
        `Pass ${pass} to \`handle\`, and \`withCredentials: true\` in \`api\` of the client.`,
      ),
    ];
  }
  const asked = Object.keys(visitor.headers).filter((name) => !FREE_HEADERS.has(name));
  const lacking = asked.length === 0 ? undefined : leaveLacking(await visitor.askLeave(asked), asked, origin);
  if (lacking === undefined) return [ok("cors", `Pages of ${origin} may read.`)];
  return [
    problem(
      "cors",
      `Pages of ${origin} may not send ${asked.join(", ")}: a browser asks for leave first (OPTIONS), and ${lacking}.`,
      `Pass ${pass} to \`handle\`, which answers OPTIONS, and let OPTIONS through to it, without a login, in proxies and in the framework.`,
    ),
  ];
}

/** What is missing in the answer to a browser that asks for leave. */
function leaveLacking(answer: Answer | undefined, asked: readonly string[], origin: string): string | undefined {
  if (!answer) return "gets no answer";
  const { status, headers } = answer;
  answer.close();
  if (status < 200 || status > 299) return `is answered ${status}`;
  const allowed = headers["access-control-allow-origin"];
  if (allowed !== origin && allowed !== "*") return "the origin is not allowed there";
  const names = (headers["access-control-allow-headers"] ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  // The star stands for all but this one.
  const isAllowed = (name: string): boolean => names.includes(name) || (names.includes("*") && name !== "authorization");
  const missing = asked.filter((name) => !isAllowed(name));
  return missing.length === 0 ? undefined : `${missing.join(", ")} is not in Access-Control-Allow-Headers`;
}

/** How many streams a browser can have there. */
export function versionFindings({ version }: Pick<Answer, "version">, { protocol, hostname }: URL): Finding[] {
  if (version === "HTTP/2") return [ok("http-version", "By HTTP/2: streams of all tabs share one connection.")];
  // Where nobody has TLS, and so no browser HTTP/2.
  if (protocol === "http:" && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return [];
  return [
    warning(
      "http-version",
      "By HTTP/1.1: a browser opens six connections to a host, for all tabs together, and each stream takes one. With six tabs nothing loads any more.",
      "Turn HTTP/2 on where TLS ends (nginx: `listen 443 ssl http2`; haproxy: `alpn h2,http/1.1`), or let tabs share a connection: `api: { shareTabs: user.id }`.",
    ),
  ];
}
