/** The port between the Redis engine, which knows what to say to Redis, and the ways to say it: connections, or HTTP. */
import type { Clock } from "../../protocol/clock.ts";
import type { BrokerState, Listener, ListenerHandlers } from "../broker.ts";
import type { Attempt } from "./failures.ts";
import type { RedisNames } from "./names.ts";

/** A command on its way to Redis. */
export interface RedisCommand {
  readonly attempt: Attempt;
  readonly name: string;
  readonly args: readonly string[];
  /** The key that decides which server of a cluster it goes to, as Redis sees it. */
  readonly key: string;
  /** About what it weighs. */
  readonly bytes: number;
  readonly timeoutMs: number;
  /** What an append can be known by, when its reply is lost. */
  readonly emit?: EmitMark | undefined;
}

/** How it can be told whether an append whose reply was lost has been stored. */
export interface EmitMark {
  /** The entry carries it, so that a look into the log finds it. */
  readonly emitId: string;
  /** Whether sending it again is harmless, because the caller gave it an id of its own. */
  readonly isOnce: boolean;
  /** How long after it the log may be gone, and with it all trace of the entry, in milliseconds. `Infinity` when it stays. */
  readonly expireAfterMs: number;
}

/** What a transport shares with its engine. */
export interface TransportContext {
  readonly clock: Clock;
  readonly names: RedisNames;
  readonly logger: BrokerLogger;
  /** Says something once, however often it happens. */
  warnOnce(message: string, ...details: unknown[]): void;
  /** Whether Redis can be reached; said at each change. */
  changed?(state: Exclude<BrokerState, "idle">): void;
}

/** Where a broker says what an operator should know. `console` is one. */
export interface BrokerLogger {
  warn(message: string, ...details: unknown[]): void;
}

/** A way to Redis that is in use. */
export interface RedisTransport {
  /**
   * Sends commands; those of one key in call order, each stored at most once. Resolves with the reply. Rejects with a
   * `TidingsError`, within `timeoutMs`.
   */
  send(command: RedisCommand): Promise<unknown>;
  listen(handlers: ListenerHandlers): Listener;
  /** Leaves no timer or socket behind. Pending calls reject with `closed`. */
  close(): Promise<void>;
}

/** A way to Redis, before it is used. */
export interface RedisSource {
  /** Names server, database and user: equal for two sources whose logs are the same. Holds no password. */
  readonly identity: string;
  /** The server in words, for logs and errors. Holds no password. */
  readonly address: string;
  /** The password or token that it is let in with: two that differ in it share no connection. */
  readonly password?: string | undefined;
  /** What the client library of the user puts before each key. */
  readonly keyPrefix: string;
  readonly db: number;
  /** Whether keys belong to several servers; then what is announced stays with the server that has the key (`SPUBLISH`). */
  readonly isCluster: boolean;
  /** Whether it goes over the REST service of Upstash, of which it is not known that anyone there hears what a script publishes. */
  readonly isRest?: boolean | undefined;
  open(context: TransportContext): RedisTransport;
}
