/**
 * The port between the Redis engine and a client library: just enough to send commands and to listen. A driver never sends a
 * command twice and never keeps one for later; it reconnects by itself, for ever.
 */

/** What a connection is for: a connection that listens can do little else. */
export type ConnectionKind = "commands" | "subscription";

/** What a {@link RedisConnection} tells the engine. */
export interface ConnectionHandlers {
  /** Commands can be sent from now on. */
  ready(): void;
  /**
   * The connection was lost, or could not be made: what was sent and not answered never will be. It is being made again.
   * @param error why, when that is known
   */
  closed(error: unknown): void;
  /** A message on a subscribed channel, whose name is as Redis sees it. */
  message(channel: string, message: string): void;
}

/** How a driver opens a connection. */
export interface ConnectionOptions {
  readonly kind: ConnectionKind;
  readonly handlers: ConnectionHandlers;
  /** Milliseconds to wait before the attempt of this number, from 1. */
  retryDelayMs(attempt: number): number;
}

/** One connection to Redis, from the moment at which it is first attempted. Calls are sent in call order. */
export interface RedisConnection {
  /**
   * Sends a command. `undefined` means that it was certainly not sent: the connection cannot take it now. The promise gives the
   * reply, rejects with the server's error, and may stay pending for ever when the connection closes.
   */
  command(name: string, args: readonly string[]): Promise<unknown> | undefined;
  /** Like `command`; the promise resolves when every channel was acknowledged. */
  subscribe(channels: readonly string[]): Promise<unknown> | undefined;
  unsubscribe(channels: readonly string[]): void;
  /** Destroys the socket at once, whether or not the other side still answers. It is being made again. */
  reset(): void;
  /** Ends the connection for good and calls no handler any more. Resolves when its socket is gone. */
  destroy(): Promise<void>;
}

/** A way to one Redis server and database. */
export interface RedisDriver {
  /** Names server, database and user: equal for two drivers whose logs are the same. Holds no password. */
  readonly identity: string;
  /** The server in words, for logs and errors. Holds no password. */
  readonly address: string;
  /** What the client library of the user puts before each key. */
  readonly keyPrefix: string;
  readonly db: number;
  open(options: ConnectionOptions): RedisConnection;
}
