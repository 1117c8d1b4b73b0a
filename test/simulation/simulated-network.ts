/** Between clients and servers: it delays, splits, slows, stalls and cuts, at any byte. */
import type { Chance } from "./chance.ts";
import type { Line, SimulatedServer } from "./simulated-server.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** What a slow reader takes at once, in bytes. */
const SLOW_BYTES = 40;

/** What a client reads of a response: text that comes in pieces, as from a body that is piped through a `TextDecoderStream`. */
class Body {
  readonly #decoder = new TextDecoder();
  #pieces: string[] = [];
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  push(bytes: Uint8Array): void {
    this.#pieces.push(this.#decoder.decode(bytes, { stream: true }));
    this.#wake?.();
  }

  /** @param error what it broke with: then what was not read yet is lost. */
  end(error?: Error): void {
    if (error) this.#pieces = [];
    this.#end = error ? { error } : {};
    this.#wake?.();
  }

  async read(): Promise<{ readonly done: boolean; readonly value: string }> {
    if (this.#pieces.length === 0 && !this.#end) await new Promise<void>((resolve) => (this.#wake = resolve));
    const value = this.#pieces.join("");
    this.#pieces = [];
    if (value === "" && this.#end?.error) throw this.#end.error;
    return { done: value === "", value };
  }

  async text(): Promise<string> {
    let all = "";
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { done, value } = await this.read();
      if (done) return all;
      all += value;
    }
  }
}

/** A response as clients use it. */
const responseOf = (status: number, headers: Headers, body: Body): Response =>
  ({
    status,
    headers,
    body: { pipeThrough: () => ({ getReader: () => body }) },
    json: async () => JSON.parse(await body.text()) as unknown,
    text: () => body.text(),
  }) as unknown as Response;

/** One request and its response. */
class Connection implements Line {
  readonly server: SimulatedServer;
  readonly body: Body = new Body();
  /** Nothing gets through, and nobody is told. */
  isStalled = false;
  /** Little gets through at once. */
  isSlow = false;
  /** Told when it has ended. */
  over: () => void = () => {};
  /** Told when it breaks. */
  broken: () => void = () => {};
  drained: () => void = () => {};
  readonly #network: SimulatedNetwork;
  /** What the server has said and the client has not taken: the sockets' buffers. */
  #buffer: Uint8Array[] = [];
  #buffered = 0;
  #isFull = false;
  /** The client has the head of the response. */
  #isBegun = false;
  #isDelivering = false;
  /** How the response ends, behind what is in the buffer. */
  #ending: { readonly error?: Error } | undefined;
  #isOver = false;
  /** The server has been told that the client has gone. */
  #isLeft = false;
  #left: (() => void) | undefined;

  constructor(network: SimulatedNetwork, server: SimulatedServer) {
    this.#network = network;
    this.server = server;
  }

  write(bytes: Uint8Array): boolean {
    this.#buffer.push(bytes);
    this.#buffered += bytes.length;
    this.#isFull = this.#buffered >= this.#network.bufferBytes;
    this.#deliver();
    return !this.#isFull;
  }

  get waiting(): number {
    return this.#buffered;
  }

  end(): void {
    this.#ending ??= {};
    this.#deliver();
  }

  abandon(): void {
    this.#buffer = [];
    this.#buffered = 0;
    this.#ending = { error: new TypeError("network error") };
    this.#deliver();
  }

  whenLeft(callback: () => void): void {
    if (this.#isLeft) callback();
    else this.#left = callback;
  }

  /** The client takes the response. */
  begin(): void {
    this.#isBegun = true;
    this.#deliver();
  }

  /** Goes on as it did before it was stalled or slow. */
  flow(): void {
    this.isStalled = this.isSlow = false;
    this.#deliver();
  }

  /** Breaks: the client is told, the server some time later. */
  cut(): void {
    if (this.#isOver) return;
    this.leave();
    this.broken();
    this.body.end(new TypeError("network error"));
  }

  /** The client has gone. */
  leave(): void {
    if (this.#isOver) return;
    this.#forget();
    this.#network.time.setTimeout(() => {
      this.#isLeft = true;
      this.#left?.();
    }, this.#network.delay());
  }

  #forget(): void {
    this.#isOver = true;
    this.#network.forget(this);
  }

  #deliver(): void {
    if (this.#isDelivering || !this.#isBegun || this.isStalled || this.#isOver) return;
    if (this.#buffered === 0 && !this.#ending) return;
    this.#isDelivering = true;
    this.#network.time.setTimeout(() => {
      this.#isDelivering = false;
      if (this.#isOver || this.isStalled) return;
      if (this.#buffered > 0) this.#take();
      else {
        this.#forget();
        this.body.end(this.#ending?.error);
      }
    }, this.#network.delay());
  }

  /** All that there is, or a part that ends anywhere. */
  #take(): void {
    const { chance } = this.#network;
    const most = this.isSlow ? Math.min(SLOW_BYTES, this.#buffered) : this.#buffered;
    const length = chance.happens(0.3) ? 1 + chance.below(most) : most;
    const all = this.#buffer.length === 1 ? (this.#buffer[0] as Uint8Array) : Buffer.concat(this.#buffer);
    this.#buffer = length < all.length ? [all.subarray(length)] : [];
    this.#buffered -= length;
    this.body.push(all.subarray(0, length));
    if (this.#isFull && this.#buffered < this.#network.bufferBytes) {
      this.#isFull = false;
      this.drained();
    }
    this.#deliver();
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

export interface NetworkOptions {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly servers: readonly SimulatedServer[];
  /** What a connection takes from the server before the client has taken it. */
  readonly bufferBytes: number;
}

export class SimulatedNetwork {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly bufferBytes: number;
  readonly #servers: readonly SimulatedServer[];
  readonly #connections = new Set<Connection>();
  weather: Weather = "fair";

  constructor({ time, chance, servers, bufferBytes }: NetworkOptions) {
    this.time = time;
    this.chance = chance;
    this.bufferBytes = bufferBytes;
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
      const { server, body } = connection;
      this.#connections.add(connection);
      const leave = (): void => {
        connection.leave();
        reject(new Error("aborted"));
      };
      signal?.addEventListener("abort", leave);
      // Also one that nobody has answered yet.
      connection.broken = () => reject(new TypeError("Failed to fetch"));
      connection.over = () => signal?.removeEventListener("abort", leave);
      const fail = (): void => {
        connection.leave();
        reject(new TypeError("Failed to fetch"));
      };
      if (this.weather === "hole") return;
      this.time.setTimeout(() => {
        if (this.weather === "refuse" || (!server.isUp && this.weather !== "gateway")) return fail();
        if (!server.isUp || this.weather === "gateway") {
          connection.leave();
          return resolve(new Response("Bad Gateway", { status: 502 }));
        }
        server.answer(input as string, init.headers as Headers, connection).then(({ status, headers }) => {
          this.time.setTimeout(() => {
            if (signal?.aborted) return;
            resolve(responseOf(status, headers, body));
            connection.begin();
          }, this.delay());
        }, fail);
      }, this.delay());
    });
  };
}
