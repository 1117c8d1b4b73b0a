import { startProxy } from "../../support/tcp-proxy.ts";
import { startUpstashFront, type UpstashFront } from "../../support/upstash-front.ts";

/** A Redis over REST, at an address that stays. */
export interface Rest extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** Goes away with its Redis: connections break, and nobody answers. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Serves the Redis on `redisPort` over REST. */
export async function startRest(redisPort: number): Promise<Rest> {
  let front: UpstashFront | undefined = await startUpstashFront(redisPort);
  const { token } = front;
  const proxy = await startProxy(portOf(front));

  async function down(): Promise<void> {
    proxy.refusing = true;
    proxy.cutAll();
    await front?.close();
    front = undefined;
  }

  return {
    url: `http://127.0.0.1:${proxy.port}`,
    token,
    down,
    async up() {
      front = await startUpstashFront(redisPort);
      proxy.targetPort = portOf(front);
      proxy.refusing = false;
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await down();
    },
  };
}

const portOf = (front: UpstashFront): number => Number(new URL(front.url).port);
