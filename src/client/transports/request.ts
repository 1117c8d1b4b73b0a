import { warn } from "../report.ts";
import type { Link } from "./transport.ts";

/**
 * Asks the endpoint. A 401 is asked once more, with headers that are asked for anew.
 *
 * @param accept the type that the answer must have
 * @param at where each channel starts, and what else the query says
 * @returns the response; or, when there is none of use, what a transport returns
 */
export async function request({ asked, options, signal, alive }: Link, accept: string, at: string): Promise<Response | number> {
  const { api: { url = "/api/realtime", withCredentials, headers: given } = {}, fetch: ask = fetch } = options;
  const channels = encodeURIComponent([...asked.keys()].join());
  const address = `${url}${url.includes("?") ? "&" : "?"}channel=${channels}&v=1&at=${at}`;
  for (let isRetry = false; ; isRetry = true) {
    const headers = new Headers(await (typeof given === "function" ? given({ isRetry }) : given));
    headers.set("accept", accept);
    alive();
    const response = await ask(address, {
      headers,
      signal,
      ...(withCredentials && { credentials: "include" }),
    });
    const { status, headers: answered } = response;
    if (status === 401 && !isRetry && typeof given === "function") continue;
    if (status === 200 && answered.get("content-type")?.startsWith(accept)) return response;
    // Waited for, since it reads the answer.
    await warn(async () => (await import("../explain.ts")).explainAnswer(address, response, accept));
    // 200 is that of a page that says "back soon", or of a wrong address: later, perhaps.
    return status >= 500 || [200, 408, 425, 429].includes(status) ? Number(answered.get("retry-after")) * 1_000 || 0 : Infinity;
  }
}
