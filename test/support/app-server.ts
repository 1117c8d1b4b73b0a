import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DisconnectOptions } from "../../src/index.ts";

export interface AppServerOptions {
  readonly port?: number;
  /** Several, joined by commas, are the nodes of a Cluster. @default memory */
  readonly redisUrl?: string | undefined;
  readonly maxLength?: number;
  /** Path of the script that the page loads. */
  readonly page?: string;
  /** Whether users, by the header `x-user`, may read only what was not revoked. @default false */
  readonly guarded?: boolean;
  /** Drains for so long at SIGTERM. @default it closes at once */
  readonly graceSecs?: number;
}

/** A server process on the built package. */
export interface AppServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Emits in order: `[channel, event, data]`. Resolves when all are stored. */
  emit(...events: ReadonlyArray<readonly [string, string, unknown]>): Promise<void>;
  /** Destroys the sockets of all streams; `refuse` keeps new ones out, too. */
  cut(options?: { readonly refuse?: boolean }): Promise<void>;
  admit(): Promise<void>;
  /** Takes the right to a channel from a user. */
  revoke(user: string, channel: string): Promise<void>;
  disconnect(target: DisconnectOptions): Promise<number>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM, as in a deployment: it closes its `Realtime` and its streams, then ends. */
  stop(): Promise<void>;
}

const script = fileURLToPath(new URL("app-server.mjs", import.meta.url));

/** Starts a server process; `port` 0 takes a free one. */
export async function startAppServer({
  port = 0,
  redisUrl,
  maxLength = 1_000,
  page,
  guarded = false,
  graceSecs,
}: AppServerOptions = {}): Promise<AppServer> {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = fork(script, {
    env: {
      ...inherited,
      PORT: String(port),
      MAX_LENGTH: String(maxLength),
      ...(redisUrl && { REDIS_URL: redisUrl }),
      ...(page && { PAGE: page }),
      ...(guarded && { GUARDED: "1" }),
      ...(graceSecs !== undefined && { GRACE_SECS: String(graceSecs) }),
    },
  });
  const [ready] = (await once(child, "message")) as [{ port: number }];
  let requests = 0;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  const ask = async (message: object): Promise<void> => void (await request(child, ++requests, message));
  return {
    port: ready.port,
    url: `http://127.0.0.1:${ready.port}`,
    emit: (...events) => ask({ emit: events }),
    cut: ({ refuse = false } = {}) => ask({ cut: true, refuse }),
    admit: () => ask({ refuse: false }),
    revoke: (user, channel) => ask({ revoke: [user, channel] }),
    disconnect: async (target) => (await request(child, ++requests, { disconnect: target })) as number,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    [Symbol.asyncDispose]: () => end("SIGKILL"),
  };
}

function request(child: ChildProcess, id: number, message: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (answer: { id: number; value?: unknown; error?: string }): void => {
      if (answer.id !== id) return;
      child.off("message", settle).off("exit", gone);
      if (answer.error === undefined) resolve(answer.value);
      else reject(new Error(answer.error));
    };
    const gone = (): void => reject(new Error("the server process is gone"));
    child.on("message", settle).once("exit", gone);
    child.send({ ...message, id });
  });
}
