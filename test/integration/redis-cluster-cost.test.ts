import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { PROBE_MS } from "../../src/protocol/limits.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { draft, KEEP, openBroker } from "../support/redis-brokers.ts";
import { CLIENT_LIBRARIES } from "../support/redis-clients.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";
import { watchRedis, type RedisWatch } from "../support/redis-watch.ts";

let cluster: RedisCluster;
let watches: readonly RedisWatch[];
beforeAll(async () => {
  cluster = await startCluster();
  watches = cluster.nodes.map(({ port }) => watchRedis(port));
});
afterAll(() => cluster.stop());

const COMMANDS = "tidings-commands";
const SUBSCRIPTION = "tidings-subscription";

/** The connections of each node. */
const connections = () => Promise.all(watches.map((watch) => watch.connections()));

/** What each node was asked to do while `run` ran. */
async function commandsDuring(run: () => unknown): Promise<string[][]> {
  const all: string[][] = [];
  const around = (at: number): Promise<unknown> => {
    const watch = watches[at];
    if (!watch) return Promise.resolve(run());
    return watch.commandsDuring(() => around(at + 1)).then((commands) => (all[at] = commands));
  };
  await around(0);
  return all;
}

/** A channel on each node, in the order of the nodes. */
async function channelsByNode(): Promise<string[]> {
  const byNode = new Map<string, string>();
  for (let n = 0; byNode.size < cluster.nodes.length; n++) {
    const { id } = await cluster.masterOf(`t:room${n}`);
    if (!byNode.has(id)) byNode.set(id, `room${n}`);
  }
  return cluster.nodes.map(({ id }) => byNode.get(id) ?? "");
}

describe.each(Object.entries(CLIENT_LIBRARIES))("I6 Cost: of a Redis Cluster through %s", (name, library) => {
  const open = (clock = fakeClock()) => {
    const source = library.cluster(cluster.nodes.map(({ port }) => port));
    return openBroker(0, { source, clock });
  };

  it("is a connection for commands to each node in use, and one subscriber to each node with a channel that is listened to", async () => {
    const [first = "", second = "", third = ""] = await channelsByNode();
    await using own = open();
    const { listener } = own.record();
    // What a library opens for a moment, to see who is there, goes again.
    const becomes = (expected: readonly string[][]): Promise<void> =>
      vi.waitFor(async () => expect(await connections()).toEqual(expected));
    await becomes([[], [], []]);
    await own.emit(first, "1");
    // The first one asked who has which slot, and need not be of use for more.
    await becomes([[COMMANDS], [], []]);
    await listener.join(first);
    await listener.join(second);
    await own.emit(second, "1");
    await becomes([[COMMANDS, SUBSCRIPTION], [COMMANDS, SUBSCRIPTION], []]);
    await Promise.all(Array.from({ length: 100 }, (__, n) => listener.join(`room${n}`)));
    await own.emit(third, "1");
    await becomes(watches.map(() => [COMMANDS, SUBSCRIPTION]));
    await own.broker.close();
    await becomes([[], [], []]);
  });

  it("is one command per emit, to the master of its slot, and none while nothing happens", async () => {
    const [first = "", second = "", third = ""] = await channelsByNode();
    await using own = open();
    const { listener } = own.record();
    await Promise.all([first, second].map((channel) => listener.join(channel)));
    // A script that is used again is loaded, once for each connection.
    for (let times = 0; times < 3; times++) await Promise.all([first, second, third].map((channel) => own.emit(channel, "0")));
    expect(await commandsDuring(() => own.emit(second, "1"))).toEqual([[], ["EVALSHA"], []]);
    const named = { ...draft("2"), onceId: "order 7" };
    expect(await commandsDuring(() => own.broker.append(third, named, KEEP, 5_000))).toEqual([[], [], ["EVALSHA"]]);
    const each = await commandsDuring(() => Promise.all([first, second, third].map((channel) => own.emit(channel, "3"))));
    expect(each).toEqual(watches.map(() => ["EVALSHA"]));
    expect(await commandsDuring(() => {})).toEqual([[], [], []]);
  });

  it("is one PING per connection and probe while idle, and every 10 s one look at the logs of each node and one at the map", async () => {
    const clock = fakeClock();
    const [first = "", second = ""] = await channelsByNode();
    await using own = open(clock);
    const { listener } = own.record();
    await Promise.all([first, second].map((channel) => listener.join(channel)));
    await Promise.all([first, second].map((channel) => own.emit(channel, "0")));
    // Until nothing is left of the beginning.
    for (let round = 0; round < 4; round++) await commandsDuring(() => clock.advance(PROBE_MS));

    const seen: Array<Record<string, number>> = [{}, {}, {}];
    for (let round = 0; round < 4; round++) {
      for (const [at, commands] of (await commandsDuring(() => clock.advance(PROBE_MS))).entries()) {
        for (const name of commands) seen[at] = { ...seen[at], [name]: (seen[at]?.[name] ?? 0) + 1 };
      }
    }
    // Any node is asked for the map.
    const { CLUSTER: maps = 0 } = seen.find((counts) => counts["CLUSTER"]) ?? {};
    expect(maps).toBe(2);
    for (const counts of seen) delete counts["CLUSTER"];
    // node-redis can miss that a server ended a subscription of its own accord: behind the commands of a turn it is asked for them.
    const asked = name.startsWith("node-redis") ? { CLIENT: 4 } : {};
    expect(seen).toEqual([{ PING: 8, EVAL: 2, ...asked }, { PING: 8, EVAL: 2, ...asked }, {}]);
  });
});
