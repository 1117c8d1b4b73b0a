import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { startRedis } from "../support/redis-server.ts";

const probe = fileURLToPath(new URL("../support/leak-probe.mjs", import.meta.url));

async function leftBehind(redisUrl?: string): Promise<unknown> {
  const { REDIS_URL: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [probe], {
    env: { ...env, ...(redisUrl && { REDIS_URL: redisUrl }) },
  });
  return JSON.parse(stdout);
}

describe("close()", () => {
  it("I9 Close: leaves no timer, handle or hub behind, on memory", async () => {
    expect(await leftBehind()).toEqual({ timers: 0, handles: [], hubs: 0 });
  });

  it("I9 Close: leaves no timer, handle or hub behind, on Redis", async () => {
    await using server = await startRedis();
    expect(await leftBehind(server.url)).toEqual({ timers: 0, handles: [], hubs: 0 });
  });
});
