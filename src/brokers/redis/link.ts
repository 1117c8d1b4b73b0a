import type { Clock, Timer } from "../../protocol/clock.ts";
import { PROBE_MS } from "../../protocol/limits.ts";
import type { ConnectionKind, RedisConnection, RedisDriver } from "./driver.ts";
import { isUnready } from "./failures.ts";
import type { OutageLog } from "./outage.ts";

/** What a {@link Link} tells its owner. */
export interface LinkHandlers {
  /** The server answers. */
  up(): void;
  /** The server answers no more: what was sent and not answered never will be. Follows each `up` once. */
  down(): void;
  message(channel: string, message: string): void;
}

/** What all links of one broker share. */
export interface LinkContext {
  readonly driver: RedisDriver;
  readonly clock: Clock;
  readonly outages: OutageLog;
}

const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** Time between two questions to a server that is still loading its data. */
const GREETING_MS = 200;

/**
 * A connection that is watched: it is up only while the server answers, and one whose server falls silent is destroyed, for a
 * half-open connection looks healthy for ever (I13). It is opened at the first use.
 */
export class Link {
  readonly #kind: ConnectionKind;
  readonly #context: LinkContext;
  readonly #handlers: LinkHandlers;
  #connection: RedisConnection | undefined;
  #timer: Timer | undefined;
  /** Tells answers of a connection that is gone from those of the present one. */
  #life = 0;
  #up = false;
  #closed = false;

  constructor(kind: ConnectionKind, context: LinkContext, handlers: LinkHandlers) {
    this.#kind = kind;
    this.#context = context;
    this.#handlers = handlers;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Opens the connection, the first time. */
  open(): void {
    if (this.#closed || this.#connection) return;
    this.#awaitReturn();
    this.#connection = this.#context.driver.open({
      kind: this.#kind,
      retryDelayMs: (attempt) => {
        const ceiling = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(attempt, 10));
        return Math.ceil(ceiling * (0.5 + this.#context.clock.random() / 2));
      },
      handlers: {
        ready: () => this.#greet(++this.#life),
        closed: (error) => this.#lose(error),
        message: (channel, message) => {
          if (!this.#closed) this.#handlers.message(channel, message);
        },
      },
    });
  }

  /** `undefined`: certainly not sent. */
  command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    return this.#up ? this.#connection?.command(name, args) : undefined;
  }

  subscribe(channels: readonly string[]): Promise<unknown> | undefined {
    return this.#up ? this.#connection?.subscribe(channels) : undefined;
  }

  unsubscribe(channels: readonly string[]): void {
    if (this.#up) this.#connection?.unsubscribe(channels);
  }

  /** Drops the connection; it is made again. */
  reset(): void {
    this.#connection?.reset();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#up = false;
    this.#life++;
    this.#context.clock.clearTimeout(this.#timer);
    this.#context.outages.up(this.#kind);
    await this.#connection?.destroy();
  }

  #later(delayMs: number, run: () => void): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#timer = this.#context.clock.setTimeout(run, delayMs);
  }

  /** Asks for a first answer: a server that still loads its data takes connections, and refuses commands. */
  #greet(life: number): void {
    this.#awaitReturn();
    this.#connection?.command("PING", [])?.then(
      () => this.#rise(life),
      (error: unknown) => {
        if (!isUnready(error)) this.#rise(life);
        else if (life === this.#life) this.#later(GREETING_MS, () => this.#greet(life));
      },
    );
  }

  #rise(life: number): void {
    if (life !== this.#life) return;
    this.#up = true;
    this.#context.outages.up(this.#kind);
    this.#later(PROBE_MS, () => this.#probe(life));
    this.#handlers.up();
  }

  #probe(life: number): void {
    const alive = () => {
      if (life === this.#life) this.#later(PROBE_MS, () => this.#probe(life));
    };
    this.#later(PROBE_MS, () => this.reset());
    // An error is an answer too.
    this.#connection?.command("PING", [])?.then(alive, alive);
  }

  #lose(error: unknown): void {
    if (this.#closed) return;
    this.#life++;
    this.#context.outages.down(this.#kind, error);
    this.#awaitReturn();
    if (!this.#up) return;
    this.#up = false;
    this.#handlers.down();
  }

  /** While the link is down the client library is at work; but it, too, can wait for an answer that never comes. */
  #awaitReturn(): void {
    this.#later(2 * PROBE_MS, () => {
      this.#awaitReturn();
      this.reset();
    });
  }
}
