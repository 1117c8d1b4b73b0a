/** What went wrong, in sentences for whoever develops the page. Loaded to warn, so never in production. */
import type { ApiOptions } from "./options.ts";

/** Statuses below 500 that pass. */
const PASSING: readonly number[] = [408, 425, 429];

/** A request that got no answer. A browser does not say why: it may be one of several things. */
export function explainUnanswered({ url = "/api/realtime", withCredentials }: ApiOptions, error: unknown): string {
  const page = globalThis.location as Location | undefined;
  if (!URL.canParse(url, page?.href))
    return `\`api.url\` is no URL here: ${url}. Where there is no page, it has to be a whole one.`;
  const { href, protocol, origin } = new URL(url, page?.href);
  const what = `${href} did not answer, and will be asked again: ${String(error)}.`;
  if (page?.protocol === "https:" && protocol === "http:")
    return `${what} A page from https may not ask http: serve the endpoint over https, and give its address in \`api.url\`.`;
  if (!page || origin === page.origin) return `${what} Does the server run?`;
  const credentials = withCredentials ? ", credentials: true" : "";
  return `${what} Does the server run? If it does, it has to allow this page: handle({ realtime, cors: { origin: "${page.origin}"${credentials} } }).`;
}

/** An answer that is not what was asked for: a refusal that time does not heal, or a page. `""` for one that passes. */
export async function explainAnswer(address: string, response: Response, accept: string): Promise<string> {
  const { status, headers } = response;
  if (PASSING.includes(status)) return "";
  if (status === 200) {
    const type = headers.get("content-type") ?? "no content type";
    const hint = type.startsWith("text/html")
      ? "It is a page: is `handle` at this address, and does `api.url` name it?"
      : "Does something on the way change answers?";
    return `${address} answered with ${type}, not with ${accept}; it will be asked again. ${hint}`;
  }
  const text = await response.text();
  const said = messageOf(text) ?? text.slice(0, 500);
  const hint =
    status === 404 || status === 405 ? " Is `handle` at this address, exported as GET, and does `api.url` name it?" : "";
  return `the server refused the stream with status ${status}, and is not asked again until other channels are wanted: ${said || response.url}${hint}`;
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
