import type { NodeRedisClient, NodeRedisOptions } from "./options.ts";
import type { NodeRedisSentinel, NodeRedisSentinelOptions } from "./sentinel.ts";

/** A client of the present master, asked for by a sentinel of our own, which tries once. */
export async function findMaster(
  sentinel: Required<NodeRedisSentinel>,
  { nodeClientOptions, sentinelClientOptions }: NodeRedisSentinelOptions,
  signal: AbortSignal,
): Promise<NodeRedisClient> {
  const once = (options: NodeRedisOptions | undefined) => ({
    ...options,
    clientSideCache: undefined,
    maintNotifications: "disabled",
    socket: { ...options?.socket, reconnectStrategy: false, signal },
  });
  const copy = sentinel.duplicate({
    masterPoolSize: 1,
    replicaPoolSize: 0,
    reserveClient: false,
    scanInterval: 0,
    maxCommandRediscovers: 0,
    clientSideCache: undefined,
    nodeClientOptions: once(nodeClientOptions),
    sentinelClientOptions: once(sentinelClientOptions),
  });
  const reasons: unknown[] = [];
  copy.on("error", (error) => reasons.push(error));
  try {
    await copy.connect();
    return await masterOf(copy);
  } catch (error) {
    throw reasons.length > 0 ? new Error((error as Error).message, { cause: reasons[0] }) : error;
  } finally {
    await copy.destroy();
  }
}

/** The same in version 5, which cannot duplicate a sentinel: the user's own has to say which server is the master. */
export async function askForMaster(sentinel: NodeRedisSentinel, signal: AbortSignal): Promise<NodeRedisClient> {
  if (!sentinel.isOpen) {
    throw new Error(
      "a sentinel of node-redis 5 cannot be duplicated: call its `connect()` and leave it open, or take version 6",
    );
  }
  return Promise.race([
    masterOf(sentinel),
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
  ]);
}

function masterOf(sentinel: NodeRedisSentinel): Promise<NodeRedisClient> {
  // oxlint-disable-next-line no-underscore-dangle -- in the library's types, and the only way to a client that it has made
  return sentinel._execute(false, async (client) => client);
}

/** A server that was the master when it was looked up can be a replica by now. */
export async function checkRole(client: NodeRedisClient): Promise<void> {
  // It may be forbidden to ask.
  const reply = await client.sendCommand(["ROLE"]).catch(() => undefined);
  const role: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (typeof role === "string" && role !== "master") {
    const { host, port } = client.options.socket ?? {};
    throw new Error(`Sentinel named ${host}:${port} as the master, which says that it is a ${role}.`);
  }
}
