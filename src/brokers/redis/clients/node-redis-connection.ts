import type { ConnectionOptions, RedisConnection, RedisNode } from "../connections/driver.ts";
import { NodeRedisShardedChannels } from "./node-redis-sharded.ts";

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

/** Which server to connect to. */
export interface NodeRedisServer {
  /** A client with all that is needed to get there. It is only duplicated. */
  readonly client: NodeRedisClient;
  /** Where the server is. @default where the client's is */
  readonly address?: RedisNode | undefined;
  /** Whether it was found as the present master, and has to say so itself. */
  readonly isMaster?: boolean;
}

/** What our own connections are told, whatever the user's client was told. */
const OWN_OPTIONS = {
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

/**
 * Opens one connection through a client of its own: node-redis subscribes again by itself, and answers a second `subscribe` from
 * memory, so that no client is used twice.
 * @param find asked once; ends early when the signal is aborted
 */
export function connectNodeRedis(
  find: (signal: AbortSignal) => Promise<NodeRedisServer>,
  { kind, node, handlers }: ConnectionOptions,
): RedisConnection {
  // The library does not hand out its socket, and forgets to destroy one that is still connecting.
  const life = new AbortController();
  let own: NodeRedisClient | undefined;
  let sharded: NodeRedisShardedChannels | undefined;

  function end(): void {
    try {
      own?.destroy();
    } catch {
      // Before version 6 it throws when it has closed already.
    }
    life.abort();
  }
  function lose(error: unknown): void {
    if (life.signal.aborted) return;
    end();
    handlers.closed(error);
  }

  const found = find(life.signal);
  async function open(): Promise<void> {
    const { client, address, isMaster } = await found;
    if (life.signal.aborted) return;
    own = client.duplicate({
      ...OWN_OPTIONS,
      // Else nothing can be asked on a connection that listens.
      ...(node && kind === "subscription" ? { RESP: 3 } : {}),
      socket: {
        ...client.options.socket,
        ...address,
        reconnectStrategy: false,
        socketTimeout: undefined,
        signal: life.signal,
      },
    });
    own.on("error", lose);
    if (node && kind === "subscription") {
      const channels = (sharded = new NodeRedisShardedChannels(own, lose));
      own.on("sharded-channel-moved", (channel: string) => {
        channels.moved(channel);
        if (!life.signal.aborted) handlers.moved();
      });
    }
    await own.connect();
    if (isMaster) await checkRole(own);
    if (!life.signal.aborted) handlers.ready();
  }
  open().catch(lose);

  function use<T>(send: (client: NodeRedisClient) => T): T | undefined {
    return own?.isReady && !life.signal.aborted ? send(own) : undefined;
  }
  function hear(message: string, channel: string): void {
    if (!life.signal.aborted) handlers.message(channel, message);
  }
  return {
    command: (name, args) =>
      use((client) => {
        const reply = client.sendCommand([name, ...args]);
        return sharded ? sharded.followed(reply) : reply;
      }),
    subscribe: (channels, isSharded) =>
      use((client) => {
        if (!isSharded) return client.subscribe(channels, hear);
        const reply = client.sSubscribe(channels, hear);
        return sharded ? sharded.subscribed(channels, reply) : reply;
      }),
    unsubscribe: (channels, isSharded) =>
      use((client) => {
        // With the listener: without it, a subscription that follows at once is answered from memory, and then forgotten.
        const reply = isSharded ? client.sUnsubscribe(channels, hear) : client.unsubscribe(channels, hear);
        (isSharded && sharded ? sharded.unsubscribed(channels, reply) : reply).catch(() => {});
      }),
    async destroy() {
      end();
      await found.catch(() => {});
      // Node says in a later phase of its loop that a socket has closed.
      await turn();
      await turn();
    },
  };
}

/** A server that was the master when it was looked up can be a replica by now. */
async function checkRole(client: NodeRedisClient): Promise<void> {
  // It may be forbidden to ask.
  const reply = await client.sendCommand(["ROLE"]).catch(() => undefined);
  const role: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (typeof role === "string" && role !== "master") {
    const { host, port } = client.options.socket ?? {};
    throw new Error(`Sentinel named ${host}:${port} as the master, which says that it is a ${role}.`);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
