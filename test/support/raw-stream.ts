import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

/** A body as its bytes arrive. */
export interface RawBody {
  /** What has arrived of the body. */
  readonly text: string;
  /** Resolves with the text when the body holds what `enough` looks for; rejects when it ends without. */
  until(enough: string | RegExp | ((text: string) => boolean)): Promise<string>;
  /** Resolves with the whole text when the server has ended the response, or the socket broke. */
  readonly ended: Promise<string>;
  /** Breaks the socket, or the stream of HTTP/2, from the client's side. */
  destroy(): void;
}

/** A response as its bytes arrive, read by nothing but Node's own HTTP parser. */
export interface RawStream extends RawBody {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request on a connection of its own; resolves when the head of the response is there. */
export async function openRaw(url: string, { method = "GET", headers = {} }: RawRequest = {}): Promise<RawStream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, headers, agent: false }, resolve).on("error", reject).end();
  });
  // Not spread: what has arrived is asked for anew each time.
  return Object.assign(readBody(response), { status: response.statusCode ?? 0, headers: response.headers });
}

/** Reads a body to its end. */
export function readBody(response: Readable): RawBody {
  let text = "";
  let over = false;
  const waiting = new Set<() => void>();
  const look = (): void => waiting.forEach((check) => check());
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    look();
  });
  const ended = new Promise<string>((resolve) => {
    response.on("error", () => {});
    response.on("close", () => {
      over = true;
      resolve(text);
      look();
    });
  });
  return {
    get text() {
      return text;
    },
    ended,
    until(enough) {
      const found = (): boolean =>
        typeof enough === "function" ? enough(text) : typeof enough === "string" ? text.includes(enough) : enough.test(text);
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (!found() && !over) return;
          waiting.delete(check);
          if (found()) resolve(text);
          else reject(new Error(`the response ended without ${String(enough)}: ${JSON.stringify(text)}`));
        };
        waiting.add(check);
        check();
      });
    },
    destroy: () => void response.destroy(),
  };
}
