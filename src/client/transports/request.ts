import { warn } from "../report.ts";
import type { Link } from "./transport.ts";

/** Statuses below 500 that are worth another try. */
const RETRIED: readonly number[] = [408, 425, 429];

/**
 * Asks the endpoint. A 401 is asked once more, with headers that are asked for anew.
 *
 * @param accept the type that the answer must have
 * @param at where each channel starts, and what else the query says
 * @returns the response; or, when there is none of use, what a transport returns
 */
export async function request({ asked, options, signal }: Link, accept: string, at: string): Promise<Response | number> {
  const { api = {}, fetch = globalThis.fetch } = options;
  const { url = "/api/realtime", withCredentials, headers: given } = api;
  const query = [...asked.keys()].map((channel) => `channel=${encodeURIComponent(channel)}&`).join("");
  const address = `${url}${url.includes("?") ? "&" : "?"}${query}v=1&at=${at}`;
  for (let isRetry = false; ; isRetry = true) {
    const headers = new Headers(await (typeof given === "function" ? given({ isRetry }) : given));
    headers.set("accept", accept);
    const response = await fetch(address, {
      headers,
      signal,
      cache: "no-store",
      ...(withCredentials && { credentials: "include" }),
    });
    const { status } = response;
    if (status === 401 && !isRetry && typeof given === "function") continue;
    if (status >= 500 || RETRIED.includes(status)) return Number(response.headers.get("retry-after")) * 1_000 || 0;
    if (!response.ok || !response.body) {
      const answer = await response.text();
      warn(async () => (await import("../explain.ts")).explainRefusal(response, answer));
      return Infinity;
    }
    if (response.headers.get("content-type")?.startsWith(accept)) return response;
    // A page that says "back soon" with status 200, or a wrong address: later, perhaps.
    warn(async () => (await import("../explain.ts")).explainAnswer(address, response, accept));
    return 0;
  }
}
