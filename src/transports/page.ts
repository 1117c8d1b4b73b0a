import type { ChannelRequest } from "../hub/hub.ts";
import type { RealtimeInternals } from "../realtime/internals.ts";
import { closingPage, withHeaders, type Admitted } from "./admission.ts";
import type { Endpoint } from "./handle-options.ts";

const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "cache-control": "no-store",
  vary: "Accept",
};

/**
 * Answers an admitted request with a page, when there is one.
 *
 * @param signal when the client has left: what is answered then reaches nobody.
 */
export async function answerPage(
  { realtime }: Endpoint,
  { channels, waitMs = 0, cors }: Admitted,
  signal: AbortSignal | undefined,
): Promise<Response> {
  // It can have closed while middleware was asked.
  const body = realtime.isClosed() ? undefined : await gather(realtime, { channels, waitMs, signal });
  const response = body === undefined ? closingPage().toResponse() : new Response(body, { headers: PAGE_HEADERS });
  return withHeaders(response, cors);
}

interface PageRequest {
  readonly channels: readonly ChannelRequest[];
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The body of the page; nothing when the client left or the instance was closed before there was one. */
function gather(realtime: RealtimeInternals, { channels, waitMs, signal }: PageRequest): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = realtime.openPage(channels, waitMs, (body) => {
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
