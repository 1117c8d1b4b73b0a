import { isTidingsError } from "../protocol/error.ts";
import type { OpenPageRequest, RealtimeInternals } from "../realtime/internals.ts";
import { answerRefusal, closingPage, withHeaders, type Admitted } from "./admission.ts";
import type { Endpoint } from "./handle-options.ts";

const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "cache-control": "no-store",
  vary: "Accept",
};

/**
 * Answers an admitted request with a page, when there is one. Its place is to be left when the page is with its reader.
 *
 * @param signal when the client has left: what is answered then reaches nobody.
 */
export async function answerPage(
  endpoint: Endpoint,
  { channels, user, waitMs = 0, cors, limits, isGuarded, decidedAt }: Admitted,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { realtime, revalidation } = endpoint;
  try {
    // It can have begun to drain while middleware was asked.
    const body = realtime.isDraining()
      ? undefined
      : await gather(
          realtime,
          { channels, user, waitMs, validMs: revalidation?.intervalMs, limits, isGuarded, decidedAt },
          signal,
        );
    if (body !== undefined) return withHeaders(new Response(body, { headers: PAGE_HEADERS }), cors);
    // Who has left was not refused.
    if (signal?.aborted) return closingPage().toResponse();
    return withHeaders(answerRefusal(endpoint, closingPage()), cors);
  } catch (error) {
    if (!isTidingsError(error) || error.code !== "closed") throw error;
    return withHeaders(answerRefusal(endpoint, closingPage()), cors);
  }
}

/** The body of the page; nothing when the client left or the instance was closed before there was one. */
function gather(
  realtime: RealtimeInternals,
  request: OpenPageRequest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = realtime.openPage(request, (body) => {
      signal?.removeEventListener("abort", end);
      resolve(body);
    });
    function end(): void {
      session.end();
    }
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}
