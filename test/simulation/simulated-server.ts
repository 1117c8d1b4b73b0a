import { Hub } from "../../src/hub/hub.ts";
import type { PageSession } from "../../src/hub/page-session.ts";
import type { StreamSession } from "../../src/hub/stream-session.ts";
import { HEARTBEAT_MS } from "../../src/protocol/limits.ts";
import { exposeInternals } from "../../src/realtime/internals.ts";
import { handle } from "../../src/transports/fetch.ts";
import type { SimulatedBroker } from "./simulated-redis.ts";
import type { SimulatedTime } from "./simulated-time.ts";

const SILENT = { log() {}, warn() {}, error() {} };

/** A server process: hub, sessions and endpoint are the real ones. */
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

  /** Its connections to the store, while it lives. */
  get broker(): SimulatedBroker | undefined {
    return this.#process?.broker;
  }

  /** What answers requests, while it lives. */
  get endpoint(): ((request: Request) => Promise<Response>) | undefined {
    return this.#process?.endpoint;
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
    this.#process?.close();
    this.#time.setTimeout(() => this.crash(), 100);
  }
}

class Process {
  readonly broker: SimulatedBroker;
  readonly endpoint: (request: Request) => Promise<Response>;
  readonly #hub: Hub;
  readonly #streams = new Set<StreamSession>();
  readonly #pages = new Set<PageSession>();
  #isClosed = false;

  constructor(broker: SimulatedBroker, time: SimulatedTime, maxDurationMs: number) {
    this.broker = broker;
    const hub = new Hub({ broker, clock: time, logger: SILENT, heartbeatMs: HEARTBEAT_MS });
    this.#hub = hub;
    const realtime = {};
    exposeInternals(realtime, {
      openStream: (sink, channels, { keepsCursors }) =>
        hub.openStream(sink, channels, { keepsCursors, maxDurationMs, owner: this.#streams }),
      openPage: (channels, waitMs, answer) => hub.openPage(channels, { waitMs, maxDurationMs, owner: this.#pages }, answer),
      isClosed: () => this.#isClosed,
      sharesKeys: false,
      logger: SILENT,
    });
    this.endpoint = handle({ realtime });
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#streams, ...this.#pages]) session.end();
  }

  end(): void {
    this.close();
    void this.#hub.close();
  }
}
