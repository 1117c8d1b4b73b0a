import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { EventSource } from "eventsource";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { internalsOf } from "../../src/realtime/internals.ts";

/** Streams that the process serves now. */
function openStreams(realtime: object): number {
  const { hub } = internalsOf(realtime) as unknown as { hub(): { streams: number } };
  return hub.call(internalsOf(realtime)).streams;
}

const closing: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(prefix: string, before: (res: ServerResponse) => void = () => {}, port = 0) {
  const realtime = new Realtime({
    keyPrefix: prefix,
    redis: { driver: "memory" },
    logger: { log() {}, warn() {}, error() {} },
  });
  const listener = handle({ realtime });
  const sockets: Socket[] = [];
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    before(res);
    listener(req, res);
  }).listen(port, "127.0.0.1");
  server.on("connection", (socket) => void sockets.push(socket));
  await once(server, "listening");
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await realtime.close();
  });
  return { realtime, server, sockets, port: (server.address() as AddressInfo).port };
}

describe("sockets of tidings/node", () => {
  it("S-6: pipelined requests end with their socket, also those whose answer is still queued; one listener serves them all", async () => {
    const { realtime, port, sockets } = await serve("pipelined");
    const listeners = async (requests: number): Promise<number> => {
      const open = openStreams(realtime);
      const socket = connect(port, "127.0.0.1");
      socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\n\r\n".repeat(requests));
      await vi.waitFor(() => expect(openStreams(realtime)).toBe(open + requests));
      const count = (sockets.at(-1) as Socket).listenerCount("close");
      socket.destroy();
      await vi.waitFor(() => expect(openStreams(realtime)).toBe(open));
      return count;
    };
    expect(await listeners(20)).toBe((await listeners(1)) + 1);
  });

  it("S-6: a response whose headers were sent already leaves no stream behind", async () => {
    const { realtime, port } = await serve("headers-sent", (res) => res.flushHeaders());
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await vi.waitFor(() => expect(openStreams(realtime)).toBe(0));
  });

  it("I9 Close: whichever is closed first, the server ends and a plain EventSource goes on with the next one", async () => {
    for (const isServerFirst of [true, false]) {
      const { realtime, server, port } = await serve(`restart-${isServerFirst}`);
      const source = new EventSource(`http://127.0.0.1:${port}/`);
      closing.push(async () => source.close());
      const joined: string[] = [];
      source.addEventListener("connected", ({ data }) => void joined.push(data as string));
      await vi.waitFor(() => expect(joined).toHaveLength(1));
      const ended = isServerFirst ? once(server, "close") : undefined;
      if (isServerFirst) server.close();
      await realtime.close();
      // It comes back while the first server is still there, and must neither hold it nor give up.
      await vi.waitFor(() => expect(source.readyState).toBe(EventSource.CONNECTING));
      await (ended ?? new Promise<void>((resolve) => server.close(() => resolve())));
      const next = await serve(`restarted-${isServerFirst}`, undefined, port);
      await vi.waitFor(() => expect(joined).toHaveLength(2));
      expect(source.readyState).toBe(EventSource.OPEN);
      source.close();
      next.server.closeAllConnections();
    }
  });
});
