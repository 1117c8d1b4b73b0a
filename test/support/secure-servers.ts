import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect, constants, createSecureServer, createServer as createPlainHttp2, type ClientHttp2Session } from "node:http2";
import { Agent, createServer as createHttps, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Readable } from "node:stream";
import { SELF_SIGNED } from "./self-signed.ts";

/** A connection of a client, kept open until the server ends it. */
export interface KeptConnection {
  /** Asks for a path; resolves when the head of the answer is there. Nothing of the body is taken before it is read. */
  ask(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** What came of a request. */
export interface Answer {
  readonly status: number;
  readonly body: Readable;
  /** Gives it up, as a browser does. */
  leave(): void;
}

/** A server other than plain HTTP/1.1, on a free port of this machine. */
export interface SecureServer extends AsyncDisposable {
  connect(): KeptConnection;
  /** Takes no more connections; resolves when the last one has ended. */
  close(): Promise<void>;
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** The servers of Node that are not `node:http`, each with a client. */
export const SECURE_SERVERS: Readonly<Record<string, (listener: Listener) => Promise<SecureServer>>> = {
  https: (listener) => start(createHttps(SELF_SIGNED, listener), byHttp1),
  "http2, with TLS": (listener) => start(secureHttp2(listener), byHttp2("https")),
  "http2, asked by HTTP/1.1": (listener) => start(secureHttp2(listener), byHttp1),
  "http2, without TLS": (listener) => start(createPlainHttp2(listener as never), byHttp2("http")),
};

function secureHttp2(listener: RequestListener) {
  // Its requests and responses have the same members; the types do not say so.
  return createSecureServer({ ...SELF_SIGNED, allowHTTP1: true }, listener as never);
}

type Dial = (port: number, cleanup: Array<() => void>) => KeptConnection;

function byHttp1(port: number, cleanup: Array<() => void>): KeptConnection {
  const agent = new Agent({ keepAlive: true, ca: SELF_SIGNED.cert });
  cleanup.push(() => agent.destroy());
  return {
    async ask(path, headers = {}) {
      const asked = request({ host: "127.0.0.1", port, path, headers, agent }).end();
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      response.on("error", () => {});
      return { status: response.statusCode ?? 0, body: response, leave: () => void response.destroy() };
    },
  };
}

function byHttp2(scheme: "http" | "https"): Dial {
  return (port, cleanup) => {
    let session: ClientHttp2Session | undefined;
    cleanup.push(() => session?.destroy());
    return {
      async ask(path, headers = {}) {
        // As a browser: one connection, and another one when that takes no more requests.
        if (session === undefined || session.closed || session.destroyed) {
          session = connect(`${scheme}://127.0.0.1:${port}`, { ca: SELF_SIGNED.cert }).on("error", () => {});
        }
        const stream = session.request({ ":path": path, ...headers });
        const [head] = (await once(stream, "response")) as [{ readonly ":status"?: number }];
        stream.on("error", () => {});
        return { status: head[":status"] ?? 0, body: stream, leave: () => stream.close(constants.NGHTTP2_CANCEL) };
      },
    };
  };
}

interface AnyServer {
  listen(port: number, host: string, then: () => void): unknown;
  address(): AddressInfo | string | null;
  close(then: () => void): unknown;
  on(event: "connection", listener: (socket: Socket) => void): unknown;
}

async function start(server: AnyServer, dial: Dial): Promise<SecureServer> {
  const cleanup: Array<() => void> = [];
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= new Promise<void>((resolve) => void server.close(resolve)));
  return {
    connect: () => dial(port, cleanup),
    close,
    async [Symbol.asyncDispose]() {
      for (const clean of cleanup) clean();
      for (const socket of sockets) socket.destroy();
      await close();
    },
  };
}
