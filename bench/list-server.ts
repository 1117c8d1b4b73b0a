import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Realtime } from "tidings";
import { handle } from "tidings/node";
import { channelOf, type Order, type Way } from "./list-ways.ts";

const RATE = 1_000;
/** Milliseconds between two batches. */
const BATCH_MS = 4;

/** What serves the page, and both streams. */
export interface ListServer {
  readonly url: string;
  /** Sends orders at 1,000 a second, in a batch each 4 ms. Resolves when the last of them was written. */
  send(way: Way, from: number, count: number): Promise<void>;
  close(): Promise<void>;
}

/** @param script of the page */
export async function startServer(script: string): Promise<ListServer> {
  const realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: "bench" });
  const stream = handle({ realtime });
  /** The streams of the bare contenders. */
  const bare = new Map<string, ServerResponse>();

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/api/realtime") return stream(request, response);
    if (pathname === "/bare") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" }).flushHeaders();
      return void bare.set(searchParams.get("channel") ?? "", response);
    }
    if (pathname === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    response
      .setHeader("content-type", "text/html")
      .end(
        '<!doctype html><title>bench</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>',
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  async function sendOne(way: Way, order: Order): Promise<void> {
    const channel = channelOf(way);
    if (way.startsWith("tidings")) await realtime.channel(channel).emit("order.placed", order);
    else bare.get(channel)?.write(`data: ${JSON.stringify(order)}\n\n`);
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async send(way, from, count) {
      const sending: Array<Promise<void>> = [];
      const started = performance.now();
      while (sending.length < count) {
        // A batch that comes late is the larger: the rate stays.
        const due = Math.min(count, ((performance.now() - started) * RATE) / 1_000);
        while (sending.length < due) sending.push(sendOne(way, orderOf(from + sending.length)));
        await sleep(BATCH_MS);
      }
      await Promise.all(sending);
    },
    async close() {
      await realtime.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function orderOf(n: number): Order {
  return {
    n,
    customer: `customer-${(n * 7_919) % 10_007}`,
    article: `article-${(n * 104_729) % 1_009}`,
    pieces: (n % 9) + 1,
    note: "to be left with the neighbours when nobody opens",
  };
}
