import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { CLIENT_LIBRARIES, closeClients, type ClientLibrary } from "./redis-clients.ts";
import { startSentinels, type RedisSentinels } from "./redis-sentinel.ts";
import { emitUntil, expectToldOf, processOn, watch } from "./watched-channel.ts";

/** What Redis behind Sentinel has to do through a client library: the broker suite, and events that flow while the master changes. Called by a test file. */
export function sentinelSuite(libraries: readonly string[]): void {
  let sentinels: RedisSentinels;

  async function start(): Promise<void> {
    sentinels = await startSentinels();
  }

  async function stop(): Promise<void> {
    closeClients();
    await sentinels.stop();
  }

  const sourceOf = async (library: string) =>
    (CLIENT_LIBRARIES[library] as ClientLibrary).sentinel(sentinels.name, sentinels.sentinelPorts);
  let stores = 0;

  describe.each(libraries)("conformance of Redis behind Sentinel through %s", (library) => {
    beforeAll(start);
    afterAll(stop);
    const cases = brokerConformance(async () => {
      const brokers: Broker[] = [];
      const keyPrefix = `store${++stores}`;
      const source = await sourceOf(library);
      return {
        async open() {
          const broker = createRedisBroker({ source, keyPrefix, logger: { warn() {} } });
          brokers.push(broker);
          return broker;
        },
        elapse: (ms) => sleep(ms),
        async interrupt() {
          const port = await sentinels.master();
          const list = String(await sentinels.command(port, "CLIENT", "LIST"));
          for (const line of list.split("\n").filter((each) => each.includes(" name=tidings-"))) {
            await sentinels.command(port, "CLIENT", "KILL", "ID", /\bid=(\d+)/.exec(line)?.[1] ?? "");
          }
        },
        close: async () => {
          await Promise.all(brokers.map((broker) => broker.close()));
          closeClients();
        },
      };
    });
    for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
  });

  describe.each(libraries)("a failover by Sentinel through %s", (library) => {
    beforeEach(start);
    afterEach(stop);

    it.each([
      ["planned", () => sentinels.failover()],
      [
        "of a master that was killed",
        async () => {
          await sentinels.killMaster();
          await sentinels.waitForNewMaster();
        },
      ],
    ])("%s, while events flow: what was lost is told, ids never go back in silence", async (_, failOver) => {
      const keyPrefix = `failover${++stores}`;
      const [emitter, reader] = [processOn(await sourceOf(library), keyPrefix), processOn(await sourceOf(library), keyPrefix)];
      const watched = await watch(reader, "room");
      const enough = new AbortController();
      const emitting = emitUntil(emitter, "room", enough.signal);
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(20));
      const before = await sentinels.master();
      await failOver();
      expect(await sentinels.master()).not.toBe(before);
      const then = watched.numbers.length;
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(then + 20), 20_000);
      enough.abort();
      const outcomes = await emitting;
      const last = await emitter.channel("room").emit("count.up", { n: -1 });
      await vi.waitFor(() => expect(watched.position).toBe(last), 20_000);
      expectToldOf(watched, outcomes);
      await Promise.all([emitter.close(), reader.close()]);
    });

    it("that loses the newest entries: a reset, and only one, whether the log is ahead again or not", async () => {
      const keyPrefix = `losing${++stores}`;
      const [emitter, reader] = [processOn(await sourceOf(library), keyPrefix), processOn(await sourceOf(library), keyPrefix)];
      const watched = await watch(reader, "room");
      for (let n = 0; n < 10; n++) await emitter.channel("room").emit("count.up", { n });
      await sentinels.command(await sentinels.master(), "WAIT", 1, 5_000);
      await sentinels.failoverLosing(async () => {
        for (let n = 10; n < 20; n++) await emitter.channel("room").emit("count.up", { n });
        await vi.waitFor(() => expect(watched.numbers).toHaveLength(20));
      });
      // Within the gap, or behind it.
      const first = await emitter.channel("room").emit("count.up", { n: 20 });
      await vi.waitFor(() => expect(watched.position).toBe(first), 20_000);
      await emitter.channel("room").emit("count.up", { n: 21 });
      await vi.waitFor(() => expect(watched.numbers.at(-1)).toBe(21));
      expect(watched.gaps.map(({ reason }) => reason)).toEqual(["reset"]);
      expect(watched.numbers.slice(0, 20)).toEqual(Array.from({ length: 20 }, (__, n) => n));
      await Promise.all([emitter.close(), reader.close()]);
    });
  });
}
