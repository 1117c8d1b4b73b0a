import { accessSync, constants } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { CLIENT_LIBRARIES, type ClientLibrary } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { watchRedis } from "../support/redis-watch.ts";

/** Programs beside the one of all other tests: `$OTHER_REDIS_SERVERS`, or a Valkey on the PATH. */
const { OTHER_REDIS_SERVERS: given, PATH = "" } = process.env;
const programs =
  given?.split(path.delimiter) ??
  PATH.split(path.delimiter)
    .map((folder) => path.join(folder, "valkey-server"))
    .filter(isProgram)
    .slice(0, 1);

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const isAny = programs.length > 0;
(isAny ? it : it.skip)(
  "other servers are a Valkey on the PATH or what $OTHER_REDIS_SERVERS names; there may be neither",
  () => {
    for (const program of programs) expect(isProgram(program), program).toBe(true);
  },
);

describe.each(programs)("%s", (program) => {
  let server: RedisServer;
  let stores = 0;

  beforeAll(async () => {
    vi.stubEnv("REDIS_SERVER", program);
    server = await startRedis();
    vi.unstubAllEnvs();
  });
  afterAll(() => server.stop());

  describe.each(["ioredis 6", "node-redis 6"])("conformance through %s", (library) => {
    const cases = brokerConformance(async () => {
      const brokers: Broker[] = [];
      const keyPrefix = `store${++stores}`;
      const source = (CLIENT_LIBRARIES[library] as ClientLibrary).single(server.port);
      return {
        async open() {
          const broker = createRedisBroker({ source, keyPrefix, logger: { warn() {} } });
          brokers.push(broker);
          return broker;
        },
        elapse: (ms) => sleep(ms),
        async interrupt() {
          const watch = watchRedis(server.port);
          await watch.kill("tidings-commands");
          await watch.kill("tidings-subscription");
        },
        close: async () => void (await Promise.all(brokers.map((broker) => broker.close()))),
      };
    });
    for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
  });
});
