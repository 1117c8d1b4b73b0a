import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
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

async function serve(prefix: string, before: (res: ServerResponse) => void = () => {}) {
  const realtime = new Realtime({
    keyPrefix: prefix,
    redis: { driver: "memory" },
    logger: { log() {}, warn() {}, error() {} },
  });
  const listener = handle({ realtime });
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    before(res);
    listener(req, res);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await realtime.close();
  });
  return { realtime, port: (server.address() as AddressInfo).port };
}

describe("sockets of tidings/node", () => {
  it("S-6: pipelined requests end with their socket, also those whose answer is still queued", async () => {
    const { realtime, port } = await serve("pipelined");
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20));
    await vi.waitFor(() => expect(openStreams(realtime)).toBeGreaterThan(1));
    socket.destroy();
    await vi.waitFor(() => expect(openStreams(realtime)).toBe(0));
  });

  it("S-6: a response whose headers were sent already leaves no stream behind", async () => {
    const { realtime, port } = await serve("headers-sent", (res) => res.flushHeaders());
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await vi.waitFor(() => expect(openStreams(realtime)).toBe(0));
  });
});
