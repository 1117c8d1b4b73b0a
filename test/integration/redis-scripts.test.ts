import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ORIGIN } from "../../src/protocol/cursor.ts";
import { openBroker, outcomes } from "../support/redis-brokers.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy } from "../support/tcp-proxy.ts";

let server: RedisServer;
let direct: Redis;

beforeAll(async () => {
  server = await startRedis();
  direct = new Redis(server.port);
});

afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await direct.script("FLUSH");
  await direct.config("RESETSTAT");
});

afterEach(async () => {
  await direct.flushall();
});

/** How often the server executed each command that sends a script. */
async function calls(): Promise<Record<"eval" | "evalsha" | "load", number>> {
  const facts = await direct.info("commandstats");
  const executed = (command: string) => {
    const [, all, failed] = facts.split(`cmdstat_${command}:`)[1]?.match(/^calls=(\d+).*failed_calls=(\d+)/m) ?? [];
    return Number(all ?? 0) - Number(failed ?? 0);
  };
  return { eval: executed("eval"), evalsha: executed("evalsha"), load: executed("script|load") };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => String(from + at));

describe("a script that is used again goes by its hash", () => {
  it("a process that emits once sends the text, and nothing more", async () => {
    await using own = openBroker(server.port);
    await own.emit("c", "0");
    expect(await calls()).toEqual({ eval: 1, evalsha: 0, load: 0 });
  });

  it("any number of emits on any number of channels load it once", async () => {
    await using own = openBroker(server.port);
    // The one after the second may still overtake the answer to the loading.
    for (const json of numbers(5)) await own.emit(`c${json}`, json);
    const before = await calls();
    expect(before.load).toBe(1);
    expect(before.eval).toBeLessThan(5);
    await Promise.all(numbers(50, 5).map((json) => own.emit("c", json)));
    expect(await calls()).toEqual({ ...before, evalsha: before.evalsha + 50 });
  });

  it("a server that has forgotten it (SCRIPT FLUSH) gets it again: all is stored once, in order", async () => {
    await using own = openBroker(server.port);
    for (const json of numbers(3)) await own.emit("c", json);
    await direct.script("FLUSH");
    await Promise.all(numbers(200, 3).map((json) => own.emit("c", json)));
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e9 });
    expect(entries.map(({ json }) => json)).toEqual(numbers(203));
    const before = await calls();
    await Promise.all(numbers(50, 203).map((json) => own.emit("c", json)));
    expect(await calls()).toEqual({ ...before, evalsha: before.evalsha + 50 });
    expect(own.warnings).toEqual([]);
  });

  it("a server that has forgotten it is sent nothing in another order", async () => {
    await using proxy = await startProxy(server.port);
    await using own = openBroker(proxy.port);
    for (const json of numbers(3)) await own.emit("warm", json);
    proxy.delays = () => ({ toServer: 3, toClient: 3 });
    const emitted: Array<Promise<unknown>> = [];
    const channels = ["a", "b", "c", "d", "e"];
    for (let round = 0; round < 10; round++) {
      await direct.script("FLUSH");
      // The first is refused while others are on their way, and some follow.
      for (let at = 0; at < 30; at++) {
        emitted.push(own.emit(channels[at % channels.length] as string, String(emitted.length + 10)));
        await sleep(1);
      }
      await Promise.all(emitted);
    }
    for (const channel of channels) {
      const { entries } = await own.broker.read(channel, ORIGIN, { pageBytes: 1e9 });
      const values = entries.map(({ json }) => Number(json));
      expect(values).toEqual(values.toSorted((one, other) => one - other));
      expect(values.length).toBe(60);
    }
  });

  it.each([
    ["EVALSHA", "it sends the text each time"],
    ["SCRIPT", "it sends the text each time"],
  ])("a server without %s: %s", async (command) => {
    await using strict = await startRedis({ args: ["--rename-command", command, ""] });
    await using own = openBroker(strict.port);
    for (const json of numbers(10)) await own.emit("c", json);
    await Promise.all(numbers(20, 10).map((json) => own.emit("c", json)));
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e9 });
    expect(entries.map(({ json }) => json)).toEqual(numbers(30));
    expect(own.warnings).toEqual([]);
  });

  it("a server that was restarted gets it again", async () => {
    await using own = openBroker(server.port);
    for (const json of numbers(3)) await own.emit("c", json);
    await direct.script("FLUSH");
    await direct.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    expect(await outcomes(numbers(5, 3).map((json) => own.emit("c", json)))).toEqual(Array(5).fill("stored"));
  });

  it.each([
    ["neither load it nor name it", ["-script|load", "-evalsha"]],
    ["load it, but not name it", ["+script|load", "-evalsha"]],
    ["name it, but not load it", ["-script|load", "+evalsha"]],
  ])("a user that may %s sends the text each time", async (_, rules) => {
    await direct.call("ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "&*", "+@all", ...rules);
    await using own = openBroker(server.port, { client: { username: "app", password: "secret" } });
    for (const json of numbers(5)) await own.emit("c", json);
    expect(await outcomes(numbers(20, 5).map((json) => own.emit("c", json)))).toEqual(Array(20).fill("stored"));
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e9 });
    expect(entries.map(({ json }) => json)).toEqual(numbers(25));
    expect((await calls()).evalsha).toBe(0);
    expect(own.warnings).toEqual([]);
    expect((await calls()).load).toBeLessThan(2);
  });
});
