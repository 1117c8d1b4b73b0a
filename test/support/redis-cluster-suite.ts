import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { CLIENT_LIBRARIES, type ClientLibrary } from "./redis-clients.ts";
import { startCluster, type RedisCluster } from "./redis-cluster.ts";
import { emitUntil, expectToldOf, processOn, watch } from "./watched-channel.ts";

/** What Redis in a cluster has to do through a client library: the broker suite, and events that flow while slots move and servers die. Called by a test file. */
export function clusterSuite(libraries: readonly string[]): void {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startCluster({ replicasPerMaster: 1 });
  });

  afterAll(() => cluster.stop());

  const ports = () => cluster.nodes.map(({ port }) => port);
  const sourceOf = (library: string) => (CLIENT_LIBRARIES[library] as ClientLibrary).cluster(ports());
  let stores = 0;

  describe.each(libraries)("conformance of a Redis Cluster through %s", (library) => {
    const cases = brokerConformance(async () => {
      const brokers: Broker[] = [];
      const keyPrefix = `store${++stores}`;
      const source = sourceOf(library);
      return {
        async open() {
          const broker = createRedisBroker({ source, keyPrefix, logger: { warn() {} } });
          brokers.push(broker);
          return broker;
        },
        elapse: (ms) => sleep(ms),
        async interrupt() {
          for (const port of ports()) {
            const list = String(await cluster.command(port, "CLIENT", "LIST"));
            for (const line of list.split("\n").filter((each) => each.includes(" name=tidings-"))) {
              await cluster.command(port, "CLIENT", "KILL", "ID", /\bid=(\d+)/.exec(line)?.[1] ?? "");
            }
          }
        },
        close: async () => void (await Promise.all(brokers.map((broker) => broker.close()))),
      };
    });
    for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
  });

  describe.each(libraries)("a Redis Cluster through %s", (library) => {
    it("B-24: a slot that moves while events flow, with time between its keys and its finalising, loses nothing", async () => {
      const keyPrefix = `move${++stores}`;
      const [emitter, reader] = [processOn(sourceOf(library), keyPrefix), processOn(sourceOf(library), keyPrefix)];
      const watched = await watch(reader, "room");
      const stop = new AbortController();
      const emitting = emitUntil(emitter, "room", stop.signal);
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(20));
      const slot = cluster.slotOf(`${keyPrefix}:room`);
      const from = await cluster.masterOf(slot);
      const masters = await Promise.all([0, 8_000, 16_000].map((each) => cluster.masterOf(each)));
      const to = masters.find((master) => master.id !== from.id);
      await cluster.moveSlot(slot, to as (typeof masters)[0], { betweenKeyAndFinalising: () => sleep(2_000) });
      const then = watched.numbers.length;
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(then + 20));
      stop.abort();
      const outcomes = await emitting;
      expect(outcomes.filter((outcome) => outcome.startsWith("failed"))).toEqual([]);
      await vi.waitFor(() => expect(watched.numbers).toHaveLength(outcomes.length), 20_000);
      expect(watched.seen).toEqual(outcomes.map((_, n) => n));
      expect(watched.ids).toEqual(outcomes);
      await Promise.all([emitter.close(), reader.close()]);
    });

    it("a node that is killed and whose replica is promoted: events go on, what is missing is told, ids never go back in silence", async () => {
      const keyPrefix = `kill${++stores}`;
      const [emitter, reader] = [processOn(sourceOf(library), keyPrefix), processOn(sourceOf(library), keyPrefix)];
      const watched = await watch(reader, "room");
      const stop = new AbortController();
      const emitting = emitUntil(emitter, "room", stop.signal);
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(20));
      const slot = cluster.slotOf(`${keyPrefix}:room`);
      const dead = await cluster.masterOf(slot);
      await cluster.kill(dead);
      await cluster.waitForPromotion(slot);
      const then = watched.numbers.length;
      await vi.waitFor(() => expect(watched.numbers.length).toBeGreaterThan(then + 20), 20_000);
      stop.abort();
      const outcomes = await emitting;
      const last = await emitter.channel("room").emit("count.up", { n: -1 });
      await vi.waitFor(() => expect(watched.position).toBe(last), 20_000);
      expectToldOf(watched, outcomes);
      await Promise.all([emitter.close(), reader.close()]);
      await cluster.restart(dead);
    });
  });
}
