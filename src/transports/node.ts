import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Sink } from "../hub/stream-session.ts";
import { TidingsError } from "../protocol/error.ts";
import { admit, opened, refuseFailed, type Admitted, type Place } from "./admission.ts";
import { answerPage } from "./page.ts";
import { checkHandleOptions, type Endpoint, type HandleOptions } from "./handle-options.ts";
import { watchLastBytes } from "./last-bytes.ts";

/** {@link HandleOptions} where the connection is known. */
export interface NodeHandleOptions extends Omit<HandleOptions, "address"> {
  /**
   * As of {@link HandleOptions}; or `"socket"`, the address of the connection, where no proxy stands in front: behind one it is the
   * proxy's, and all visitors would count as one. @default none is counted
   */
  address?: HandleOptions["address"] | "socket";
}

/**
 * The fast path for Node's `http`, Express and Fastify (`reply.hijack()`, then `reply.raw`): writes straight to the
 * `ServerResponse`. Everywhere else use `handle` of `tidings`.
 *
 * @throws TidingsError `bad_option` when an option is of the wrong type, `bad_request` when it is not called with `(req, res)`.
 */
export function handle(options: NodeHandleOptions): (req: IncomingMessage, res: ServerResponse) => void {
  const endpoint = checkHandleOptions(options, true);
  // oxlint-disable-next-line typescript/no-misused-promises -- said below
  return (req, res) => {
    if (typeof req?.headers !== "object" || typeof res?.writeHead !== "function") {
      throw new TidingsError(
        "bad_request",
        "`handle` of `tidings/node` takes Node's `(req, res)`, and this is something else. For a fetch `Request` import `handle` from `tidings`; in Fastify call `reply.hijack()` and pass `request.raw, reply.raw`; in Nuxt wrap it as `fromNodeMiddleware(handle({ realtime }))`.",
      );
    }
    // The type says nothing of the promise, which linters would have everybody handle. It is for h3 1 (Nuxt 4), which waits for what a
    // listener returns, and says 404 when no headers were sent by then.
    return answer(endpoint, req, res);
  };
}

/** Resolves when the headers are sent, or when nobody can be answered any more. */
async function answer(endpoint: Endpoint, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const admitted = await admit(endpoint, {
      method: req.method ?? "GET",
      // Express mounts a router by cutting its path off `url`.
      url: req.url ?? "/",
      header: (name) => firstHeader(req.headers[name]),
      socketAddress: req.socket.remoteAddress,
      toRequest: () => toRequest(req),
    });
    if (res.destroyed || res.writableEnded || req.socket.destroyed) {
      if ("channels" in admitted) admitted.place.leave();
      return;
    }
    if ("channels" in admitted && admitted.waitMs === undefined) openStream(endpoint, admitted, { req, res });
    else if ("channels" in admitted) await sendPage(endpoint, admitted, { req, res });
    else await sendResponse(endpoint, admitted, { req, res });
  } catch (error) {
    const refusal = refuseFailed(endpoint, error);
    if (res.headersSent) res.destroy();
    // Nobody waits for what this returns: what it threw would end the process.
    else await sendResponse(endpoint, refusal, { req, res }).catch(() => res.destroy());
  }
}

/** Both sides of a request. */
interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

async function sendPage(endpoint: Endpoint, admitted: Admitted, { req, res }: Exchange): Promise<void> {
  const leaving = new AbortController();
  onEnd({ req, res }, () => leaving.abort());
  keepUntilTaken(admitted.place, { req, res });
  const response = await answerPage(endpoint, admitted, leaving.signal);
  if (leaving.signal.aborted) return;
  await sendResponse(endpoint, response, { req, res });
  cutIfNotTaken(endpoint, { req, res });
}

/** A place is free when nothing waits for its reader any more: who takes nothing must not have any number of responses. */
function keepUntilTaken(place: Place, exchange: Exchange): void {
  const leave = (): void => place.leave();
  exchange.res.once("finish", leave);
  onEnd(exchange, leave);
}

/** For a response that has ended here. */
function cutIfNotTaken({ realtime }: Endpoint, { req, res }: Exchange): void {
  if (res.writableFinished || res.destroyed) return;
  const stop = watchLastBytes(
    {
      get waiting() {
        return waitingFor({ req, res });
      },
      // One that waits for its turn behind another takes no connection along, and ends with that.
      cut: () => void (res.socket && res.destroy()),
    },
    realtime,
  );
  res.once("finish", stop);
  onEnd({ req, res }, stop);
}

function openStream(endpoint: Endpoint, admitted: Admitted, { req, res }: Exchange): void {
  const { limits, place } = admitted;
  const sink: Sink = {
    write: (bytes) => res.write(bytes) || res.writableLength < limits.maxBufferedBytes,
    get waiting() {
      return waitingFor({ req, res });
    },
    end() {
      res.end();
      cutIfNotTaken(endpoint, { req, res });
      if (endpoint.realtime.isDraining()) endConnection({ req, res });
    },
    abandon() {
      // What is in the system's hands already still arrives. A pipelined response whose turn has not come must not take the others along.
      if (res.socket) res.destroy();
      else res.end();
    },
  };
  const session = opened(place, () => endpoint.realtime.openStream(sink, admitted));
  const end = (): void => session.end();
  onEnd({ req, res }, end);
  keepUntilTaken(place, { req, res });
  try {
    // The first bytes are written at the end of this turn.
    res.writeHead(200, admitted.headers);
  } catch (error) {
    // Someone has sent headers already.
    end();
    throw error;
  }
  res.on("drain", () => session.drained());
}

/**
 * Bytes that are not in the system's hands yet, roughly: a slow reader takes minutes for one large write, which Node counts as long as
 * any of it is left. How much of it is, only the handle of the socket knows.
 */
function waitingFor({ req, res }: Exchange): number {
  const { writableLength } = res;
  if (writableLength === 0 || req.httpVersionMajor !== 1) return writableLength;
  const { _handle: handle } = req.socket as { readonly _handle?: { readonly writeQueueSize?: unknown } | null };
  return typeof handle?.writeQueueSize === "number" ? writableLength + handle.writeQueueSize : writableLength;
}

/**
 * Ends the connection when this response has. A client that keeps it would come back to a server that is closing, and keep that from
 * ending. By HTTP/2 no more requests are taken on it, and what else is open there goes on.
 */
function endConnection({ req, res }: Exchange): void {
  if (req.httpVersionMajor === 1) res.once("finish", () => req.socket.end());
  else (req as Http2Request).stream?.session?.close();
}

/** What a request by HTTP/2 has besides. */
interface Http2Request extends IncomingMessage {
  readonly stream?: { readonly session?: { close(): void } };
}

/** Calls back when the response is over, from whichever side. */
function onEnd({ req, res }: Exchange, end: () => void): void {
  res.on("close", end);
  res.on("error", end);
  if (res.socket === null) endWithSocket(req.socket, res, end);
}

/** What ends with each socket, of responses that are queued behind another one on it. */
const queued = new WeakMap<Socket, Set<() => void>>();

/**
 * A pipelined request's response has no socket before its turn comes, and does not hear of the end of the one it waits for. One
 * listener serves all that wait: there can be any number.
 */
function endWithSocket(socket: Socket, res: ServerResponse, end: () => void): void {
  const waiting = queued.get(socket) ?? new Set();
  waiting.add(end);
  res.on("close", () => waiting.delete(end));
  if (queued.has(socket)) return;
  queued.set(socket, waiting);
  socket.on("close", () => {
    for (const endOne of waiting) endOne();
  });
}

async function sendResponse({ realtime }: Endpoint, response: Response, { req, res }: Exchange): Promise<void> {
  const isDraining = realtime.isDraining();
  // On a connection that is kept the next request would meet this server again.
  if (isDraining && req.httpVersionMajor === 1) res.shouldKeepAlive = false;
  const cookies = response.headers.getSetCookie();
  const headers = Object.fromEntries(response.headers);
  // Before the headers: a body that cannot be read must not cost the client its answer.
  const body = response.body ? new Uint8Array(await response.arrayBuffer()) : undefined;
  // Also none, after one that could not be sent. By HTTP/2 there is none, and Node warns of any.
  if ((res.statusMessage ?? "") !== response.statusText) res.statusMessage = response.statusText;
  res.writeHead(response.status, cookies.length > 0 ? { ...headers, "set-cookie": cookies } : headers);
  res.end(body);
  if (isDraining && req.httpVersionMajor !== 1) endConnection({ req, res });
}

/** The request as middleware sees it. Its body is not carried over: a stream is asked for with GET. */
function toRequest(req: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value ?? ""]) headers.append(name, one);
  }
  const host = firstHeader(req.headers.host) ?? firstHeader(req.headers[":authority"]) ?? "localhost";
  const encrypted = "encrypted" in req.socket && req.socket.encrypted === true;
  const original = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : req.url;
  const origin = `${encrypted ? "https" : "http"}://${isHost(host) ? host : "localhost"}`;
  return new Request(`${origin}${pathOf(original ?? "/")}`, { method: req.method ?? "GET", headers });
}

/** A host that no URL can have would make an error of the server, and a line in its log, out of what any visitor can send. */
function isHost(host: string): boolean {
  return HOST.test(host) && URL.canParse(`http://${host}/`);
}

/** What a host may look like: anything else could move the path of the URL that middleware sees. */
const HOST = /^[\w.-]+(?::\d+)?$|^\[[\da-fA-F:.]+\](?::\d+)?$/;

/** Path and query of a request line, which may also be a whole URL; without a fragment, which no client may send. */
function pathOf(target: string): string {
  const [reference] = target.split("#", 1) as [string];
  return reference.startsWith("/") ? reference : `/${reference.replace(/^[a-z]+:\/\/[^/?]*\/?/i, "")}`;
}

function firstHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
