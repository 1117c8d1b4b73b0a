/** What went wrong, in sentences for whoever develops the page. Loaded to warn, so never in production. */
import type { ApiOptions } from "./options.ts";

/** Statuses below 500 that pass. */
const PASSING: readonly number[] = [408, 425, 429];

/** How often a stream has joined a channel in this page. */
let joins = 0;
/** By address, what was said of it last, and how many joins there were by then. */
const said = new Map<string, string>();

/** A stream has joined a channel: what goes wrong from now on did not from the beginning. @returns nothing to say */
export function noteJoined(): string {
  joins++;
  return "";
}

/**
 * A request that got no answer. A browser does not say why: it may be one of several things.
 *
 * @returns `""` when that was said already, and nothing has changed since.
 */
export function explainUnanswered({ url = "/api/realtime", withCredentials }: ApiOptions, error: unknown): string {
  const page = globalThis.location as Location | undefined;
  if (!URL.canParse(url, page?.href))
    return once(url, `\`api.url\` is no URL here: ${url}. Where there is no page, it has to be a whole one.`);
  const { href, protocol, origin } = new URL(url, page?.href);
  const cause = causeOf(error);
  const what = `${href} did not answer, and will be asked again: ${String(error)}${cause === "" ? "" : ` (${cause})`}.`;
  const tell = (advice: string): string => once(href, `${what} ${advice}`);
  if (page?.protocol === "https:" && protocol === "http:")
    return tell("A page from https may not ask http: serve the endpoint over https, and give its address in `api.url`.");
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL/.test(cause)) {
    return tell(
      "Its certificate is not accepted here. For an authority of your own start this process with NODE_EXTRA_CA_CERTS=<its certificate>; `npx tidings doctor --url` says more.",
    );
  }
  // What let this page in has not changed its mind: it restarts, or is out of reach.
  if (joins > 0) return tell("Streams came through before: does the server still run?");
  if (!page || origin === page.origin) return tell("Does the server run?");
  const credentials = withCredentials ? ", credentials: true" : "";
  return tell(
    `Does the server run? Open the address in a tab: if nothing of tidings answers there (a 404), correct \`api.url\`; if it does, it has to allow this page: handle({ realtime, cors: { origin: "${page.origin}"${credentials} } }).`,
  );
}

/**
 * An answer that is not what was asked for: a refusal that time does not heal, a page, or a failure of the server's.
 *
 * @returns `""` for one that passes, and for one that was explained already.
 */
export async function explainAnswer(address: string, response: Response, accept: string): Promise<string> {
  const { status, headers } = response;
  if (PASSING.includes(status)) return "";
  const [where = ""] = address.split("?");
  if (status === 200) {
    const type = headers.get("content-type") ?? "no content type";
    const hint = type.startsWith("text/html")
      ? "It is a page: is `handle` at this address, and does `api.url` name it?"
      : "Does something on the way change answers?";
    return once(where, `${address} answered with ${type}, not with ${accept}; it will be asked again. ${hint}`, type);
  }
  // Not waited for: the sentence comes once, and what a proxy says to it is a page.
  if (status >= 500) {
    // Ours is short, and whole: it says whether something is wrong at all.
    const isOurs = headers.get("content-type")?.startsWith("application/json");
    const message = isOurs ? messageOf(await response.text()) : undefined;
    if (message !== undefined) return once(where, `${where} answered ${status}, and will be asked again: ${message}`);
    const hint = status === 500 ? "What failed is in the server's log." : "Does the server behind it run?";
    return once(where, `${where} answered ${status}, and will be asked again. ${hint}`);
  }
  const text = await response.text();
  const reason = messageOf(text) ?? text.slice(0, 500);
  const hint =
    status === 404 || status === 405 ? " Is `handle` at this address, exported as GET, and does `api.url` name it?" : "";
  return `the server refused the stream with status ${status}, and is not asked again until other channels are wanted: ${reason || response.url}${hint}`;
}

/** What is tried again says the same each time: it is worth a line when the reason is another one, or streams came through meanwhile. */
function once(address: string, sentence: string, reason = sentence): string {
  const now = `${joins} ${reason}`;
  if (said.get(address) === now) return "";
  said.set(address, now);
  return sentence;
}

/** Why a request of Node's failed, by its code: a browser does not say. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  return typeof cause?.code === "string" ? cause.code : "";
}

/** The sentence in a refusal of `handle`. */
function messageOf(text: string): string | undefined {
  try {
    const { code, message } = JSON.parse(text) as { readonly code?: unknown; readonly message?: unknown };
    return typeof message === "string" ? `${message} (${String(code)})` : undefined;
  } catch {
    return undefined;
  }
}
