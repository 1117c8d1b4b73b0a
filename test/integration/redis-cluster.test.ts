import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { Realtime } from "../../src/index.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { brokerConformance } from "../../src/testing/broker-conformance.ts";
import { CLIENT_LIBRARIES, type ClientLibrary } from "../support/redis-clients.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";
import { watch, type WatchedChannel } from "../support/watched-channel.ts";

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster({ replicasPerMaster: 1 });
});

afterAll(() => cluster.stop());

const ports = () => cluster.nodes.map(({ port }) => port);
let stores = 0;

describe.each(Object.keys(CLIENT_LIBRARIES))("conformance of a Redis Cluster through %s", (library) => {
  const cases = brokerConformance(async () => {
    const brokers: Broker[] = [];
    const keyPrefix = `store${++stores}`;
    const source = (CLIENT_LIBRARIES[library] as ClientLibrary).cluster(ports());
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

/** A process of its own: nothing is shared with the others. */
function server(library: string, keyPrefix: string): Realtime {
  const source = (CLIENT_LIBRARIES[library] as ClientLibrary).cluster(ports());
  const logger = { log() {}, warn() {}, error() {} };
  const broker = createRedisBroker({ source, keyPrefix, logger });
  // More than flows by while nobody hears it.
  return new Realtime({ broker, logger, history: { maxLength: 100_000 } });
}

/** Emits `{ n: 0 }`, `{ n: 1 }`, … until it is told to stop, one after the other. Returns what became of each. */
function emitUntil(realtime: Realtime, channel: string, signal: AbortSignal): Promise<string[]> {
  return (async () => {
    const outcomes: string[] = [];
    for (let n = 0; !signal.aborted; n++) {
      outcomes.push(
        await realtime
          .channel(channel)
          .emit("count.up", { n })
          .catch((error: unknown) => `failed: ${String((error as { code?: unknown }).code ?? error)}`),
      );
      await sleep(1);
    }
    return outcomes;
  })();
}

describe.each(Object.keys(CLIENT_LIBRARIES))("a Redis Cluster through %s", (library) => {
  it("B-24: a slot that moves while events flow, with time between its keys and its finalising, loses nothing", async () => {
    const keyPrefix = `move${++stores}`;
    const [emitter, reader] = [server(library, keyPrefix), server(library, keyPrefix)];
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
    const [emitter, reader] = [server(library, keyPrefix), server(library, keyPrefix)];
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
    await vi.waitFor(() => expect(watched.ids.at(-1)).toBe(last), 20_000);
    expectToldOf(watched, outcomes);
    await Promise.all([emitter.close(), reader.close()]);
    await cluster.restart(dead);
  });
});

/** Each event that was stored was seen, once and in order, or stands where a gap was told. */
function expectToldOf(watched: WatchedChannel, outcomes: readonly string[]): void {
  const numbers = watched.numbers.slice(0, -1);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const seen = new Set(numbers);
  const missing = outcomes.flatMap((outcome, n) => (outcome.startsWith("failed") || seen.has(n) ? [] : [n]));
  if (watched.gaps.length === 0) expect(missing).toEqual([]);
  for (const [at, id] of watched.ids.entries()) {
    const before = watched.ids[at - 1];
    if (before === undefined || compareCursors(before as RealtimeCursor, id as RealtimeCursor) < 0) continue;
    expect(watched.gaps.map(({ reason }) => reason)).toContain("reset");
  }
}
