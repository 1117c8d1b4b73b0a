import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { leaseHub } from "../../src/realtime/registry.ts";
import { RECORD_CONSOLE } from "./browsers/engine.ts";
import { serve } from "./http-server.ts";
import { startProxy, type TcpProxy } from "./tcp-proxy.ts";

/** The server of a page, behind a proxy. */
export interface EngineServer extends AsyncDisposable {
  /** Of the page, through the proxy. `/away`, or any other path, is a page that does nothing. */
  readonly url: string;
  /** Everything goes through it, the page as well. */
  readonly proxy: TcpProxy;
  /** Called when the page asks for its script, before it gets that: between two lives of a page that is loaded anew. */
  onLoad: () => Promise<void>;
  /** Emits `order.placed` on the channel `room`, once for each value, in order. Resolves when all are stored. */
  emit(...values: readonly unknown[]): Promise<void>;
}

/** What a page needs. */
export interface EngineServerOptions {
  /** Path of the page's script; what it loads lies beside it. */
  readonly script: string;
  /** The longest silence of a sound stream. No option of the library is this short. @default 1_000 */
  readonly heartbeatMs?: number;
}

/** Serves a page and its streams, from memory, on free ports. */
export async function startEngineServer({ script, heartbeatMs = 1_000 }: EngineServerOptions): Promise<EngineServer> {
  const folder = path.dirname(script);
  const files = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(path.join(folder, name), "utf8")]));
  const broker = createMemoryBroker();
  // Who comes first decides about the heartbeat of all who share a broker.
  const lease = leaseHub(broker, () => ({ broker, clock: systemClock, logger: console, heartbeatMs }));
  const realtime = new Realtime({ broker });
  const stream = handle({ realtime });

  const server = await serve((request, response) => {
    const { url = "/" } = request;
    if (url.startsWith("/api/realtime")) return stream(request, response);
    // Only streams leave a connection behind, so what is done to connections is done to them.
    response.setHeader("connection", "close");
    const file = files.get(url);
    if (file !== undefined) {
      response.setHeader("content-type", "text/javascript");
      return void kit.onLoad().then(() => response.end(file));
    }
    const scripts = url === "/" ? `<script>${RECORD_CONSOLE}</script><script type="module" src="/page.js"></script>` : "";
    const html = `<!doctype html><title>${url}</title><link rel="icon" href="data:,">${scripts}`;
    response.setHeader("content-type", "text/html").end(html);
  });
  const proxy = await startProxy(Number(new URL(server.url).port));

  const kit: EngineServer = {
    url: `http://127.0.0.1:${proxy.port}`,
    proxy,
    onLoad: async () => {},
    async emit(...values) {
      for (const value of values) await realtime.channel("room").emit("order.placed", value);
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await realtime.close();
      await lease.release();
      await server[Symbol.asyncDispose]();
    },
  };
  return kit;
}
