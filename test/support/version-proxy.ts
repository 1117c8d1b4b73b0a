import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a Redis that makes it say that it is of another version. Everything else passes unchanged. */
export interface VersionProxy extends AsyncDisposable {
  readonly port: number;
  /** The version that it claims in `INFO` and `HELLO`. `undefined`: its own. */
  version: string | undefined;
  /** Breaks every connection, as a server does that is replaced by one of another version. */
  cutAll(): void;
}

/** Starts a proxy on a free port of 127.0.0.1 that leads to `targetPort`. */
export async function startVersionProxy(targetPort: number, version?: string): Promise<VersionProxy> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(targetPort, "127.0.0.1");
    // What a server says of itself comes in one piece: it is short, and written at once.
    server.on("data", (chunk: Buffer) => void client.write(proxy.version === undefined ? chunk : claim(chunk, proxy.version)));
    client.on("data", (chunk: Buffer) => void server.write(chunk));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket.setNoDelay(true));
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const proxy: VersionProxy = {
    port: (listener.address() as AddressInfo).port,
    version,
    cutAll: () => sockets.forEach((socket) => socket.destroy()),
    async [Symbol.asyncDispose]() {
      const closed = once(listener.close(), "close");
      this.cutAll();
      await closed;
    },
  };
  return proxy;
}

/** Text, or verbatim text in RESP3, that begins as the reply of `INFO server` does. */
const INFO = /([$=])(\d+)(\r\n(?:txt:)?# Server\r\nredis_version:)(\S+)/;
/** The field of a `HELLO`. */
const HELLO = /(\$7\r\nversion\r\n)\$\d+\r\n\S+/;

function claim(chunk: Buffer, version: string): Buffer {
  const text = chunk.toString("latin1");
  const [, type, length, before, own = ""] = INFO.exec(text) ?? [];
  const longer = Number(length) + version.length - own.length;
  return Buffer.from(
    text.replace(INFO, () => `${type}${longer}${before}${version}`).replace(HELLO, `$1$$${version.length}\r\n${version}`),
    "latin1",
  );
}
