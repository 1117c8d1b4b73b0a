import { Hub } from "../../src/hub/hub.ts";
import type { PageSession } from "../../src/hub/page-session.ts";
import type { Sink, StreamSession } from "../../src/hub/stream-session.ts";
import { HEARTBEAT_MS } from "../../src/protocol/limits.ts";
import { exposeInternals, type RealtimeInternals } from "../../src/realtime/internals.ts";
import { admit } from "../../src/transports/admission.ts";
import { checkHandleOptions, type Endpoint } from "../../src/transports/handle-options.ts";
import { answerPage } from "../../src/transports/page.ts";
import { LIFE_MS, type SimulatedBroker } from "./simulated-redis.ts";
import type { SimulatedTime } from "./simulated-time.ts";

const SILENT = { log() {}, warn() {}, error() {} };

/** The server's end of a connection. */
export interface Line extends Sink {
  /** Calls back when the client has gone. */
  whenLeft(callback: () => void): void;
  /** Called when it takes bytes again. */
  drained: () => void;
}

/** What a response begins with. */
interface Head {
  readonly status: number;
  readonly headers: Headers;
}

/** A server process: hub, sessions and admission are the real ones. */
export class SimulatedServer {
  readonly #time: SimulatedTime;
  readonly #connect: () => SimulatedBroker;
  readonly #maxDurationMs: number;
  #process: Process | undefined;
  /** Told when the process dies: connections die with it. */
  died: () => void = () => {};

  constructor(time: SimulatedTime, connect: () => SimulatedBroker, maxDurationMs: number) {
    this.#time = time;
    this.#connect = connect;
    this.#maxDurationMs = maxDurationMs;
    this.start();
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Its connections to the store, while it lives. */
  get broker(): SimulatedBroker | undefined {
    return this.#process?.broker;
  }

  /** What its own code subscribes to, while it lives. */
  get hub(): Hub | undefined {
    return this.#process?.hub;
  }

  /** Answers a request: resolves with the head, and writes the rest to the line. Only while it lives. */
  answer(url: string, headers: Headers, line: Line): Promise<Head> {
    return (this.#process as Process).answer(url, headers, line);
  }

  start(): void {
    this.#process ??= new Process(this.#connect(), this.#time, this.#maxDurationMs);
  }

  /** Dies without a word. */
  crash(): void {
    const process = this.#process;
    if (!process) return;
    this.#process = undefined;
    this.died();
    process.end();
  }

  /** Ends its streams, and goes once they have. */
  close(): void {
    const process = this.#process;
    process?.close();
    this.#time.setTimeout(() => {
      // Another one may have been started meanwhile.
      if (this.#process === process) this.crash();
    }, 100);
  }
}

class Process {
  readonly broker: SimulatedBroker;
  readonly hub: Hub;
  readonly #endpoint: Endpoint;
  readonly #internals: RealtimeInternals;
  readonly #streams = new Set<StreamSession>();
  readonly #pages = new Set<PageSession>();
  #isClosed = false;

  constructor(broker: SimulatedBroker, time: SimulatedTime, maxDurationMs: number) {
    this.broker = broker;
    const hub = new Hub({ broker, clock: time, logger: SILENT, heartbeatMs: HEARTBEAT_MS });
    hub.lives.add(() => LIFE_MS);
    this.hub = hub;
    this.#internals = {
      openStream: (sink, { channels, keepsCursors }) =>
        hub.openStream(sink, channels, { keepsCursors, maxDurationMs, owner: this.#streams }),
      openPage: ({ channels, waitMs }, answer) => hub.openPage(channels, { waitMs, maxDurationMs, owner: this.#pages }, answer),
      isClosed: () => this.#isClosed,
      whenClosed: new Set<() => void>(),
      isDraining: () => this.#isClosed,
      disconnects: () => 0,
      wasDisconnected: () => false,
      refused() {},
      clock: time,
      sharesKeys: false,
      logger: SILENT,
    };
    const realtime = {};
    exposeInternals(realtime, this.#internals);
    this.#endpoint = checkHandleOptions({ realtime });
  }

  /** The transport of this world, as `transports/node.ts` is that of Node. */
  async answer(url: string, headers: Headers, line: Line): Promise<Head> {
    const admitted = await admit(this.#endpoint, {
      method: "GET",
      url,
      header: (name) => headers.get(name),
      toRequest: () => new Request(new URL(url, "http://simulated.test"), { headers }),
    });
    if ("channels" in admitted && admitted.waitMs === undefined) {
      const session = this.#internals.openStream(line, admitted);
      line.whenLeft(() => session.end());
      line.drained = () => session.drained();
      return { status: 200, headers: new Headers(admitted.headers) };
    }
    const leaving = new AbortController();
    line.whenLeft(() => leaving.abort());
    const response = "channels" in admitted ? await answerPage(this.#endpoint, admitted, leaving.signal) : admitted;
    line.write(Buffer.from(await response.text()));
    line.end();
    return response;
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#streams, ...this.#pages]) session.end();
  }

  end(): void {
    this.close();
    void this.hub.close();
    const { hub } = this;
    const left = hub.streams + hub.topics + hub.ringBudget.used + hub.shelfBudget.used + hub.queueBudget.used;
    if (left > 0) throw new Error("I9 Close: a server that has ended holds something");
  }
}
