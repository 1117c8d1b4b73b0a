import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a server process costs. Bytes, after its garbage was collected. */
export interface ServerFigures {
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  /** The most that waited in one of its sockets since the last time, as far as the process holds it. */
  readonly mostWaiting: number;
  readonly sockets: number;
}

/** Events from number `from` to `to`, with so many bytes each. */
export interface Flood {
  readonly channel: string;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly perSecond: number;
}

/** A server process with streams. */
export interface SlowServer extends AsyncDisposable {
  /** 0 when it listens on a path. */
  readonly port: number;
  figures(): Promise<ServerFigures>;
  /** Resolves when all are stored. */
  publish(flood: Flood): Promise<void>;
}

export interface SlowServerOptions {
  readonly redisUrl: string;
  readonly maxLength: number;
  /** The entry of the package that serves the streams. @default "tidings/node" */
  readonly entry?: "tidings" | "tidings/node";
  /** The path of a socket to listen on. @default a free port */
  readonly path?: string;
}

const script = fileURLToPath(new URL("server.mjs", import.meta.url));

export async function startSlowServer({
  redisUrl,
  maxLength,
  entry = "tidings/node",
  path = "0",
}: SlowServerOptions): Promise<SlowServer> {
  const child = fork(script, {
    env: { ...process.env, REDIS_URL: redisUrl, MAX_LENGTH: String(maxLength), ENTRY: entry, LISTEN: path },
    execArgv: ["--expose-gc"],
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  let asked = 0;
  const ask = (question: object): Promise<ServerFigures> => {
    const id = ++asked;
    return new Promise((resolve, reject) => {
      const settle = (answer: ServerFigures & { id: number }): void => {
        if (answer.id !== id) return;
        child.off("message", settle).off("exit", gone);
        resolve(answer);
      };
      const gone = (): void => reject(new Error("the server process is gone"));
      child.on("message", settle).once("exit", gone);
      child.send({ id, ...question });
    });
  };
  return {
    port,
    figures: () => ask({}),
    async publish(flood) {
      await ask({ flood });
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
