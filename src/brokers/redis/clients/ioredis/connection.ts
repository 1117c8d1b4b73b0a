import type { ConnectionOptions, RedisConnection } from "../../connections/driver.ts";
import { OWN_OPTIONS } from "./own-options.ts";
import { isVersion5, watchVersion5, type Version5 } from "./version-5.ts";

/** An ioredis client of one server. */
export interface IoRedisClient {
  readonly status: string;
  readonly options: object;
  readonly stream?: Stream;
  duplicate(override: object): IoRedisClient;
  call(command: string, args: readonly string[]): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface Stream {
  readonly writable: boolean;
  readonly closed: boolean;
  destroy(): void;
  once(event: "close", run: () => void): void;
  on(event: "data", run: (bytes: Bytes) => void): void;
}

/** A `Buffer`. */
export interface Bytes {
  indexOf(text: string, from?: number): number;
}

/** The client that a connection is made like, and what is different. */
interface Template {
  readonly client: IoRedisClient;
  readonly override?: object;
}

/** Opens a connection that lives once. @param find finds the template */
export function connectIoRedis(find: () => Promise<Template>, { handlers }: ConnectionOptions): RedisConnection {
  let own: IoRedisClient | undefined;
  let ended: Promise<void> | undefined;
  let version5: Version5 | undefined;

  function open({ client, override }: Template): void {
    if (ended) return;
    own = client.duplicate({ ...override, ...OWN_OPTIONS });
    let reason: unknown;
    // Without a listener ioredis prints it.
    own.on("error", (error: unknown) => void (reason = error));
    own.on("end", () => fail(reason));
    const hear = (channel: string, message: string) => void (ended ?? handlers.message(channel, message));
    own.on("message", hear);
    own.on("smessage", hear);
    const ready = () => void (ended ?? handlers.ready());
    if (isVersion5(client)) {
      version5 = watchVersion5(own, { ready, fail, reason: () => reason });
    } else {
      own.on("ready", ready);
      own.on("moved", () => void (ended ?? handlers.moved()));
    }
  }

  function fail(reason: unknown): void {
    if (ended) return;
    ended = close();
    handlers.closed(reason);
  }

  async function close(): Promise<void> {
    own?.disconnect();
    const stream = own?.stream;
    if (!stream || stream.closed) return;
    const gone = new Promise<void>((resolve) => stream.once("close", resolve));
    stream.destroy();
    await gone;
  }

  function command(name: string, args: readonly string[]): Promise<unknown> | undefined {
    if (ended || own?.status !== "ready" || own.stream?.writable !== true) return undefined;
    return own.call(name, args);
  }

  find().then(open).catch(fail);
  return {
    command,
    // In small letters: on a server without RESP3 ioredis looks them up by the name it was given.
    subscribe: (channels, sharded) => command(sharded ? "ssubscribe" : "subscribe", channels),
    unsubscribe(channels, sharded) {
      const acknowledged = command(sharded ? "sunsubscribe" : "unsubscribe", channels);
      if (sharded && acknowledged) version5?.unsubscribing(channels.length);
      acknowledged?.catch(() => {});
    },
    destroy: () => (ended ??= close()),
  };
}
