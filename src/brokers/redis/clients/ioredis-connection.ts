import type { ConnectionOptions, RedisConnection } from "../connections/driver.ts";

/** An ioredis client of one server. */
export interface IoRedisClient {
  readonly status: string;
  readonly options: object;
  readonly stream?: Stream;
  duplicate(override: object): IoRedisClient;
  call(command: string, args: readonly string[]): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface Stream {
  readonly writable: boolean;
  readonly closed: boolean;
  destroy(): void;
  once(event: "close", run: () => void): void;
  on(event: "data", run: (bytes: Bytes) => void): void;
}

/** A `Buffer`. */
interface Bytes {
  indexOf(text: string, from?: number): number;
}

/** The client that a connection is made like, and what is different. */
interface Template {
  readonly client: IoRedisClient;
  readonly override?: object;
}

/** What our own connections are told, whatever the user's client was told. */
const OWN_OPTIONS = {
  keyPrefix: "",
  connectionName: undefined,
  lazyConnect: false,
  // It lives once; it neither sends again nor keeps for later: the engine knows what may be repeated, and when.
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  reconnectOnError: null,
  enableAutoPipelining: false,
  // The engine watches the connection itself.
  enableReadyCheck: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  monitor: false,
  readOnly: false,
  stringNumbers: false,
  replyMapping: "legacy",
  showFriendlyErrorStack: false,
  himportFieldsets: undefined,
  scripts: undefined,
  // Milliseconds to a closed socket, with the other side's consent or without.
  disconnectTimeout: 1,
};

/** Opens a connection that lives once. @param find finds the template */
export function connectIoRedis(find: () => Promise<Template>, { handlers }: ConnectionOptions): RedisConnection {
  let own: IoRedisClient | undefined;
  let ended: Promise<void> | undefined;
  /** Acknowledgements that are still to come. */
  let unsubscribing = 0;

  function open({ client, override }: Template): void {
    if (ended) return;
    own = client.duplicate({ ...override, ...OWN_OPTIONS });
    let reason: unknown;
    // Without a listener ioredis prints it.
    own.on("error", (error: unknown) => void (reason = error));
    own.on("end", () => fail(reason));
    const hear = (channel: string, message: string) => void (ended ?? handlers.message(channel, message));
    own.on("message", hear);
    own.on("smessage", hear);
    if (isVersion5(client)) {
      openVersion5(own, () => reason);
    } else {
      own.on("ready", () => void (ended ?? handlers.ready()));
      own.on("moved", () => void (ended ?? handlers.moved()));
    }
  }

  /**
   * Version 5 is ready before its password was looked at. It never answers a SSUBSCRIBE that belongs elsewhere, and takes a `sunsubscribe`
   * that it did not ask for as the answer to something else: after either, nothing that it says can be trusted.
   */
  function openVersion5(client: IoRedisClient, reason: () => unknown): void {
    client.on("ready", () => {
      const ready = () => void (ended ?? handlers.ready());
      client.call("PING", []).then(ready, () => (reason() === undefined ? ready() : fail(reason())));
    });
    const moved = () => fail(new Error("a slot has left the server"));
    client.on("moved", moved);
    client.on("connect", () =>
      client.stream?.on("data", (bytes) => {
        unsubscribing -= countUnsubscribed(bytes);
        if (unsubscribing < 0) moved();
      }),
    );
  }

  function fail(reason: unknown): void {
    if (ended) return;
    ended = close();
    handlers.closed(reason);
  }

  async function close(): Promise<void> {
    own?.disconnect();
    const stream = own?.stream;
    if (!stream || stream.closed) return;
    const gone = new Promise<void>((resolve) => stream.once("close", resolve));
    stream.destroy();
    await gone;
  }

  function command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    if (ended || own?.status !== "ready" || own.stream?.writable !== true) return undefined;
    return own.call(name, args);
  }

  find().then(open).catch(fail);
  return {
    command,
    // In small letters: on a server without RESP3 ioredis looks them up by the name it was given.
    subscribe: (channels, sharded) => command(sharded ? "ssubscribe" : "subscribe", channels),
    unsubscribe(channels, sharded) {
      const acknowledged = command(sharded ? "sunsubscribe" : "unsubscribe", channels);
      if (sharded && acknowledged) unsubscribing += channels.length;
      acknowledged?.catch(() => {});
    },
    destroy: () => (ended ??= close()),
  };
}

function isVersion5({ options }: IoRedisClient): boolean {
  return !("protocol" in options);
}

/** A reply that says that a channel is heard no more. What is published is JSON, in which no line ends. */
const UNSUBSCRIBED = "*3\r\n$12\r\nsunsubscribe\r\n";

function countUnsubscribed(bytes: Bytes): number {
  let count = 0;
  for (let at = bytes.indexOf(UNSUBSCRIBED); at >= 0; at = bytes.indexOf(UNSUBSCRIBED, at + 1)) count++;
  return count;
}
