/** Between clients and servers: it delays, splits, stalls and cuts, at any byte. */
import type { Chance } from "./chance.ts";
import type { SimulatedServer } from "./simulated-server.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** What a connection takes from the server before the client has taken it: the sockets' buffers. */
const BUFFER_BYTES = 2_048;

/** One request and its response. */
class Connection {
  readonly server: SimulatedServer;
  readonly body: ReadableStream<Uint8Array>;
  /** Nothing gets through, and nobody is told. */
  isStalled = false;
  /** Told when it has ended. */
  over: () => void = () => {};
  readonly #network: SimulatedNetwork;
  readonly #abort = new AbortController();
  readonly #pieces: Uint8Array[] = [];
  #buffered = 0;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isReading = false;
  #isDelivering = false;
  /** The server has said everything. */
  #isComplete = false;
  #isOver = false;

  constructor(network: SimulatedNetwork, server: SimulatedServer) {
    this.#network = network;
    this.server = server;
    this.body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.leave(),
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The client takes the response. */
  begin(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): void {
    this.#reader = reader;
    if (!reader) this.#isComplete = true;
    this.go();
  }

  /** Goes on after it was stalled, or with more to do. */
  go(): void {
    void this.#read();
    this.#deliver();
  }

  /** Breaks: the client is told, the server some time later. */
  cut(): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller.error(new TypeError("network error"));
  }

  /** The client has gone. */
  leave(): void {
    if (!this.#isOver) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#network.forget(this);
    this.#network.time.setTimeout(() => {
      this.#abort.abort();
      this.#reader?.cancel().catch(() => {});
    }, this.#network.delay());
  }

  /** Takes what the server says, as far as there is room. */
  async #read(): Promise<void> {
    if (!this.#reader || this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isOver && !this.isStalled && this.#buffered < BUFFER_BYTES) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const { done, value } = await this.#reader.read();
        if (done) {
          this.#isComplete = true;
          break;
        }
        this.#pieces.push(value);
        this.#buffered += value.length;
        this.#deliver();
      }
    } catch {
      this.#isComplete = true;
    }
    this.#isReading = false;
    this.#deliver();
  }

  #deliver(): void {
    if (this.#isDelivering || this.isStalled || this.#isOver) return;
    if (this.#pieces.length === 0 && !this.#isComplete) return;
    this.#isDelivering = true;
    this.#network.time.setTimeout(() => {
      this.#isDelivering = false;
      if (this.#isOver || this.isStalled) return;
      const piece = this.#pieces.shift();
      if (!piece) {
        this.#isOver = true;
        this.#network.forget(this);
        return this.#controller.close();
      }
      const { chance } = this.#network;
      const length = chance.happens(0.3) ? 1 + chance.below(piece.length) : piece.length;
      if (length < piece.length) this.#pieces.unshift(piece.slice(length));
      this.#buffered -= length;
      this.#controller.enqueue(piece.slice(0, length));
      this.go();
    }, this.#network.delay());
  }
}

/** How requests are treated from now on. */
export type Weather =
  | "fair"
  /** Connections are refused. */
  | "refuse"
  /** A gateway answers for a server that it cannot reach. */
  | "gateway"
  /** Requests arrive nowhere, and nobody is told. */
  | "hole";

export class SimulatedNetwork {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly #servers: readonly SimulatedServer[];
  readonly #connections = new Set<Connection>();
  weather: Weather = "fair";

  constructor(time: SimulatedTime, chance: Chance, servers: readonly SimulatedServer[]) {
    this.time = time;
    this.chance = chance;
    this.#servers = servers;
    for (const server of servers)
      server.died = () => {
        for (const connection of this.connections) if (connection.server === server) connection.cut();
      };
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  delay(): number {
    return 0.2 + this.chance.next() ** 4 * 300;
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
    connection.over();
  }

  readonly fetch: typeof globalThis.fetch = (input, init = {}) => {
    const { signal } = init;
    return new Promise<Response>((resolve, reject) => {
      if (signal?.aborted) return reject(new Error("aborted"));
      const connection = new Connection(this, this.chance.pick(this.#servers));
      this.#connections.add(connection);
      const leave = (): void => {
        connection.leave();
        reject(new Error("aborted"));
      };
      signal?.addEventListener("abort", leave);
      connection.over = () => signal?.removeEventListener("abort", leave);
      const fail = (): void => {
        connection.leave();
        reject(new TypeError("Failed to fetch"));
      };
      if (this.weather === "hole") return;
      this.time.setTimeout(() => {
        const { endpoint } = connection.server;
        if (this.weather === "refuse" || (!endpoint && this.weather !== "gateway")) return fail();
        if (!endpoint || this.weather === "gateway") {
          connection.leave();
          return resolve(new Response("Bad Gateway", { status: 502 }));
        }
        const request = new Request(new URL(input as string, "http://simulated.test"), {
          headers: init.headers as Headers,
          signal: connection.signal,
        });
        endpoint(request).then((response) => {
          this.time.setTimeout(() => {
            if (signal?.aborted) return;
            connection.begin(response.body?.getReader());
            resolve(new Response(connection.body, { status: response.status, headers: response.headers }));
          }, this.delay());
        }, fail);
      }, this.delay());
    });
  };
}
