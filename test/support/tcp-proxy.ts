import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Which way bytes go. */
export type Direction = "toServer" | "toClient";

/** Milliseconds that bytes take in each direction. */
export interface Delays {
  readonly toServer?: number;
  readonly toClient?: number;
}

/** One connection through a {@link TcpProxy}. */
export interface ProxiedConnection {
  /** The first 64 kB that the client sent: tells connections apart by the commands they carry. */
  readonly sent: string;
  /** Lets all further bytes vanish, both ways, with both sockets open: a half-open connection. */
  swallow(): void;
  /** Destroys both sockets. */
  cut(): void;
  /** Passes so many bytes on to the client, then cuts: in the midst of a chunk, when they end there. */
  cutAfter(bytes: number): void;
  /** Passes on the next request that contains `text`, but not its reply: the connection is cut instead. */
  loseReplyTo(text: string): void;
}

/** A user-space proxy on 127.0.0.1 that can be slow, lossy or gone. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Where new connections lead. */
  targetPort: number;
  /** The open connections, oldest first. */
  readonly connections: readonly ProxiedConnection[];
  /** How slow a connection is; asked for each chunk. Order is kept. @default no delay */
  delays: (connection: ProxiedConnection) => Delays;
  /** Calls back for each new connection, before any byte of it passes. */
  onConnection: (connection: ProxiedConnection) => void;
  /** Whether new connections are destroyed at once. @default false */
  refusing: boolean;
  /** Cuts every open connection. */
  cutAll(): void;
  close(): Promise<void>;
}

const REMEMBERED_BYTES = 64 * 1024;

class Connection implements ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #proxy: TcpProxy;
  readonly #waiting: Record<Direction, Delayed[]> = { toServer: [], toClient: [] };
  readonly #timers: Partial<Record<Direction, NodeJS.Timeout>> = {};
  #sent = "";
  #swallowing = false;
  #losing: string | undefined;
  /** Bytes that the client may still get. */
  #left = Number.POSITIVE_INFINITY;
  #lost = false;

  constructor(client: Socket, server: Socket, proxy: TcpProxy) {
    this.#client = client;
    this.#server = server;
    this.#proxy = proxy;
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on("data", (chunk: Buffer) => this.#fromClient(chunk));
    server.on("data", (chunk: Buffer) => this.#fromServer(chunk));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on("error", () => {});
      socket.on("end", () => !this.#swallowing && other.end());
      // A half-open connection tells its other end nothing.
      socket.on("close", () => !this.#swallowing && other.destroy());
    }
  }

  get sent(): string {
    return this.#sent;
  }

  swallow(): void {
    this.#swallowing = true;
  }

  cut(): void {
    clearTimeout(this.#timers.toServer);
    clearTimeout(this.#timers.toClient);
    this.#client.destroy();
    this.#server.destroy();
  }

  cutAfter(bytes: number): void {
    this.#left = bytes;
    if (bytes === 0) this.cut();
  }

  loseReplyTo(text: string): void {
    this.#losing = text;
  }

  #fromClient(chunk: Buffer): void {
    if (this.#sent.length < REMEMBERED_BYTES) this.#sent += chunk.toString("latin1");
    if (this.#losing !== undefined && chunk.includes(this.#losing)) this.#lost = true;
    this.#pass("toServer", chunk);
  }

  #fromServer(chunk: Buffer): void {
    if (this.#lost) {
      this.cut();
      return;
    }
    if (this.#left <= 0) return;
    this.#pass("toClient", chunk.subarray(0, this.#left));
    this.#left -= chunk.length;
    // What is passed on has to leave first.
    if (this.#left <= 0) this.#client.end(() => this.cut());
  }

  #pass(direction: Direction, chunk: Buffer): void {
    if (this.#swallowing) return;
    const waiting = this.#waiting[direction];
    const delayMs = this.#proxy.delays(this)[direction] ?? 0;
    if (delayMs <= 0 && waiting.length === 0) {
      this.#write(direction, chunk);
      return;
    }
    // Never earlier than what went before it.
    const due = Math.max(waiting.at(-1)?.due ?? 0, performance.now() + delayMs);
    if (waiting.push({ due, chunk }) === 1) this.#plan(direction);
  }

  /** One timer per direction: timers of different lengths can fire out of order. */
  #plan(direction: Direction): void {
    const waiting = this.#waiting[direction];
    const next = waiting[0];
    if (!next) return;
    this.#timers[direction] = setTimeout(
      () => {
        const now = performance.now();
        while (waiting[0] && waiting[0].due <= now) this.#write(direction, (waiting.shift() as Delayed).chunk);
        this.#plan(direction);
      },
      Math.max(0, next.due - performance.now()),
    );
  }

  #write(direction: Direction, chunk: Buffer): void {
    const target = direction === "toServer" ? this.#server : this.#client;
    if (!this.#swallowing && target.writable) target.write(chunk);
  }
}

interface Delayed {
  readonly due: number;
  readonly chunk: Buffer;
}

/** Starts a proxy on a free port of 127.0.0.1 that leads to `targetPort`. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const open = new Set<Connection>();
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (proxy.refusing) {
      client.destroy();
      return;
    }
    const server = connect({ port: proxy.targetPort, host: "127.0.0.1", allowHalfOpen: true });
    const connection = new Connection(client, server, proxy);
    open.add(connection);
    const closed = () => client.closed && server.closed && open.delete(connection);
    client.on("close", closed);
    server.on("close", closed);
    proxy.onConnection(connection);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");

  const proxy: TcpProxy = {
    port: (listener.address() as AddressInfo).port,
    targetPort,
    get connections() {
      return [...open];
    },
    delays: () => ({}),
    onConnection: () => {},
    refusing: false,
    cutAll() {
      for (const connection of open) connection.cut();
    },
    async close() {
      const closed = once(listener, "close");
      listener.close();
      this.cutAll();
      await closed;
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
  return proxy;
}
