import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { serve, type TestServer } from "./http-server.ts";

/** What a proxy does with a response. */
export type Passing =
  /** Hands on each byte as it comes. */
  | { readonly how: "at once" }
  /** Hands on nothing, not even the status, before the response has ended. */
  | { readonly how: "when it has ended" }
  /** Hands on each byte as it comes, and ends what takes longer. */
  | { readonly how: "not for long"; readonly ms: number }
  /** Answers itself. */
  | { readonly how: "not at all"; readonly status: number };

/** An HTTP proxy in front of a server, as bad as it is told to be. */
export interface HttpProxy extends TestServer {
  /** What is done with the responses to the endpoint; all others are handed on at once. */
  passing: Passing;
  /** What the endpoint was asked, oldest first: paths and queries. */
  readonly requests: readonly string[];
}

/** Starts a proxy on a free port. @param target the server's URL */
export async function startHttpProxy(target: string): Promise<HttpProxy> {
  let passing: Passing = { how: "at once" };
  const requests: string[] = [];

  function hold(answer: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks)));
  }

  const server = await serve((incoming, response) => {
    const isOurs = incoming.url?.startsWith("/api/") === true;
    if (isOurs) requests.push(incoming.url ?? "");
    const now = isOurs ? passing : ({ how: "at once" } as const);
    if (now.how === "not at all") return void response.writeHead(now.status).end("<html>bad gateway</html>");
    const outgoing = request(
      new URL(incoming.url ?? "/", target),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (now.how === "when it has ended") return hold(answer, response);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        if (now.how !== "not for long") return;
        const timer = setTimeout(() => response.destroy(), now.ms);
        response.once("close", () => clearTimeout(timer));
      },
    );
    outgoing.on("error", () => response.destroy());
    response.once("close", () => outgoing.destroy());
    outgoing.end();
  });
  return {
    ...server,
    requests,
    get passing() {
      return passing;
    },
    set passing(value) {
      passing = value;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
