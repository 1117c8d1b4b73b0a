/** The ways in which the same events reach the same log: raw, through the engine, and as users emit. */
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import type { Broker, Retention } from "../src/brokers/broker.ts";
import { createIoRedisDriver } from "../src/brokers/redis/clients/ioredis/driver.ts";
import { createNodeRedisDriver } from "../src/brokers/redis/clients/node-redis/driver.ts";
import { overConnections } from "../src/brokers/redis/connections/source.ts";
import { createRedisBroker } from "../src/brokers/redis/engine.ts";
import type { RedisSource } from "../src/brokers/redis/transport.ts";
import { DEFAULT_EXPIRE_AFTER_SECS, DEFAULT_MAX_LENGTH } from "../src/protocol/limits.ts";
import { Realtime } from "../src/realtime/realtime.ts";

/** The defaults of a channel. */
const RETENTION: Retention = { maxLength: DEFAULT_MAX_LENGTH, expireAfterMs: DEFAULT_EXPIRE_AFTER_SECS * 1_000 };
export const EVENT = "chat.message";

/** Sends one event with a payload that begins with this number; rejects when it is not stored. */
export type Way = (at: number) => Promise<unknown>;

/** A user's connected client, and what tidings makes of it. */
export interface Client {
  /** Sends a command as the library does by itself: one call, at once, not waiting for earlier replies. */
  send(name: string, args: readonly string[]): Promise<unknown>;
  readonly source: RedisSource;
  /** For the `redis` option of `Realtime`. */
  readonly user: object;
  close(): unknown;
}

/** How each library connects. */
export const CLIENTS: Readonly<Record<string, (port: number) => Promise<Client>>> = {
  "ioredis 6": async (port) => ofIoRedis(new Redis(port)),
  "ioredis 5": async (port) => ofIoRedis(new Redis5(port)),
  "node-redis 6": async (port) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    return {
      send: (name, args) => client.sendCommand([name, ...args]),
      source: overConnections(createNodeRedisDriver(client)),
      user: client,
      close: () => client.destroy(),
    };
  },
  "node-redis 5": async (port) => {
    const client = createClient5({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    return {
      send: (name, args) => client.sendCommand([name, ...args]),
      source: overConnections(createNodeRedisDriver(client)),
      user: client,
      close: () => client.destroy(),
    };
  },
};

/** @throws Error for a library that is not among them */
export function connectTo(library: string, port: number): Promise<Client> {
  const connect = CLIENTS[library];
  if (!connect) throw new Error(`there is no ${library}`);
  return connect(port);
}

function ofIoRedis(client: Redis | Redis5): Client {
  return {
    send: (name, args) => client.call(name, ...args),
    source: overConnections(createIoRedisDriver(client)),
    user: client,
    close: () => client.disconnect(),
  };
}

/** What the engine sends for one append: its arguments, with the places of what changes from one to the next. */
export interface Recorded {
  readonly name: string;
  readonly args: readonly string[];
  readonly jsonAt: number;
  readonly emitIdAt: number;
}

/** Has the engine append once, and writes down what it sent. */
export async function recordAppend(source: RedisSource, channel: string): Promise<Recorded> {
  const sent: Array<{ name: string; args: readonly string[] }> = [];
  const broker = createRedisBroker({
    keyPrefix: "bench",
    source: {
      ...source,
      open: (context) => {
        const transport = source.open(context);
        return {
          send: (command) => {
            sent.push(command);
            return transport.send(command);
          },
          listen: (handlers) => transport.listen(handlers),
          close: () => transport.close(),
        };
      },
    },
  });
  await broker.append(channel, { event: EVENT, json: '"json"', emitId: "emit id" }, RETENTION, 5_000);
  await broker.close();
  const [command] = sent;
  if (!command) throw new Error("the engine sent nothing");
  const { name, args } = command;
  return { name, args, jsonAt: args.indexOf('"json"'), emitIdAt: args.indexOf("emit id") };
}

/** A payload of so many bytes of JSON, of which no two are equal. */
export function payload(at: number, bytes: number): { text: string } {
  return { text: String(at).padEnd(bytes - '{"text":""}'.length, "x") };
}

const passes = { "~standard": { version: 1, vendor: "bench", validate: (value: unknown) => ({ value }) } } as const;

/** All ways to one log through one client. Each but the raw one has a connection of its own. */
export async function openWays(client: Client, channel: string, bytes: number): Promise<OpenWays> {
  const { name, args, jsonAt, emitIdAt } = await recordAppend(client.source, channel);
  const broker: Broker = createRedisBroker({ source: client.source, keyPrefix: "bench" });
  const realtime = new Realtime({
    schema: { chat: { message: passes } },
    redis: client.user as never,
    keyPrefix: "bench",
    history: { maxLength: DEFAULT_MAX_LENGTH },
  });
  const users = realtime.channel(channel);
  const ways = {
    raw: (at: number) => {
      const own = [...args];
      own[jsonAt] = JSON.stringify(payload(at, bytes));
      own[emitIdAt] = `bench-${at.toString(36)}`;
      return client.send(name, own);
    },
    engine: (at: number) =>
      broker.append(
        channel,
        { event: EVENT, json: JSON.stringify(payload(at, bytes)), emitId: `bench-${at.toString(36)}` },
        RETENTION,
        5_000,
      ),
    emit: (at: number) => users.emit(EVENT, payload(at, bytes)),
  };
  return {
    ways,
    key: args[2] as string,
    async close() {
      await Promise.all([broker.close(), realtime.close()]);
    },
  };
}

export interface OpenWays {
  readonly ways: Readonly<Record<"raw" | "engine" | "emit", Way>>;
  /** Of the log. */
  readonly key: string;
  close(): Promise<void>;
}
