import type { ConnectionOptions, RedisConnection, RedisDriver } from "../../../brokers/redis/connections/driver.ts";

/** What a command was answered with. */
export type Reply = { readonly value: unknown } | { readonly error: Error };

/** One connection, on which the doctor asks one thing after the other. */
export interface Patient {
  /** Never rejects. No answer in time is an error, too. */
  ask(name: string, ...args: readonly string[]): Promise<Reply>;
  /** As `ask`, on a connection that is there to listen. */
  subscribe(channel: string, sharded: boolean): Promise<Reply>;
  close(): Promise<void>;
}

/** How {@link reach} connects. */
export interface ReachOptions extends Pick<ConnectionOptions, "kind" | "node"> {
  /** For how long the connection, and each answer, may take. */
  readonly timeoutMs: number;
}

/** Connects once. @throws Error that says why it cannot be done, in the words of the library or of the server */
export async function reach(driver: RedisDriver, { kind, node, timeoutMs }: ReachOptions): Promise<Patient> {
  let connection!: RedisConnection;
  const opened = new Promise<void>((resolve, reject) => {
    connection = driver.connect({
      ...{ kind, node },
      handlers: {
        ready: resolve,
        closed: (error) => reject(error instanceof Error ? error : new Error("the connection was closed")),
        message() {},
        moved() {},
      },
    });
  });
  const answer = async (sent: Promise<unknown> | undefined): Promise<Reply> => {
    try {
      return { value: await inTime(sent ?? Promise.reject(new Error("the connection is gone")), timeoutMs) };
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error)) };
    }
  };
  try {
    await inTime(opened, timeoutMs);
  } catch (error) {
    await connection.destroy();
    throw error;
  }
  return {
    ask: (name, ...args) => answer(connection.command(name, args)),
    subscribe: (channel, sharded) => answer(connection.subscribe([channel], sharded)),
    close: () => connection.destroy(),
  };
}

/** What a promise gives, or an error when it takes too long. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
