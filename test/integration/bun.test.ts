import { readdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { adapterConformance } from "../../src/testing/adapter-conformance.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { expectPassed, testOnBun, type BunReport } from "../support/bun.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const root = path.resolve(import.meta.dirname, "../..");

describe("the server's own tests, on Bun", () => {
  const files = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => `src/${file.replaceAll(path.sep, "/")}`)
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("src/client/"));
  let report: BunReport;

  beforeAll(async () => {
    report = await testOnBun(["src/"]);
  }, 300_000);

  it.each(files)("%s", (file) => expectPassed(report, file));
});

describe("on Bun, with Bun's own Redis client", () => {
  const fixtures = "test/integration/fixtures/bun";
  let redis: RedisServer;
  let report: BunReport;

  beforeAll(async () => {
    redis = await startRedis();
    report = await testOnBun([`${fixtures}/`], { redisUrl: redis.url });
  }, 300_000);
  afterAll(() => redis.stop());

  it("does what a driver has to do", () => expectPassed(report, `${fixtures}/driver.test.ts`));
  it("I6 Cost: costs Redis what other clients do", () => expectPassed(report, `${fixtures}/cost.test.ts`));
  it("F-1, F-10: carries a Realtime", () => expectPassed(report, `${fixtures}/realtime.test.ts`));

  const nowhere = () => Promise.reject(new Error("only the names are asked for"));
  const suites = {
    "conformance of Redis through Bun.redis": brokerConformance(nowhere),
    "conformance of Redis through a RedisClient": brokerConformance(nowhere),
    "the four methods of createBunRedisAdapter(Bun.redis)": adapterConformance(nowhere),
  };
  describe.each(Object.entries(suites))("%s", (suite, cases) => {
    for (const { name } of cases) {
      it(name, () => expectPassed(report, `${fixtures}/conformance.test.ts`, [suite, name]));
    }
  });
});
