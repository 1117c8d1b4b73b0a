import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, it } from "vitest";
import { createBunAdapter, createBunRedisAdapter } from "../../../../adapters/bun.ts";
import { isBunRedis } from "./driver.ts";

describe.skipIf("Bun" in globalThis)("elsewhere than on Bun", () => {
  it("F-1: says what is missing", () => {
    expect(() => createBunRedisAdapter()).toThrow(/createBunRedisAdapter\(\) without a client uses Bun\.redis, which only Bun/);
    expect(() => createBunRedisAdapter()).toThrow(expect.objectContaining({ code: "bad_option" }));
    expect(createBunAdapter).toBe(createBunRedisAdapter);
  });
});

describe("recognising", () => {
  const adapter = { xadd() {}, xrange() {}, xread() {}, getLatestCursor() {} };

  it.each([
    ["nothing", null],
    ["a URL", "redis://localhost"],
    ["an object", {}],
    ["ioredis", new Redis({ lazyConnect: true })],
    ["node-redis", createClient()],
    ["an adapter of four methods", adapter],
    ["what sends, and no more", { send() {}, duplicate() {}, close() {} }],
    ["a function", () => {}],
  ])("does not take %s for a client of Bun", (_, value) => {
    expect(isBunRedis(value)).toBe(false);
    expect(() => createBunRedisAdapter(value as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
