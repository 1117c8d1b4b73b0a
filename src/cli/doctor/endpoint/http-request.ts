import { request as requestHttp, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import type { Readable } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { constants, createBrotliDecompress, createGunzip } from "node:zlib";

/** The version of HTTP that a browser would speak there. */
export type HttpVersion = "HTTP/1.1" | "HTTP/2";

/** The head of a response, and its body while it comes. */
export interface Answer {
  readonly status: number;
  /** In small letters; several of one name joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly version: HttpVersion;
  /** Ends or fails with the response. Decompressed as it comes. */
  readonly body: Readable;
  /** Milliseconds from the request to the head. */
  readonly headMs: number;
  /** Milliseconds since the request. */
  now(): number;
  /** Leaves it. */
  close(): void;
}

/** How {@link send} asks. */
export interface RequestOptions {
  /** @default "GET" */
  readonly method?: "GET" | "OPTIONS";
  readonly headers: Readonly<Record<string, string>>;
  /** For how long the head of the response may take. */
  readonly timeoutMs: number;
  /** Certificates that are trusted. @default those of Node */
  readonly ca?: readonly string[] | undefined;
}

/**
 * Asks once, by the version of HTTP that a browser would take; on a connection of its own, and without following a redirection.
 * @returns nothing when the head of the response did not come in time
 * @throws Error with the `code` of the system, of TLS or of the HTTP parser, when nobody answers in HTTP
 */
export async function send(url: URL, { method = "GET", headers, timeoutMs, ca }: RequestOptions): Promise<Answer | undefined> {
  const began = performance.now();
  const leave: Array<() => void> = [];
  const head = async (): Promise<Head> => {
    if (url.protocol === "http:") return overHttp1(url, headers, { method, leave });
    const socket = await openTls(url, { method, leave, ca });
    return socket.alpnProtocol === "h2"
      ? overHttp2(url, headers, { method, leave, socket })
      : overHttp1(url, headers, { method, leave, socket });
  };
  const close = (): void => {
    for (const end of leave) end();
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), timeoutMs)));
  try {
    const answered = await Promise.race([head(), late]);
    if (!answered) {
      close();
      return undefined;
    }
    const now = (): number => performance.now() - began;
    return { ...answered, body: decoded(answered), headMs: now(), now, close };
  } catch (error) {
    close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

type Head = Pick<Answer, "status" | "headers" | "version" | "body">;

interface Way {
  readonly method: string;
  /** What ends it. */
  readonly leave: Array<() => void>;
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, "$1");

function openTls(url: URL, { leave, ca }: Way & Pick<RequestOptions, "ca">): Promise<TLSSocket> {
  const host = hostOf(url);
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...{ host, port: Number(url.port || 443), ALPNProtocols: ["h2", "http/1.1"] },
      // A name, and never an address.
      ...(isIP(host) === 0 && { servername: host }),
      ...(ca && { ca: [...ca] }),
    });
    leave.push(() => socket.destroy());
    socket.once("secureConnect", () => resolve(socket));
    // Stays: one that breaks later is told of by the response, and must not end the process.
    socket.on("error", reject);
  });
}

function overHttp1(
  url: URL,
  headers: RequestOptions["headers"],
  { method, leave, socket }: Way & { socket?: TLSSocket },
): Promise<Head> {
  return new Promise((resolve, reject) => {
    const request = (socket ? requestHttps : requestHttp)(url, {
      ...{ method, headers },
      // An agent would make connections of its own.
      ...(socket ? { createConnection: () => socket } : { agent: false }),
    });
    leave.push(() => request.destroy());
    request.on("error", reject);
    request.once("response", (body: IncomingMessage) => {
      resolve({ status: body.statusCode ?? 0, headers: joined(body.headers), version: "HTTP/1.1", body });
    });
    request.end();
  });
}

function overHttp2(
  url: URL,
  headers: RequestOptions["headers"],
  { method, leave, socket }: Way & { socket: TLSSocket },
): Promise<Head> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url.origin, { createConnection: () => socket });
    leave.push(() => session.destroy());
    session.on("error", reject);
    const body = session.request({ ...headers, ":method": method, ":path": `${url.pathname}${url.search}` });
    body.on("error", reject);
    body.once("response", ({ ":status": status, ...rest }) => {
      resolve({ status: status ?? 0, headers: joined(rest), version: "HTTP/2", body });
    });
  });
}

function joined(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

const FLUSH = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => createGunzip(FLUSH),
  br: () => createBrotliDecompress(),
};

/** The compressions that can be read here, as a request names them. */
export const ENCODINGS: string = Object.keys(DECODERS).join(", ");

/** The body as it was before something compressed it. */
function decoded({ headers, body }: Head): Readable {
  const decoder = DECODERS[headers["content-encoding"]?.trim().toLowerCase() ?? ""]?.();
  if (!decoder) return body;
  const fail = (error: Error): void => void decoder.destroy(error);
  // An answer that is left unread has nobody else who listens.
  decoder.on("error", () => {});
  body.on("error", fail);
  body.on("aborted", () => fail(new Error("aborted")));
  return body.pipe(decoder);
}
