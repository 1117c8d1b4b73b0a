import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import type { RedisAdapter } from "../../src/brokers/four-method/adapter.ts";
import { createFourMethodBroker } from "../../src/brokers/four-method/four-method-broker.ts";
import { fourMethods } from "../../src/brokers/four-method/four-methods.ts";
import { adapterConformance } from "../../src/testing/adapter-conformance.ts";
import { brokerConformance, type SkippedCase } from "../../src/testing/broker-conformance.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

/** An adapter with clients of its own. */
interface Opened {
  readonly adapter: RedisAdapter;
  close(): void;
}

let server: RedisServer;
let observer: Redis;

beforeAll(async () => {
  server = await startRedis();
  observer = new Redis(server.port);
});

afterAll(async () => {
  observer.disconnect();
  await server.stop();
});

/** The one of docs/guides/custom-adapter.md. By a computed name, for it imports the package by its own. */
async function openNodeRedis(): Promise<Opened> {
  const example = "../../examples/custom-adapter/adapter.ts";
  const { createRedisAdapter } = (await import(example)) as {
    createRedisAdapter(client: unknown, reader: unknown): RedisAdapter;
  };
  const [client, reader] = [createClient({ url: server.url }), createClient({ url: server.url })];
  const clients = [client, reader] as const;
  for (const each of clients) {
    each.on("error", () => {});
    await each.connect();
  }
  return {
    adapter: createRedisAdapter(client, reader),
    close() {
      for (const each of clients) each.destroy();
    },
  };
}

async function openIoRedis(protocol: 2 | 3): Promise<Opened> {
  // It does not keep for later what it cannot send now, and is away for longer than a poll, so that an interruption is seen.
  const client = new Redis({
    port: server.port,
    ...(protocol === 2 ? { protocol: 2 } : { protocol: 3 }),
    keyPrefix: "app:",
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 400,
  });
  client.on("error", () => {});
  await new Promise((resolve) => client.once("ready", resolve));
  const options = { prefix: "logs:", clientPrefix: "app:" };
  return {
    adapter: fourMethods((name, args) => client.call(name, [...args]), options),
    close: () => client.disconnect(),
  };
}

const ADAPTERS: Record<string, () => Promise<Opened>> = {
  "node-redis, as the guide shows it": openNodeRedis,
  "fourMethods over ioredis": () => openIoRedis(3),
  "fourMethods over ioredis with RESP2": () => openIoRedis(2),
};

async function killOthers(): Promise<void> {
  // A client that has nothing under way connects again unseen; and who reads on from a cursor has then missed nothing.
  await sleep(50);
  await observer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

describe.each(Object.keys(ADAPTERS))("conformance of an adapter: %s", (name) => {
  const cases = adapterConformance(async () => {
    const opened: Opened[] = [];
    return {
      async open() {
        const one = (await ADAPTERS[name]?.()) as Opened;
        opened.push(one);
        return one.adapter;
      },
      elapse: (ms) => sleep(ms),
      async close() {
        for (const { close } of opened) close();
        await observer.flushall();
      },
    };
  });
  // A case that is left out says why in `skip`.
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});

const NO_PREV =
  "nothing in four methods tells what stood before the oldest entry of a trimmed log: it claims the largest position before itself";

const SKIPPED: readonly SkippedCase[] = [
  {
    name: "an append that repeats the caller's id stores nothing, and resolves with the id of the first",
    reason: "two processes that emit one id at the same moment can both store it: no method looks and adds in one step",
  },
  {
    name: "an announcement says how many entries its log keeps",
    reason:
      "it trims to one entry and to none in one breath: what is trimmed before it was read is never heard, and a gap tells so",
  },
  { name: "F-26: a log keeps exactly maxLength entries, the newest", reason: NO_PREV },
  { name: "read from a position that was trimmed begins with the oldest entry that is kept", reason: NO_PREV },
  { name: "locate in a log that was trimmed gives the position before the oldest entry that is kept", reason: NO_PREV },
];

describe.each(Object.keys(ADAPTERS))("conformance of the broker over four methods: %s", (name) => {
  const cases = brokerConformance(
    async () => {
      const opened: Opened[] = [];
      const brokers: Broker[] = [];
      return {
        async open() {
          const one = (await ADAPTERS[name]?.()) as Opened;
          opened.push(one);
          const broker = createFourMethodBroker({ adapter: one.adapter, keyPrefix: "t", logger: { warn() {} } });
          brokers.push(broker);
          return broker;
        },
        // Logs live for whole seconds, rounded up.
        elapse: (ms) => sleep(ms + 700),
        interrupt: killOthers,
        async close() {
          await Promise.all(brokers.map((broker) => broker.close()));
          for (const { close } of opened) close();
          await observer.flushall();
        },
      };
    },
    { skip: SKIPPED },
  );
  // A case that is left out says why in `skip`.
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});
