import type { ConnectionOptions, RedisConnection, RedisNode } from "../../connections/driver.ts";
import { OWN_OPTIONS, type NodeRedisClient } from "./options.ts";
import { NodeRedisShardedChannels } from "./sharded-channels.ts";

/** Which server to connect to. */
export interface NodeRedisServer {
  /** A client with all that is needed to get there. It is only duplicated. */
  readonly client: NodeRedisClient;
  /** Where the server is. @default where the client's is */
  readonly address?: RedisNode | undefined;
  /** Looks at a new connection before it is used. It fails when this rejects. */
  readonly check?: (client: NodeRedisClient) => Promise<void>;
}

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
    const { client, address, check } = await found;
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
    await check?.(own);
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

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
