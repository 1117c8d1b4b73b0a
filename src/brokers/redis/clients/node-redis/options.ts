import type { RedisDriver } from "../../connections/driver.ts";
import { describeServer, type ServerDescription } from "../server-address.ts";

/** What a client of node-redis was made with. What was in its URL is in here too. */
export interface NodeRedisOptions {
  readonly url?: string | undefined;
  readonly socket?: {
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
    readonly tls?: boolean | undefined;
  };
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  readonly keyPrefix?: unknown;
}

type Subscribe = (channels: readonly string[], listener: (message: string, channel: string) => void) => Promise<unknown>;

/** A client of one server. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  readonly options: NodeRedisOptions;
  readonly subscribe: Subscribe;
  readonly unsubscribe: Subscribe;
  readonly sSubscribe: Subscribe;
  readonly sUnsubscribe: Subscribe;
  duplicate(override: object): NodeRedisClient;
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** What our own connections are told, whatever the user's client was told. */
export const OWN_OPTIONS = {
  // What was in it stands in the other options, and would come before ours.
  url: undefined,
  disableOfflineQueue: true,
  // Nothing that changes replies, and no timer for each command.
  commandOptions: { timeout: undefined },
  commandsQueueMaxLength: undefined,
  pingInterval: undefined,
  keyPrefix: undefined,
  name: undefined,
  readonly: false,
  clientSideCache: undefined,
  emitInvalidate: false,
  maintNotifications: "disabled",
};

/** {@link describeServer} for what a client of node-redis was made with. @throws TidingsError `bad_option` */
export function describeOptions(options: NodeRedisOptions, more: ServerDescription): Omit<RedisDriver, "connect"> {
  const { username, password, keyPrefix, socket } = options;
  return describeServer({ username, password, keyPrefix, tls: socket?.tls, ...more });
}

/** What a client was made with, which it does not show: its `duplicate` tells that to the constructor that it finds. */
export function shownOptions(client: object): unknown {
  const constructor = function (options: unknown): unknown {
    return options;
  };
  const prototype: object = Object.create(client, { constructor: { value: constructor } });
  return (Object.create(prototype) as { duplicate(): unknown }).duplicate();
}
