/**
 * The port between the Redis engine and a client library: just enough to open one connection, send commands on it and listen. A
 * driver never sends a command twice, never keeps one for later, and never connects again by itself: the engine does, for all.
 */

/** What a connection is for: a connection that listens can do little else. */
export type ConnectionKind = "commands" | "subscription";

/** One server of a cluster. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** What a {@link RedisConnection} tells the engine. None is called before `connect` has returned, or after `destroy` was called. */
export interface ConnectionHandlers {
  /** Commands can be sent from now on. Called at most once. */
  ready(): void;
  /**
   * The connection was lost, or could not be made: what was sent and not answered never will be. The last call.
   * @param error why, when that is known
   */
  closed(error: unknown): void;
  /** A message on a subscribed channel, whose name is as Redis sees it. */
  message(channel: string, message: string): void;
  /** On a cluster: the server ended a subscription of its own accord, because the slot has left it. */
  moved(): void;
}

/** How a driver opens a connection. */
export interface ConnectionOptions {
  readonly kind: ConnectionKind;
  readonly handlers: ConnectionHandlers;
  /** Which server of the cluster. Given exactly when the driver has `seeds`. */
  readonly node?: RedisNode | undefined;
}

/** One connection to Redis, from the moment at which it is attempted until it closes. Calls are sent in call order. */
export interface RedisConnection {
  /**
   * Sends a command. `undefined` means that it was certainly not sent: the connection cannot take it now. The promise gives the
   * reply, rejects with the server's error, and may stay pending for ever when the connection closes.
   */
  command(name: string, args: readonly string[]): Promise<unknown> | undefined;
  /**
   * Like `command`; the promise resolves when every channel was acknowledged.
   * @param sharded whether by `SSUBSCRIBE`; then all channels are of one slot
   */
  subscribe(channels: readonly string[], sharded: boolean): Promise<unknown> | undefined;
  unsubscribe(channels: readonly string[], sharded: boolean): void;
  /** Destroys the socket at once, whether or not the other side still answers. Resolves when it is gone. Can be called again. */
  destroy(): Promise<void>;
}

/** A way to one Redis server and database, or to one cluster. */
export interface RedisDriver {
  /** Names server, database and user: equal for two drivers whose logs are the same. Holds no password. */
  readonly identity: string;
  /** The server in words, for logs and errors. Holds no password. */
  readonly address: string;
  /** The password that it is let in with: two that differ in it share no connection. */
  readonly password?: string | undefined;
  /** What the client library of the user puts before each key. */
  readonly keyPrefix: string;
  readonly db: number;
  /** On a cluster: the servers that are asked first who else there is. */
  readonly seeds?: readonly RedisNode[] | undefined;
  connect(options: ConnectionOptions): RedisConnection;
}
