import { Redis } from "@upstash/redis";
import type { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import { expectTypeOf, it } from "vitest";
import { createUpstashAdapter, type RedisClientAdapter, type UpstashRedisLike } from "../../src/adapters/upstash.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

it("U-1: what `@upstash/redis` makes is taken as it is", () => {
  expectTypeOf(Redis.fromEnv()).toExtend<UpstashRedisLike>();
  expectTypeOf<Redis>().toExtend<UpstashRedisLike>();
  expectTypeOf<CloudflareRedis>().toExtend<UpstashRedisLike>();
  expectTypeOf(createUpstashAdapter(new Redis({ url: "https://x", token: "t" }))).toEqualTypeOf<RedisClientAdapter>();
  createUpstashAdapter(Redis.fromEnv(), { keyPrefix: "app" });
});

it("what is no such client is not taken", () => {
  // @ts-expect-error -- a URL
  createUpstashAdapter("https://x");
  // @ts-expect-error -- the class
  createUpstashAdapter(Redis);
  // @ts-expect-error -- the client's own options
  createUpstashAdapter({ url: "https://x", token: "t" });
  // @ts-expect-error -- no such option
  createUpstashAdapter(Redis.fromEnv(), { prefix: "app" });
});
