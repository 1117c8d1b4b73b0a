import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A relay on 127.0.0.1 that can cut a connection at a place in what the server says. */
export interface Scissors extends AsyncDisposable {
  readonly port: number;
  /** Cuts the first connection on which the server says `text`, just before it. Resolves when that has happened. */
  cutBefore(text: string): Promise<void>;
}

/** More than any text that is looked for. */
const REMEMBERED_BYTES = 64;

/** Starts a relay on a free port that leads to `targetPort`. */
export async function startScissors(targetPort: number): Promise<Scissors> {
  const sockets = new Set<Socket>();
  let cut: { readonly text: string; readonly done: () => void } | undefined;

  function passOn(server: Socket, client: Socket): void {
    let tail: Buffer = Buffer.alloc(0);
    server.on("data", (chunk: Buffer) => {
      // The text may begin in one chunk and end in the next.
      const at = cut ? Buffer.concat([tail, chunk]).indexOf(cut.text) - tail.length : -Infinity;
      if (cut && at >= -tail.length) {
        cut.done();
        cut = undefined;
        // What was said before it arrives: the connection ends, it is not reset.
        client.end(chunk.subarray(0, Math.max(0, at)));
        server.removeAllListeners("data").destroy();
      } else {
        tail = chunk.subarray(-REMEMBERED_BYTES);
        client.write(chunk);
      }
    });
  }

  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        // Destroyed at once, it would take along what it was given last.
        if (other.writable) other.end();
      });
    }
    client.pipe(server);
    passOn(server, client);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");

  return {
    port: (listener.address() as AddressInfo).port,
    cutBefore: (text) => new Promise((done) => (cut = { text, done })),
    async [Symbol.asyncDispose]() {
      const closed = once(listener.close(), "close");
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
