import type { ConnectionOptions, RedisConnection } from "../connections/driver.ts";

/** A client of Bun that is our own: one connection. What it does is as seen in Bun 1.4.5. */
export interface BunClient {
  readonly connected: boolean;
  onconnect: (() => void) | null;
  onclose: ((error: unknown) => void) | null;
  send(command: string, args: string[]): Promise<unknown>;
  close(): void;
  connect(): Promise<unknown>;
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
}

/**
 * Bun closes a connection that listens at any error reply: one channel that is refused would take all others with it, at every
 * attempt. So the server is asked beforehand. One before 7.0 does not know.
 */
const MAY_LISTEN = "return redis.acl_check_cmd and not redis.acl_check_cmd('SUBSCRIBE', unpack(ARGV)) and 0 or 1";
/** Bun has one error for whatever goes wrong before. */
const UNREACHABLE = "there is no connection, and Bun does not tell why: is the server there, are user and password right?";
const REFUSED = "NOPERM this user has no permissions to listen to one of the channels";

/** Opens a connection with a client that is made for it. @param db the database that the client has to select by itself */
export function connectBun(make: () => Promise<BunClient>, db: number, { handlers }: ConnectionOptions): RedisConnection {
  let own: BunClient | undefined;
  let isReady = false;
  let isOver = false;

  function lose(error: unknown): void {
    if (isOver) return;
    isOver = true;
    own?.close();
    handlers.closed(error);
  }

  async function open(): Promise<void> {
    const client = await make();
    if (isOver) {
      client.close();
      return;
    }
    own = client;
    // A copy of the user's client may connect again by itself. It says so only when it has; what it held it has rejected before.
    let wasConnected = client.connected;
    Object.assign(client, {
      onconnect: () => void (wasConnected ? lose(new Error("the connection was lost")) : (wasConnected = true)),
      onclose: (cause: unknown) => lose(isReady ? cause : new Error(UNREACHABLE, { cause })),
    });
    await client.connect();
    await checkDatabase(client, db);
    if (isOver) return;
    isReady = true;
    handlers.ready();
  }

  /** Gives what the server answers. What Bun says of a connection that has gone is no answer. */
  function answer(reply: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      reply.then(resolve, (error: unknown) => {
        if (isOver) return;
        if (own?.connected) reject(error);
        else lose(error);
      });
    });
  }

  function command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    if (!own || !isReady || isOver) return undefined;
    if (own.connected) return answer(own.send(name, [...args]));
    queueMicrotask(() => lose(new Error("the connection was lost")));
    return undefined;
  }

  const wanted = new Set<string>();
  /** What Bun has a listener for, and the acknowledgement. To subscribe again would add a second listener. */
  const heard = new Map<string, Promise<unknown>>();
  const hear = (message: string, channel: string): void => {
    if (!isOver) handlers.message(channel, message);
  };

  async function listen(client: BunClient, channels: readonly string[], permission: Promise<unknown>): Promise<void> {
    for (const channel of channels) wanted.add(channel);
    if ((await permission) === 0) throw new Error(REFUSED);
    const fresh = channels.filter((channel) => wanted.has(channel) && !heard.has(channel));
    if (fresh.length > 0) {
      // Bun takes the acknowledgement of a channel for that of the next SUBSCRIBE, if nothing comes between: a reply proves more.
      const acknowledged = Promise.all([answer(client.subscribe(fresh, hear)), answer(client.send("PING", []))]);
      for (const channel of fresh) heard.set(channel, acknowledged);
      acknowledged.catch(() => fresh.forEach((channel) => heard.delete(channel)));
    }
    await Promise.all(channels.map(async (channel) => heard.get(channel)));
    // What was left before Bun could do it.
    unsubscribe(channels.filter((channel) => !wanted.has(channel) && heard.has(channel)));
  }

  function unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) wanted.delete(channel);
    if (!own || isOver || channels.length === 0) return;
    try {
      own.unsubscribe([...channels]).catch(() => {});
      for (const channel of channels) heard.delete(channel);
    } catch {
      // It throws while there is nothing that is acknowledged.
    }
  }

  void open().catch(lose);
  return {
    command,
    subscribe(channels) {
      const permission = command("EVAL", [MAY_LISTEN, "0", ...channels]);
      return own && permission && listen(own, channels, permission);
    },
    unsubscribe,
    async destroy() {
      isOver = true;
      own?.close();
    },
  };
}

/** Looks whether the database is the one that is expected: live channels are named after it. */
async function checkDatabase(client: BunClient, db: number): Promise<void> {
  const [info] = await Promise.allSettled([client.send("CLIENT", ["INFO"])]);
  const selected = info.status === "fulfilled" ? / db=(\d+)/.exec(String(info.value))?.[1] : undefined;
  if (selected === undefined || Number(selected) === db) return;
  throw new Error(
    `the client uses database ${selected}, which Bun tells nobody: say so with \`createBunRedisAdapter(client, { db: ${selected} })\``,
  );
}
