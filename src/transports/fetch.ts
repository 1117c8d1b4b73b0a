import type { StreamSession } from "../hub/stream-session.ts";
import { TidingsError } from "../protocol/error.ts";
import { admit, opened, refuseFailed, type Admitted } from "./admission.ts";
import { answerPage } from "./page.ts";
import { checkHandleOptions, type Endpoint, type HandleOptions } from "./handle-options.ts";
import { PulledBody } from "./pulled-body.ts";

/**
 * Turns a `Realtime` into an endpoint for anything that speaks `Request` and `Response`: Next.js, Hono, SvelteKit, Bun, Deno.
 * For Node's `http`, Express and Fastify, `handle` of `tidings/node` is the faster way.
 *
 * Each stream answers with status 200 and `text/event-stream`, or, to who prefers `application/json`, with one page of it; a
 * refusal is JSON `{ code, message }`.
 *
 * @throws TidingsError `bad_option` when an option is of the wrong type.
 */
export function handle(options: HandleOptions): (request: Request) => Promise<Response> {
  const endpoint = checkHandleOptions(options);
  return async (request) => {
    if (!isRequest(request)) {
      throw new TidingsError(
        "bad_request",
        "`handle` of `tidings` takes a fetch `Request`, and this is none. For Node's http, Express, Fastify or Nuxt import `handle` from `tidings/node`; in Hono pass `c.req.raw`.",
      );
    }
    const admitted = await admit(endpoint, {
      method: request.method,
      url: request.url,
      header: (name) => request.headers.get(name),
      toRequest: () => request,
    });
    if (admitted instanceof Response || !("channels" in admitted)) return admitted;
    try {
      if (admitted.waitMs !== undefined) return await openPage(endpoint, admitted, request);
      return new Response(openStream(endpoint, admitted, request), { headers: admitted.headers });
    } catch (error) {
      return refuseFailed(endpoint, error);
    }
  };
}

function isRequest(value: unknown): value is Request {
  return (
    typeof value === "object" &&
    value !== null &&
    "url" in value &&
    "headers" in value &&
    typeof (value as Request).headers?.get === "function"
  );
}

/** The page, whose place is kept until its reader has it. */
async function openPage(endpoint: Endpoint, admitted: Admitted, request: Leaving): Promise<Response> {
  const { place } = admitted;
  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await answerPage(endpoint, admitted, request.signal);
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    place.leave();
    throw error;
  }
  const { status, headers } = response;
  if (request.signal?.aborted) {
    place.leave();
    return new Response(null, { status, headers });
  }
  const body = new PulledBody({
    maxBytes: bytes.length,
    realtime: endpoint.realtime,
    drained() {},
    cancelled() {},
    // Holds the request, as that of a stream does.
    over: () => {
      place.leave();
      request.signal?.removeEventListener("abort", abandon);
    },
  });
  function abandon(): void {
    body.abandon();
  }
  request.signal?.addEventListener("abort", abandon, { once: true });
  body.write(bytes);
  body.end();
  return new Response(body.stream, { status, headers });
}

/** A request, as far as it tells that its client has left. */
interface Leaving {
  readonly signal?: AbortSignal;
}

function openStream(endpoint: Endpoint, admitted: Admitted, request: Leaving): ReadableStream<Uint8Array> {
  let session: StreamSession;
  const { limits, place } = admitted;
  const body = new PulledBody({
    maxBytes: limits.maxBufferedBytes,
    realtime: endpoint.realtime,
    drained: () => session.drained(),
    cancelled: () => session.end(),
    // Holds the request, too: Node aborts its signal only for as long as somebody does.
    over: () => {
      place.leave();
      request.signal?.removeEventListener("abort", end);
    },
  });
  function end(): void {
    session.end();
    // Of one that had ended before, the last bytes may wait.
    body.abandon();
  }
  session = opened(place, () => endpoint.realtime.openStream(body, admitted));
  // Which of the two signs of a leaving client comes, and in which order, differs from framework to framework.
  if (request.signal?.aborted) end();
  else request.signal?.addEventListener("abort", end, { once: true });
  return body.stream;
}
