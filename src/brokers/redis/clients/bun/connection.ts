import type { ConnectionOptions, RedisConnection } from "../../connections/driver.ts";
import { BunSubscriptions } from "./subscriptions.ts";

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

/** Bun has one error for whatever goes wrong before. */
const UNREACHABLE = "there is no connection, and Bun does not tell why: is the server there, are user and password right?";

/** Opens a connection with a client that is made for it. @param db the database that the client has to select by itself */
export function connectBun(make: () => Promise<BunClient>, db: number, { handlers }: ConnectionOptions): RedisConnection {
  let own: BunClient | undefined;
  let subscriptions: BunSubscriptions | undefined;
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
    const hear = (message: string, channel: string) => void (isOver || handlers.message(channel, message));
    subscriptions = new BunSubscriptions(client, { command, answer, hear });
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

  void open().catch(lose);
  return {
    command,
    subscribe: (channels) => subscriptions?.add(channels),
    unsubscribe(channels) {
      if (!isOver) subscriptions?.remove(channels);
    },
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
