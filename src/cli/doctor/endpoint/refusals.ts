import { problem, warning, type Finding } from "../finding.ts";
import { describeBody } from "../foreign-text.ts";
import type { Answer } from "./http-request.ts";

/** An answer that is no stream and no page of tidings, in full. */
export interface Refused extends Pick<Answer, "status" | "headers"> {
  readonly text: string;
  /** Where the request went in the end, without its query. */
  readonly where: string;
  /** Whether the request carried headers of somebody. */
  readonly isSignedIn: boolean;
  /** Whether it would have, had it not been led to another origin. */
  readonly wasLedAway: boolean;
  readonly channel: string;
}

/** What to do about a status that something else than the endpoint gave. */
const CURES: ReadonlyMap<number, string> = new Map([
  [
    404,
    "Is it the address of the route with `handle`? A prefix that a proxy adds or takes away, or a slash at the end, makes it another one.",
  ],
  [
    429,
    "Something before the endpoint limits how many requests one address may make (nginx: `limit_req`), and the doctor made a handful in a row. Let bursts through: all tabs of an office open their streams at once after a deployment.",
  ],
]);

/** A sentence of tidings is shorter. */
const MAX_MESSAGE = 400;

const IS_LOGIN = /type=["']?password|\bsign[- ]?in\b|\blog[- ]?in\b/i;

/** What an answer says that is not what was asked for; the reason is the first finding. */
export function refusalOf(refused: Refused): Finding {
  const { status, headers, text, where } = refused;
  const isPage = /\bhtml\b/.test(headers["content-type"] ?? "");
  if (status === 200 && isPage && (IS_LOGIN.test(text) || /\b(log|sign)[-_]?in\b/i.test(where))) {
    return problem(
      "login",
      `A login page answers, at ${where}. A page that listens sees a status 200, takes it for a passing trouble, and asks for ever.`,
      `Have this route answer 401, without a redirection, to who is not signed in. To look further, give the headers of somebody who is: --header "Cookie: …".`,
    );
  }
  if (status === 200) {
    return problem(
      "content-type",
      `No endpoint of tidings answers at ${where}, but ${describeBody(text, headers["content-type"]) || "an empty answer"}.`,
      "Is it the address of the route with `handle`? An app that sends its page for each path it does not know, or a proxy that leads elsewhere, can stand in its place.",
    );
  }
  if (status === 401 || status === 403) return guarded(refused);
  const code = codeOf(text);
  if (code !== undefined) {
    return problem(
      "status",
      `The endpoint refuses: ${status}, \`${code}\`${messageOf(text)}.`,
      "docs/reference/errors.md of the package says what each code means.",
    );
  }
  if (status >= 300 && status < 400) {
    return problem(
      "redirect",
      `The address leads on and on (${status}), in the end to ${where}.`,
      "Two rules work against each other: https and http, or a slash at the end and none. A proxy that ends TLS has to tell the server so (`X-Forwarded-Proto`).",
    );
  }
  if (status >= 500) {
    return problem(
      "status",
      `The answer is ${status}: the server, or a gateway before it, cannot answer.`,
      "Look whether the server runs, whether the gateway leads to it, and into the logs of both.",
    );
  }
  const what = describeBody(text, headers["content-type"]);
  return problem(
    "status",
    `The answer is ${status}${what === "" ? "" : `: ${what}`}.`,
    CURES.get(status) ??
      "Something before the endpoint refuses: a proxy, a firewall for web applications, a framework. Let GET with a query through to this route.",
  );
}

function guarded({ isSignedIn, wasLedAway, status, headers, channel, where }: Refused): Finding {
  if (wasLedAway) {
    return problem(
      "guard",
      `The request was led to another origin, ${where}, and the headers were not sent along: it refuses (${status}).`,
      "Give the address that it leads to, to the doctor and as `api.url` of the client.",
    );
  }
  const [, scheme] = /^(basic|digest|negotiate|ntlm)\b/i.exec(headers["www-authenticate"] ?? "") ?? [];
  if (scheme !== undefined) {
    const text = `${isSignedIn ? "These headers are refused" : "Somebody is to sign in, so no stream was looked at"}: a proxy or the server asks for user and password (${status}, ${scheme}).`;
    const cure =
      "Give them as the browser sends them: --header \"Authorization: Basic $(printf %s 'user:password' | base64)\". A page of another origin has no way to: there, leave this route out, and let `middleware` of `handle` decide.";
    return isSignedIn ? problem("guard", text, cure) : warning("guard", text, cure);
  }
  if (!isSignedIn) {
    // No "ok": that would read as if the way to it had been looked at, and a deployment would go on.
    return warning(
      "guard",
      `The endpoint is guarded (${status}), so no stream was looked at: what lies in between may hold it back or cut it.`,
      `Give the headers of somebody who is let in, --header "Cookie: …", and --channel with a channel that they may read.`,
    );
  }
  return problem(
    "guard",
    `The endpoint refuses these headers for the channel "${channel}" (${status}).`,
    "Give --header of somebody who is let in, and --channel with a channel that they may read. Does a proxy drop the header?",
  );
}

/** The code of a refusal of tidings. */
function codeOf(text: string): string | undefined {
  return /^\{"code":"([a-z_]{1,40})","message":/.exec(text)?.[1];
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message: unknown };
    return typeof message === "string" ? ` (${message.slice(0, MAX_MESSAGE)})` : "";
  } catch {
    return "";
  }
}

/** Why nobody answered, by the code of the error. */
const UNREACHABLE: ReadonlyArray<readonly [code: RegExp, id: "tls" | "reachable", why: string, cure: string]> = [
  [
    /SELF_SIGNED/,
    "tls",
    "the certificate is signed by nobody whom browsers trust",
    "Use a certificate of a public authority. For one of your own authority: --ca <its certificate>.",
  ],
  [
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/,
    "tls",
    "the certificate's issuer is not known: as a rule the server does not send the certificates in between",
    "Have it send the whole chain. nginx: `ssl_certificate` names fullchain.pem; haproxy: `crt` names a file with the whole chain. For an authority of your own: --ca <its certificate>.",
  ],
  [/CERT_HAS_EXPIRED/, "tls", "the certificate has expired", "Renew it, and have the server read it again."],
  [/CERT_NOT_YET_VALID/, "tls", "the certificate is not valid yet", "Look at the clocks of both machines."],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    "tls",
    "the certificate is for another name than that of the address",
    "Use the name that it is for, or get one for this name. A proxy with several certificates chooses by the name (SNI).",
  ],
  [
    /ERR_SSL_|EPROTO/,
    "tls",
    "TLS cannot be agreed on",
    "Does this port speak TLS, in version 1.2 or later? If it speaks plain HTTP, the address begins with http://.",
  ],
  [/ENOTFOUND|EAI_AGAIN/, "reachable", "no such host is known here", "Look at the name, and at the DNS of this machine."],
  [/ECONNREFUSED/, "reachable", "nobody listens at this port", "Start the server, and look at host and port."],
  [
    /HPE_|ERR_HTTP2_/,
    "reachable",
    "what answers does not speak the HTTP that was agreed on",
    "Does the port speak TLS? Then the address begins with https://.",
  ],
];

/** Why an endpoint cannot be asked at all. */
export function unreachable(where: string, error: NodeJS.ErrnoException): Finding {
  const code = error.code ?? "";
  const [, id, why, cure] = UNREACHABLE.find(([pattern]) => pattern.test(code)) ?? [
    code,
    "reachable" as const,
    error.message,
    "Look whether the server runs, and whether this machine may reach it.",
  ];
  return problem(id, `${where} cannot be asked: ${why}${code === "" ? "" : ` (${code})`}.`, cure);
}
