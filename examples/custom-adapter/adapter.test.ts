import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type RedisClientType } from "redis";
import { adapterConformance } from "tidings/testing";
import { createRedisAdapter } from "./adapter.js";

// Each case has an empty store, so this is a Redis for tests.
const url = process.env.TEST_REDIS_URL ?? "redis://localhost:6379/15";

const cases = adapterConformance(async () => {
  const clients: RedisClientType[] = [];
  async function connect(): Promise<RedisClientType> {
    const client: RedisClientType = createClient({ url });
    clients.push(client);
    await client.connect();
    return client;
  }
  const cleaner = await connect();
  await cleaner.flushDb();
  return {
    open: async () => createRedisAdapter(await connect(), await connect()),
    elapse: (ms) => sleep(ms),
    async close() {
      for (const client of clients) client.destroy();
    },
  };
});

for (const { name, skip, run } of cases) void test(name, { skip: skip ?? false }, run);
