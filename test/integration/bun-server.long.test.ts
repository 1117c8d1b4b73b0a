import { beforeAll, describe, it } from "vitest";
import { expectPassed, testOnBun, type BunReport } from "../support/bun.ts";

// Written for Node, and left out where what they test is Node itself, a client library, or the 15 s of a heartbeat there.
const FILES = [
  "bad-input",
  "cut-and-resume",
  "documented-calls",
  "node-sockets",
  "redis-outage",
  "redis-settle",
  "slow-reader",
  "streams-on-redis",
  "transports",
].map((name) => `test/integration/${name}.test.ts`);

describe("the server's integration tests, on Bun", () => {
  let report: BunReport;

  beforeAll(async () => {
    report = await testOnBun(FILES);
  }, 600_000);

  it.each(FILES)("%s", (file) => expectPassed(report, file));
});
