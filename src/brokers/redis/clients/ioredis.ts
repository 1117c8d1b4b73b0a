import { TidingsError } from "../../../protocol/error.ts";
import type { ConnectionOptions, RedisConnection, RedisDriver, RedisNode } from "../connections/driver.ts";

/** What tidings needs of an ioredis client (5 or later), a cluster's included. Its types are not imported: the package is optional. */
export interface IoRedisLike {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...override: never[]): unknown;
  call(command: string, ...args: never[]): Promise<unknown>;
}

/** A client of one server. */
interface Client {
  readonly status: string;
  readonly options: object;
  readonly stream?: {
    readonly writable: boolean;
    readonly closed: boolean;
    destroy(): void;
    once(event: "close", run: () => void): void;
    on(event: "data", run: (bytes: Uint8Array & { includes(text: string): boolean }) => void): void;
  };
  duplicate(override: object): Client;
  call(command: string, args: readonly string[]): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface Cluster {
  readonly startupNodes: ReadonlyArray<string | number | Partial<RedisNode>>;
  nodes(role?: string): readonly Client[];
  duplicate(nodes: readonly [], override: object): Cluster;
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

interface ClusterOptions {
  readonly redisOptions?: ClientOptions;
  readonly keyPrefix?: unknown;
  readonly natMap?: Readonly<Record<string, RedisNode>> | ((address: string) => RedisNode | null) | null;
}

/** What our own connections are told, whatever the user's client was told. */
const OWN_OPTIONS = {
  keyPrefix: "",
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

/** A driver over an ioredis client or cluster, which is only duplicated. @throws TidingsError `bad_option` */
export function createIoRedisDriver(client: IoRedisLike): RedisDriver {
  return client.isCluster
    ? clusterDriver(client as unknown as Cluster, client.options as ClusterOptions)
    : clientDriver(client as unknown as Client, client.options as ClientOptions);
}

function clientDriver(client: Client, options: ClientOptions): RedisDriver {
  const { host = "localhost", port = 6379, path, db, username, tls, sentinels, name } = options;
  const server = sentinels
    ? `${name ?? ""}@${sentinels.map((sentinel) => addressOf(sentinel, 26_379)).join(",")}`
    : (path ?? `${host}:${port}`);
  const address = `${server}/${db ?? 0}`;
  return {
    identity: `${tls ? "rediss" : "redis"}://${username ? `${username}@` : ""}${address}`,
    address,
    keyPrefix: prefixOf(options.keyPrefix),
    db: db ?? 0,
    connect: (connection) => connect(async () => client, {}, connection),
  };
}

function clusterDriver(cluster: Cluster, { redisOptions, keyPrefix, natMap }: ClusterOptions): RedisDriver {
  const seeds = cluster.startupNodes.map(nodeOf);
  const address = seeds.map((seed) => addressOf(seed, 6_379)).join(",");
  const { username, tls } = redisOptions ?? {};
  return {
    identity: `${tls ? "rediss" : "redis"}-cluster://${username ? `${username}@` : ""}${address}`,
    address,
    keyPrefix: prefixOf(keyPrefix ?? redisOptions?.keyPrefix),
    db: 0,
    seeds,
    connect(options) {
      const { host, port } = options.node as RedisNode;
      const outside = typeof natMap === "function" ? natMap(`${host}:${port}`) : natMap?.[`${host}:${port}`];
      return connect(() => clientOf(cluster), { db: 0, ...redisOptions, ...(outside ?? { host, port }) }, options);
    },
  };
}

/** A client of any server of the cluster: where the class of such clients is to be had. */
async function clientOf(cluster: Cluster): Promise<Client> {
  const [known] = cluster.nodes();
  if (known) return known;
  // A cluster that is lazy or closed has none. A copy of it does, as soon as it has looked up where to connect to.
  const copy = cluster.duplicate([], { lazyConnect: false, clusterRetryStrategy: () => null });
  try {
    return await new Promise<Client>((resolve, reject) => {
      copy.on("+node", resolve);
      copy.on("error", reject);
    });
  } finally {
    copy.disconnect();
  }
}

function connect(template: () => Promise<Client>, where: object, { kind, handlers }: ConnectionOptions): RedisConnection {
  let own: Client | undefined;
  let destroyed: Promise<void> | undefined;
  let reason: unknown;
  function open(client: Client): void {
    if (destroyed) return;
    own = client.duplicate({ ...where, ...OWN_OPTIONS, connectionName: `tidings-${kind}` });
    // Without a listener ioredis prints it.
    own.on("error", (error: unknown) => void (reason = error));
    own.on("ready", () => void (destroyed ?? handlers.ready()));
    own.on("end", () => void (destroyed ?? handlers.closed(reason)));
    // Version 5 takes it for an answer to whatever was asked last and says nothing. What only looks like it does no harm.
    const sniff = (bytes: Uint8Array & { includes(text: string): boolean }) => {
      if (bytes.includes("sunsubscribe")) void (destroyed ?? handlers.moved());
    };
    if (kind === "subscription") own.on("connect", () => void own?.stream?.on("data", sniff));
    const hear = (channel: string, message: string) => void (destroyed ?? handlers.message(channel, message));
    own.on("message", hear);
    own.on("smessage", hear);
  }
  void template()
    .then(open)
    .catch((error: unknown) => void (destroyed ?? handlers.closed(error)));

  function command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    if (destroyed || own?.status !== "ready" || own.stream?.writable !== true) return undefined;
    return own.call(name, args);
  }
  async function destroy(): Promise<void> {
    own?.disconnect();
    const stream = own?.stream;
    if (!stream || stream.closed) return;
    const gone = new Promise<void>((resolve) => stream.once("close", resolve));
    stream.destroy();
    await gone;
  }
  return {
    command,
    // In small letters: on a server without RESP3 ioredis looks them up by the name it was given.
    subscribe: (channels, sharded) => command(sharded ? "ssubscribe" : "subscribe", channels),
    unsubscribe: (channels, sharded) => void command(sharded ? "sunsubscribe" : "unsubscribe", channels)?.catch(() => {}),
    destroy: () => (destroyed ??= destroy()),
  };
}

function prefixOf(keyPrefix: unknown): string {
  if (keyPrefix === undefined || keyPrefix === null) return "";
  if (typeof keyPrefix === "string") return keyPrefix;
  throw new TidingsError("bad_option", "the `keyPrefix` of the ioredis client is not a string. Make it one.");
}

function addressOf({ host = "localhost", port }: Partial<RedisNode>, defaultPort: number): string {
  return `${host}:${port ?? defaultPort}`;
}

/** A server as ioredis takes it: a port, a URL, `host:port`, or an object. */
function nodeOf(node: string | number | Partial<RedisNode>): RedisNode {
  if (typeof node === "object") return { host: node.host ?? "127.0.0.1", port: node.port ?? 6_379 };
  if (typeof node === "number") return { host: "127.0.0.1", port: node };
  const { hostname, port } = new URL(node.includes("://") ? node : `redis://${node}`);
  return { host: hostname, port: Number(port || 6_379) };
}
