import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { RECORD_CONSOLE } from "./browsers/engine.ts";
import { serve } from "./http-server.ts";
import { startProxy, type TcpProxy } from "./tcp-proxy.ts";

/** Serves a page whose tabs share a connection. A channel `user:<name>` is for who sends the header `x-user: <name>`. */
export interface SharedTabsServer extends AsyncDisposable {
  readonly url: string;
  readonly proxy: TcpProxy;
  /** The open streams, oldest first: who asked for which. */
  readonly streams: ReadonlySet<string>;
  /** How many streams were asked for. */
  readonly requests: number;
  /** The most streams that were open at once. */
  mostStreams: number;
  /** Refuses everybody, with a status that is final. */
  isClosedToAll: boolean;
  emit(channel: string, ...values: readonly unknown[]): Promise<void>;
}

/** @param script path of the page's script; what it loads lies beside it */
export async function startSharedTabsServer(script: string): Promise<SharedTabsServer> {
  const folder = path.dirname(script);
  const files = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(path.join(folder, name), "utf8")]));
  const realtime = new Realtime({ broker: createMemoryBroker() });
  const open = new Set<string>();
  const kit = { requests: 0, mostStreams: 0, isClosedToAll: false };
  const stream = handle({
    realtime,
    middleware: () => (kit.isClosedToAll ? new Response("closed", { status: 403 }) : undefined),
    authorize: ({ request, channel }) =>
      !channel.startsWith("user:") || channel === `user:${request.headers.get("x-user") ?? ""}`,
  });
  const server = await serve((request, response) => {
    const { url = "/" } = request;
    if (url.startsWith("/api/realtime")) {
      const name = `${++kit.requests} ${String(request.headers["x-user"])} ${url}`;
      open.add(name);
      kit.mostStreams = Math.max(kit.mostStreams, open.size);
      response.once("close", () => open.delete(name));
      return stream(request, response);
    }
    response.setHeader("connection", "close");
    const file = files.get(url);
    if (file !== undefined) return void response.setHeader("content-type", "text/javascript").end(file);
    const scripts = url.startsWith("/?")
      ? `<script>${RECORD_CONSOLE}</script><script type="module" src="/page.js"></script>`
      : "";
    response.setHeader("content-type", "text/html").end(`<!doctype html><link rel="icon" href="data:,">${scripts}`);
  });
  const proxy = await startProxy(Number(new URL(server.url).port));
  return Object.assign(kit, {
    url: `http://127.0.0.1:${proxy.port}`,
    proxy,
    streams: open,
    async emit(channel: string, ...values: readonly unknown[]) {
      for (const value of values) await realtime.channel(channel).emit("count.up", value);
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await realtime.close();
      await server[Symbol.asyncDispose]();
    },
  });
}
