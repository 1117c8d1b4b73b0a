import { once } from "node:events";
import { createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { createParser } from "eventsource-parser";
import { describe, expect, it } from "vitest";
import { handle as handleFetch, Realtime } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";

const KB = 1024;
/** Big enough that 400 of them fill every buffer between the two ends. */
const PAYLOAD = "x".repeat(100 * KB);
const EVENTS = 400;
const KEPT = 20;

/** What has seen its first event. */
const joined = new WeakSet<object>();

/** Reads a stream as an independent parser sees it: the numbers of events, and `gap`. */
function follow(response: IncomingMessage): Array<number | "gap"> {
  const seen: Array<number | "gap"> = [];
  const parser = createParser({
    onEvent({ event, data }) {
      if (event === "gap") seen.push("gap");
      if (event !== undefined) return;
      const { n } = (JSON.parse(data) as { data: { n: number } }).data;
      // 0 only tells that the stream has joined.
      if (n > 0) seen.push(n);
      else joined.add(seen);
    },
  });
  response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
  return seen;
}

const listeners: Record<string, (realtime: object) => RequestListener> = {
  "tidings/node": (realtime) => handleNode({ realtime }),
  tidings: (realtime) => {
    const handle = handleFetch({ realtime });
    return async (req, res) => {
      const response = await handle(new Request(`http://localhost${req.url}`));
      res.writeHead(response.status, Object.fromEntries(response.headers));
      Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]).pipe(res);
    };
  },
};

describe.each(Object.keys(listeners))("a reader that stops reading, through %s", (entry) => {
  it("I5 Bound: costs bounded memory, slows nobody, and then gets one gap and all that is held (B-28)", async () => {
    await using realtime = new Realtime({ keyPrefix: `slow-${entry}`, history: { maxLength: KEPT } });
    const server = createServer(listeners[entry]?.(realtime)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const sockets: Socket[] = [];
    server.on("connection", (socket) => sockets.push(socket));
    const open = async (): Promise<IncomingMessage> => {
      const request = get({
        host: "127.0.0.1",
        port: (server.address() as AddressInfo).port,
        path: "/?channel=room",
        agent: false,
      });
      const [response] = (await once(request, "response")) as [IncomingMessage];
      return response;
    };
    const slow = await open();
    await once(slow, "data");
    slow.pause();
    const brisk = follow(await open());
    const channel = realtime.channel("room");
    while (!joined.has(brisk)) {
      await channel.emit("n.n", { n: 0 });
      await new Promise((resolve) => setImmediate(resolve));
    }

    let most = 0;
    for (let n = 1; n <= EVENTS; n++) {
      await channel.emit("n.n", { n, PAYLOAD });
      while (brisk.at(-1) !== n) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, sockets[0]?.writableLength ?? 0);
    }
    expect(brisk, "the other reader has everything, in order").toEqual(Array.from({ length: EVENTS }, (_, index) => index + 1));
    expect(most, "what waits in the slow one's socket").toBeLessThan(KB * KB);

    const seen = follow(slow);
    slow.resume();
    while (seen.at(-1) !== EVENTS) await once(slow, "data");
    expect(seen.filter((step) => step === "gap")).toHaveLength(1);
    const gap = seen.indexOf("gap");
    expect(seen.slice(gap + 1), "after the gap, all that is held").toEqual(
      Array.from({ length: KEPT }, (_, index) => EVENTS - KEPT + 1 + index),
    );
    const before = seen.slice(0, gap) as number[];
    expect(before, "before the gap, everything up to it").toEqual(before.map((_, index) => (before[0] as number) + index));
    server.closeAllConnections();
    server.close();
  });
});
