import type { Clock, Timer } from "../../../protocol/clock.ts";
import { PROBE_MS } from "../../../protocol/limits.ts";
import { isUnready, replyCode } from "../failures.ts";
import type { OutageLog } from "./outage.ts";
import type { ConnectionKind, RedisConnection, RedisDriver, RedisNode } from "./driver.ts";
import { greet, type Greeting } from "./greeting.ts";

/** What a {@link Link} tells its owner. */
export interface LinkHandlers {
  /** The server answers. */
  up(greeting: Greeting): void;
  /** The server answers no more: what was sent and not answered never will be. Follows each `up` once. */
  down(): void;
  /** A connection could not be made. It is tried again. */
  failed?(): void;
  message?(channel: string, message: string): void;
  /** On a cluster: slots have left this server. */
  moved?(): void;
}

/** What all links of one broker share. */
export interface LinkContext {
  readonly driver: RedisDriver;
  readonly clock: Clock;
  readonly outages: OutageLog;
}

export interface LinkOptions {
  readonly kind: ConnectionKind;
  /** Which server of a cluster. */
  readonly node?: RedisNode | undefined;
  readonly context: LinkContext;
  readonly handlers: LinkHandlers;
}

const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** Time between two questions to a server that is still loading its data. */
const GREETING_MS = 200;

/**
 * A connection that is made again for ever, and watched: it is up only while the server answers, and one whose server falls silent
 * is destroyed, for a half-open connection looks healthy for ever (I13). It is opened at the first use.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #context: LinkContext;
  #connection: RedisConnection | undefined;
  /** Connections that are being destroyed. */
  readonly #ending = new Set<Promise<void>>();
  #timer: Timer | undefined;
  /** Tells what an earlier connection says from what the present one does. */
  #life = 0;
  #attempts = 0;
  #isOpen = false;
  #up = false;
  #reason: unknown;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#context = options.context;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Why there is no connection, when that is known. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Opens the connection, the first time. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#connect();
  }

  /** `undefined`: certainly not sent. */
  command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    return this.#up ? this.#connection?.command(name, args) : undefined;
  }

  subscribe(channels: readonly string[], sharded: boolean): Promise<unknown> | undefined {
    return this.#up ? this.#connection?.subscribe(channels, sharded) : undefined;
  }

  unsubscribe(channels: readonly string[], sharded: boolean): void {
    if (this.#up) this.#connection?.unsubscribe(channels, sharded);
  }

  /** Drops the connection; it is made again. */
  reset(): void {
    if (this.#connection) this.#lose(undefined);
  }

  /** Ends it for good. Resolves when no socket is left. */
  async close(): Promise<void> {
    this.#isOpen = true;
    this.#up = false;
    this.#life++;
    this.#context.clock.clearTimeout(this.#timer);
    this.#context.outages.forget(this);
    this.#end();
    await Promise.all(this.#ending);
  }

  #later(delayMs: number, run: () => void): void {
    this.#context.clock.clearTimeout(this.#timer);
    // As the connection itself does while there is one.
    this.#timer = this.#context.clock.setTimeout(run, delayMs, "keepAlive");
  }

  #connect(): void {
    const life = ++this.#life;
    const current = (run: () => void) => {
      if (life === this.#life) run();
    };
    const { kind, node, handlers } = this.#options;
    // The client library, too, can wait for an answer that never comes.
    this.#later(2 * PROBE_MS, () => this.#lose(new Error(`no connection within ${(2 * PROBE_MS) / 1_000} s`)));
    this.#connection = this.#context.driver.connect({
      kind,
      node,
      handlers: {
        ready: () => current(() => this.#greet(life)),
        closed: (error) => current(() => this.#lose(error)),
        message: (channel, message) => current(() => handlers.message?.(channel, message)),
        moved: () => current(() => handlers.moved?.()),
      },
    });
  }

  /** Asks for a first answer: a server that still loads its data takes connections, and refuses commands. */
  #greet(life: number): void {
    this.#later(2 * PROBE_MS, () => this.#lose(new Error(`no answer within ${(2 * PROBE_MS) / 1_000} s`)));
    const connection = this.#connection;
    if (!connection) return;
    void greet(connection, this.#options.kind).then((greeting) => {
      if (life !== this.#life || !greeting) return;
      if (isUnready(greeting.error)) this.#later(GREETING_MS, () => this.#greet(life));
      else if (replyCode(greeting.error) === "NOAUTH") this.#lose(greeting.error);
      else this.#rise(life, greeting);
    });
  }

  #rise(life: number, greeting: Greeting): void {
    this.#up = true;
    this.#attempts = 0;
    this.#reason = undefined;
    this.#context.outages.up(this);
    this.#later(PROBE_MS, () => this.#probe(life));
    this.#options.handlers.up(greeting);
  }

  #probe(life: number): void {
    const alive = () => {
      if (life === this.#life) this.#later(PROBE_MS, () => this.#probe(life));
    };
    this.#later(PROBE_MS, () => this.#lose(new Error(`no answer within ${PROBE_MS / 1_000} s`)));
    // An error is an answer too.
    this.#connection?.command("PING", [])?.then(alive, alive);
  }

  /** Gives the connection up and makes the next one, later. */
  #lose(error: unknown): void {
    this.#life++;
    this.#reason = error;
    this.#end();
    this.#context.outages.down(this, error);
    const ceiling = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(this.#attempts++, 10));
    this.#later(Math.ceil(ceiling * (0.5 + this.#context.clock.random() / 2)), () => this.#connect());
    if (!this.#up) {
      this.#options.handlers.failed?.();
      return;
    }
    this.#up = false;
    this.#options.handlers.down();
  }

  #end(): void {
    const ended = this.#connection?.destroy().catch(() => {});
    this.#connection = undefined;
    if (!ended) return;
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }
}
