import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIoRedisDriver } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { handle, Realtime } from "../../src/index.ts";
import { MAX_ANNOUNCED_BYTES } from "../../src/protocol/limits.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { redisCostSuite } from "../support/redis-cost-suite.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream } from "../support/stream-reader.ts";
import { openUpstash } from "../support/upstash-broker.ts";
import { startUpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const port = () => server.port;

for (const [library, { single }] of Object.entries(CLIENT_LIBRARIES)) redisCostSuite(library, { port, source: single });

redisCostSuite("ioredis 6 with RESP2", {
  port,
  source: (at) =>
    overConnections(createIoRedisDriver(new Redis({ host: "127.0.0.1", port: at, protocol: 2, lazyConnect: true }))),
});

describe("I6 Cost: through @upstash/redis, which is paid by the command", () => {
  it("is one command per emit, and one read of what is above 8 kB, however many streams wait for it", async () => {
    await using front = await startUpstashFront(server.port);
    await using own = openUpstash(front, { keyPrefix: "upstash" });
    const realtime = new Realtime({ broker: own.broker });
    const endpoint = handle({ realtime });
    const streams = await Promise.all(Array.from({ length: 30 }, () => readStream(endpoint, "channel=c")));
    try {
      for (const stream of streams) await stream.until((frames) => countOf(frames, "connected") > 0);
      expect(front.openStreams).toBe(1);
      const commandsOf = async (data: unknown): Promise<number> => {
        const seen = streams.map(({ values }) => values.length);
        front.forget();
        await realtime.channel("c").emit("a.b", data);
        for (const [at, stream] of streams.entries()) await stream.until((frames) => countOf(frames, "") > (seen[at] ?? 0));
        return front.commandCount;
      };
      expect(await commandsOf("small")).toBe(1);
      expect(await commandsOf("x".repeat(MAX_ANNOUNCED_BYTES))).toBe(2);
    } finally {
      for (const stream of streams) await stream.close();
      await realtime.close();
    }
  });
});
