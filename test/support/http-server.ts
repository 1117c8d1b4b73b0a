import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { handle as handleFetch, type HandleOptions } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";

/** A server on a free port of this machine. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Breaks every connection, as a network does. */
  cut(): void;
}

/** The two ways out of the library, behind Node's `http`. */
export const TRANSPORTS = {
  fetch: (options: HandleOptions): RequestListener => fetchListener(handleFetch(options)),
  node: (options: HandleOptions): RequestListener => handleNode(options),
} as const;

/** Serves until it is disposed of. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createServer(listener);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The least that a framework does to serve a fetch handler: a Request in, the Response's chunks out, an abort when it leaves. */
export function fetchListener(handler: (request: Request) => Promise<Response>): RequestListener {
  return (req, res) => void answer(handler, req, res);
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const leaving = new AbortController();
  res.on("close", () => leaving.abort());
  const response = await handler(
    new Request(`http://${req.headers.host}${req.url}`, {
      method: req.method ?? "GET",
      headers: Object.entries(req.headers).map(([name, value]): [string, string] => [name, String(value)]),
      signal: leaving.signal,
    }),
  );
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);
  for (const [name, value] of response.headers) if (name !== "set-cookie") res.setHeader(name, value);
  if (response.statusText) res.statusMessage = response.statusText;
  res.writeHead(response.status);
  const reader = response.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (!chunk || chunk.done) break;
    if (!res.write(chunk.value)) await drained(res);
  }
  res.end();
}

/** Resolves when more can be written, or when nobody reads any more. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      res.off("drain", settle).off("close", settle);
      resolve();
    };
    res.on("drain", settle).on("close", settle);
  });
}
