import { once } from "node:events";
import { connect } from "node:http2";
import { request } from "node:https";
import { Readable } from "node:stream";
import { readBody, type RawBody } from "./raw-stream.ts";
import { SELF_SIGNED } from "./self-signed.ts";

/** `fetch` by HTTP/1.1 that trusts the servers of the tests. */
export const secureFetch: typeof fetch = async (input, init) => {
  const asking = new Request(input, init);
  const { url, method, headers, signal } = asking;
  const sent = new Uint8Array(await asking.arrayBuffer());
  return await new Promise((resolve, reject) => {
    const options = { method, headers: Object.fromEntries(headers), signal, ca: SELF_SIGNED.cert, agent: false as const };
    const asked = request(url, options, (res) => {
      const body = Readable.toWeb(res) as ReadableStream<Uint8Array>;
      resolve(new Response(body, { status: res.statusCode ?? 0, headers: res.headers as Record<string, string> }));
    });
    asked.on("error", reject).end(sent);
  });
};

/** One connection by HTTP/2. */
export interface Http2Connection extends AsyncDisposable {
  /** What was agreed on: `"h2"`. */
  readonly protocol: string | undefined;
  /** Asks for a path; resolves when the head of the answer is there. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<RawBody & { readonly status: number }>;
}

export async function connectHttp2(url: string): Promise<Http2Connection> {
  const session = connect(url, { ca: SELF_SIGNED.cert });
  session.on("error", () => {});
  await once(session, "connect");
  return {
    protocol: session.alpnProtocol,
    async open(path, headers = {}) {
      const stream = session.request({ ":path": path, ...headers });
      const [head] = (await once(stream, "response")) as [{ ":status"?: number }];
      return Object.assign(readBody(stream), { status: head[":status"] ?? 0 });
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
}
