import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a server on which little comes back at once, as from a phone at the edge of its network. */
export interface NarrowProxy extends AsyncDisposable {
  readonly url: string;
  /** Bytes a second that come back on each connection; `Infinity` for all there is. Can be changed at any time. */
  bytesPerSecond: number;
  /** Connections that were ever made. */
  readonly connections: number;
}

const TICK_MS = 50;

/** Starts a proxy on a free port of 127.0.0.1 that leads to `port`. What it does not pass on, it does not take. */
export async function startNarrowProxy(port: number, bytesPerSecond: number): Promise<NarrowProxy> {
  const sockets = new Set<Socket>();
  /** Passes on what each connection may have by now. */
  const movers = new Set<() => void>();
  let connections = 0;
  const listener = createServer((client) => {
    connections++;
    const server = connect(port, "127.0.0.1");
    let credit = 0;
    let last = performance.now();
    const move = (): void => {
      const now = performance.now();
      if (proxy.bytesPerSecond === Number.POSITIVE_INFINITY) credit = Number.POSITIVE_INFINITY;
      else credit = Math.min(proxy.bytesPerSecond, credit) + ((now - last) / 1_000) * proxy.bytesPerSecond;
      last = now;
      while (credit >= 1 && server.readableLength > 0 && !client.writableNeedDrain) {
        const bytes = server.read(Math.min(server.readableLength, Math.floor(credit))) as Buffer | null;
        if (!bytes) return;
        credit -= bytes.length;
        client.write(bytes);
      }
    };
    movers.add(move);
    server.on("readable", () => {
      if (proxy.bytesPerSecond === Number.POSITIVE_INFINITY) move();
    });
    client.on("drain", move);
    client.pipe(server);
    server.on("end", () => client.end());
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        movers.delete(move);
        sockets.delete(socket);
        // What was read of it still arrives.
        if (socket === server) other.end();
        else other.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const timer = setInterval(() => movers.forEach((move) => move()), TICK_MS);
  const proxy: NarrowProxy = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    bytesPerSecond,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      await once(listener.close(), "close");
    },
  };
  return proxy;
}
