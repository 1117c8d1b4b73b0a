import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createIORedisAdapter } from "../../src/adapters/ioredis.ts";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle, Realtime, type RealtimeOptions } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";

const url = "redis://127.0.0.1:1";
const lazy = (keyPrefix?: string) => new Redis({ lazyConnect: true, ...(keyPrefix !== undefined && { keyPrefix }) });
const fourMethods = {
  xadd: async () => "1-0",
  xrange: async () => [],
  xread: async () => [],
  getLatestCursor: async () => null,
};

function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const badOption = (says: RegExp) => expect.objectContaining({ code: "bad_option", message: expect.stringMatching(says) });

describe.each(["forrealtime", "upstash"] as const)("interop: %j", (interop) => {
  it.each<[string, RealtimeOptions]>([
    ["no redis", {}],
    ["the memory driver", { redis: { driver: "memory" } }],
    ["an object with four methods", { redis: fourMethods }],
    ["a broker", { broker: createMemoryBroker() }],
  ])("is refused with %s", (_, options) => {
    const error = refusal(() => new Realtime({ ...options, interop }));
    expect(error).toEqual(badOption(/`interop: "\w+"` shares the logs of another library in Redis, so `redis` has to be/));
  });

  it.each<RealtimeOptions["history"]>([true, false, { maxLength: 100 }, { expireAfterSecs: 60 }])(
    "is refused with history: %j, of the instance and of a channel",
    (history) => {
      const says = badOption(/`history` does not go with `interop`: the logs belong to the other library/);
      expect(refusal(() => new Realtime({ redis: url, interop, history }))).toEqual(says);
      expect(refusal(() => new Realtime({ redis: url, interop }).channel("room", { history }))).toEqual(says);
    },
  );

  it.each([
    ["tidings", handle],
    ["tidings/node", handleNode],
  ] as const)("B-17: `handle` of %s does not start when nobody looks at the channels", (_, make) => {
    const realtime = new Realtime({ redis: url, interop });
    expect(refusal(() => make({ realtime }))).toEqual(badOption(/`handle` needs `authorize` or `middleware` for/));
    expect(refusal(() => make({ realtime, identify: () => "u" }))).toEqual(badOption(/`handle` needs `authorize`/));
    expect(refusal(() => make({ realtime, authorize: () => false }))).toBeUndefined();
    expect(refusal(() => make({ realtime, middleware: () => {} }))).toBeUndefined();
  });

  it("is off by default: then `handle` needs neither", () => {
    expect(refusal(() => handle({ realtime: new Realtime({ redis: url }) }))).toBeUndefined();
    expect(refusal(() => new Realtime({ redis: url, interop: undefined, history: true }))).toBeUndefined();
  });

  it("is refused with a prefix that holds a brace", () => {
    expect(refusal(() => new Realtime({ redis: lazy("{app}:"), interop }))).toEqual(badOption(/prefix|nothing before/));
  });
});

describe("a key prefix", () => {
  it.each<[string, () => RealtimeOptions]>([
    ["of Realtime", () => ({ redis: url, keyPrefix: "app:" })],
    ["of the client", () => ({ redis: lazy("app:") })],
    ["of an adapter", () => ({ redis: createIORedisAdapter(lazy(), { keyPrefix: "app:" }) })],
    ["of a driver", () => ({ redis: { driver: "redis", url, keyPrefix: "app:" } })],
  ])("%s is refused beside @upstash/realtime, which has none, and taken beside forrealtime", (_, options) => {
    const says = badOption(/@upstash\/realtime puts nothing before the name of a channel.*Leave out `keyPrefix`/);
    expect(refusal(() => new Realtime({ ...options(), interop: "upstash" }))).toEqual(says);
    expect(refusal(() => new Realtime({ ...options(), interop: "forrealtime" }))).toBeUndefined();
  });
});
