import { Redis as UpstashRedis } from "@upstash/redis";
import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import type { Interop } from "../../src/brokers/interop/format.ts";
import { createInteropBroker } from "../../src/brokers/interop/interop-broker.ts";
import { createUrlDriver } from "../../src/brokers/redis/clients/url.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import { createUpstashSource } from "../../src/brokers/redis/rest/upstash.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { brokerConformance, type SkippedCase } from "../../src/testing/broker-conformance.ts";
import { followMoves } from "../support/follow-moves.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  client = new Redis(server.port);
});

afterAll(async () => {
  client.disconnect();
  await front.close();
  await server.stop();
});

const THEIRS = "the log is the other library's: what we append neither trims nor expires it";
const SKIP: readonly SkippedCase[] = [
  { name: "F-26: a log keeps exactly maxLength entries, the newest", reason: THEIRS },
  { name: "F-26: a smaller maxLength trims at the next append, a larger one keeps more again", reason: THEIRS },
  { name: "maxLength 0 keeps nothing, yet the log remembers its last id and is heard", reason: THEIRS },
  { name: "an announcement says how many entries its log keeps", reason: THEIRS },
  {
    name: "B-25: expireAfterMs drops the log that long after its last append; the next append begins a new life",
    reason: THEIRS,
  },
  { name: "a caller's id outlives its log", reason: THEIRS },
  { name: "read from a position that was trimmed begins with the oldest entry that is kept", reason: THEIRS },
  { name: "locate in a log that was trimmed gives the position before the oldest entry that is kept", reason: THEIRS },
  { name: "the entries and the last id of a page are of the same instant", reason: THEIRS },
  {
    name: "I7 Return: an interrupted listener is told once of each channel that it was lost, then that its channels are heard again",
    reason: "it looks where logs end, and nothing is missed between two looks: a break takes nothing from it",
  },
];
const ENVELOPE = "a page is counted with the envelope that forrealtime puts around each payload";
const SKIP_FORREALTIME: readonly SkippedCase[] = [
  ...SKIP,
  { name: "a page ends with the entry that reaches pageBytes", reason: ENVELOPE },
  { name: "pageBytes counts bytes, not characters", reason: ENVELOPE },
];

const tcp = (): RedisSource => overConnections(createUrlDriver(server.url));
const rest = (): RedisSource => createUpstashSource(new UpstashRedis({ url: front.url, token: front.token }));

const PLACES: Record<string, { interop: Interop; source: () => RedisSource; skip: readonly SkippedCase[] }> = {
  forrealtime: { interop: "forrealtime", source: tcp, skip: SKIP_FORREALTIME },
  "@upstash/realtime over TCP": { interop: "upstash", source: tcp, skip: SKIP },
  "@upstash/realtime over REST": { interop: "upstash", source: rest, skip: SKIP },
};

describe.each(Object.entries(PLACES))("conformance beside %s", (_, { interop, source, skip }) => {
  const cases = brokerConformance(
    async () => {
      const brokers: Broker[] = [];
      return {
        async open() {
          const broker = createInteropBroker({ interop, source: source(), keyPrefix: "", logger: { warn() {} } });
          brokers.push(broker);
          return followMoves(broker);
        },
        elapse: (ms) => sleep(ms),
        async close() {
          await Promise.all(brokers.map((broker) => broker.close()));
          await client.flushall();
        },
      };
    },
    { skip },
  );
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});
