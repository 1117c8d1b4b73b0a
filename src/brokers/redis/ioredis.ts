import { TidingsError } from "../../protocol/error.ts";
import type { ConnectionOptions, RedisConnection, RedisDriver } from "./driver.ts";

/** What tidings needs of an ioredis client (6 or later). Its types are not imported: the package is optional. */
export interface IoRedisLike {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(override?: object): unknown;
  call(command: string, ...args: never[]): Promise<unknown>;
}

/** A client that we made by `duplicate()`. */
interface OwnClient {
  readonly status: string;
  readonly stream?: {
    readonly writable: boolean;
    readonly closed: boolean;
    destroy(): void;
    once(event: "close", run: () => void): void;
  };
  call(command: string, args: readonly string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface ClientOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string | null;
  readonly db?: number | null;
  readonly username?: string | null;
  readonly tls?: object | null;
  readonly keyPrefix?: unknown;
  readonly sentinels?: ReadonlyArray<{ readonly host?: string; readonly port?: number }> | null;
  readonly name?: string | null;
}

/** Whether a value is an ioredis client, a cluster's included. */
export function isIoRedis(value: unknown): value is IoRedisLike {
  if (typeof value !== "object" || value === null) return false;
  const { status, isCluster, options, duplicate, call } = value as Partial<Record<keyof IoRedisLike, unknown>>;
  return (
    typeof status === "string" &&
    typeof isCluster === "boolean" &&
    typeof options === "object" &&
    typeof duplicate === "function" &&
    typeof call === "function"
  );
}

/** A driver over an ioredis client. The client itself is only duplicated. @throws TidingsError `bad_option` for a cluster */
export function createIoRedisDriver(client: IoRedisLike): RedisDriver {
  if (client.isCluster) {
    throw new TidingsError(
      "bad_option",
      "`redis` is an ioredis Cluster, which tidings does not support yet. Pass a `new Redis(…)` of a standalone server.",
    );
  }
  const {
    host = "localhost",
    port = 6379,
    path,
    db,
    username,
    tls,
    keyPrefix,
    sentinels,
    name,
  } = client.options as ClientOptions;
  if (keyPrefix !== undefined && keyPrefix !== null && typeof keyPrefix !== "string") {
    throw new TidingsError("bad_option", "the `keyPrefix` of the ioredis client is not a string. Make it one.");
  }
  const server = sentinels
    ? `${name ?? ""}@${sentinels.map((sentinel) => `${sentinel.host ?? "localhost"}:${sentinel.port ?? 26379}`).join(",")}`
    : (path ?? `${host}:${port}`);
  const address = `${server}/${db ?? 0}`;
  return {
    identity: `${tls ? "rediss" : "redis"}://${username ? `${username}@` : ""}${address}`,
    address,
    keyPrefix: keyPrefix ?? "",
    db: db ?? 0,
    open: (options) => openConnection(client, options),
  };
}

function openConnection(client: IoRedisLike, { kind, handlers, retryDelayMs }: ConnectionOptions): RedisConnection {
  let destroyed = false;
  let attempts = 0;
  let restart: ReturnType<typeof setTimeout> | undefined;
  let reason: unknown;
  const own = client.duplicate({
    connectionName: `tidings-${kind}`,
    keyPrefix: "",
    lazyConnect: false,
    // It neither sends again nor keeps for later nor subscribes by itself: the engine knows what may be repeated, and when.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    reconnectOnError: null,
    enableAutoPipelining: false,
    retryStrategy: retryDelayMs,
    sentinelRetryStrategy: retryDelayMs,
    // The engine watches the connection itself.
    enableReadyCheck: false,
    commandTimeout: undefined,
    socketTimeout: undefined,
    // What the user's client may have been given and ours must not.
    monitor: false,
    readOnly: false,
    stringNumbers: false,
    replyMapping: "legacy",
    showFriendlyErrorStack: false,
    himportFieldsets: undefined,
    scripts: undefined,
    // Milliseconds to a closed socket, with the other side's consent or without.
    disconnectTimeout: 1,
  }) as OwnClient;

  own.on("ready", () => {
    attempts = 0;
    reason = undefined;
    if (!destroyed) handlers.ready();
  });
  // Without a listener ioredis prints it.
  own.on("error", (error: unknown) => void (reason = error));
  own.on("close", () => {
    if (!destroyed) handlers.closed(reason);
  });
  // Some mistakes end it for good, such as a port that is none.
  own.on("end", () => {
    if (destroyed) return;
    handlers.closed(reason);
    restart = setTimeout(() => void own.connect().catch(() => {}), retryDelayMs(++attempts));
  });
  own.on("message", (channel: string, message: string) => handlers.message(channel, message));

  function command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    if (own.status !== "ready" || own.stream?.writable !== true) return undefined;
    return own.call(name, args);
  }

  return {
    command,
    // In small letters: on a server without RESP3 ioredis looks them up by the name it was given.
    subscribe: (channels) => command("subscribe", channels),
    unsubscribe: (channels) => void command("unsubscribe", channels)?.catch(() => {}),
    reset: () => own.stream?.destroy(),
    async destroy() {
      destroyed = true;
      clearTimeout(restart);
      own.disconnect();
      const { stream } = own;
      if (!stream || stream.closed) return;
      const gone = new Promise<void>((resolve) => stream.once("close", resolve));
      stream.destroy();
      await gone;
    },
  };
}
