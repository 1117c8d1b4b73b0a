import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { connectRaw, infoField, rawCommand, type RawRedis } from "../support/raw-redis.ts";
import { startCluster, type ClusterNode, type RedisCluster } from "../support/redis-cluster.ts";
import { startSentinels, type RedisSentinels } from "../support/redis-sentinel.ts";

/** What Redis answers, or its error as text. */
async function answerOf(command: Promise<unknown>): Promise<unknown> {
  return command.catch((error: Error) => error.message);
}

/** Writes on the master, and waits until its replica has it. */
async function setSafely(port: number, key: string, value: string): Promise<void> {
  using connection = await connectRaw(port);
  await connection.command("SET", key, value);
  expect(await connection.command("WAIT", 1, 5_000)).toBe(1);
}

describe("a cluster", () => {
  let cluster: RedisCluster;
  let open: RawRedis[];

  beforeAll(async () => {
    cluster = await startCluster({ replicasPerMaster: 1, nodeTimeoutMs: 1_000 });
  });

  afterAll(() => cluster.stop());

  beforeEach(() => {
    open = [];
  });

  afterEach(() => open.forEach((connection) => connection.close()));

  async function connectTo(node: ClusterNode): Promise<RawRedis> {
    const connection = await connectRaw(node.port);
    open.push(connection);
    return connection;
  }

  async function otherMasterThan(node: ClusterNode): Promise<ClusterNode> {
    const masters = await Promise.all(["a", "b", "c"].map((key) => cluster.masterOf(key)));
    return masters.find((master) => master.id !== node.id) as ClusterNode;
  }

  const address = (node: ClusterNode) => `127.0.0.1:${node.port}`;

  it("serves all slots by three masters, each with a replica, and redirects by address", async () => {
    expect(cluster.nodes).toHaveLength(6);
    expect(cluster.urls).toEqual(cluster.nodes.map((node) => `redis://${address(node)}`));
    for (const key of ["a", "b", "c"]) {
      const [master, [replica]] = [await cluster.masterOf(key), await cluster.replicasOf(key)];
      expect(cluster.nodes.indexOf(replica as ClusterNode)).toBe(cluster.nodes.indexOf(master) + 3);
      await setSafely(master.port, key, "1");
      const other = await otherMasterThan(master);
      expect(await answerOf(cluster.command(other.port, "GET", key))).toBe(`MOVED ${cluster.slotOf(key)} ${address(master)}`);
    }
  });

  it.each(["", "a", "{a}b", "a{}b", "a{b", "a}b{c}d", "a{b}{c}", "ünï{cödé}"])(
    "knows the slot of %j as Redis does",
    async (key) => {
      expect(await cluster.command(cluster.nodes[0]!.port, "CLUSTER", "KEYSLOT", key)).toBe(cluster.slotOf(key));
    },
  );

  it("moves a slot, with ASK, TRYAGAIN and MOVED between its keys and its end", async () => {
    const [key, missing] = ["{move}key", "{move}missing"];
    const slot = cluster.slotOf(key);
    const source = await cluster.masterOf(key);
    const target = await otherMasterThan(source);
    await cluster.command(source.port, "SET", key, "1");
    let hooks = 0;
    await cluster.moveSlot(slot, target, {
      async betweenKeyAndFinalising() {
        hooks++;
        for (const name of [key, missing]) {
          expect(await answerOf(cluster.command(source.port, "GET", name))).toBe(`ASK ${slot} ${address(target)}`);
        }
        const asking = await connectTo(target);
        expect(await answerOf(asking.command("GET", key))).toBe(`MOVED ${slot} ${address(source)}`);
        await asking.command("ASKING");
        expect(await asking.command("GET", key)).toBe("1");
        await asking.command("ASKING");
        expect(await answerOf(asking.command("MGET", key, missing))).toMatch(/^TRYAGAIN /);
        expect(await cluster.masterOf(slot)).toBe(source);
      },
    });
    expect(hooks).toBe(1);
    expect(await cluster.masterOf(slot)).toBe(target);
    expect(await cluster.command(target.port, "GET", key)).toBe("1");
    expect(await answerOf(cluster.command(source.port, "GET", key))).toBe(`MOVED ${slot} ${address(target)}`);
  });

  it("finishes the move of a slot when the hook throws", async () => {
    const source = await cluster.masterOf("{throw}");
    const target = await otherMasterThan(source);
    const betweenKeyAndFinalising = () => Promise.reject(new Error("from the hook"));
    await expect(cluster.moveSlot(cluster.slotOf("{throw}"), target, { betweenKeyAndFinalising })).rejects.toThrow(
      "from the hook",
    );
    await vi.waitFor(async () => expect(await cluster.masterOf("{throw}")).toBe(target));
  });

  it("leaves the subscribers at the source of a moving slot alone, and then unsubscribes them", async () => {
    const live = "{live}:0";
    const source = await cluster.masterOf(live);
    const target = await otherMasterThan(source);
    const subscriber = await connectTo(source);
    await subscriber.command("SSUBSCRIBE", live);
    const ahead = await connectTo(target);
    await cluster.moveSlot(cluster.slotOf(live), target, {
      async betweenKeyAndFinalising() {
        await ahead.command("ASKING");
        await ahead.command("SSUBSCRIBE", live);
        const publisher = await connectTo(target);
        await publisher.command("ASKING");
        const script = "return redis.call('SPUBLISH', KEYS[1], 'from the target')";
        expect(await publisher.command("EVAL", script, 1, live)).toBe(1);
        await cluster.command(source.port, "SPUBLISH", live, "from the source");
      },
    });
    await vi.waitFor(() => expect(subscriber.pushed.at(-1)).toEqual(["sunsubscribe", live, 0]));
    expect(subscriber.pushed).toEqual([
      ["smessage", live, "from the source"],
      ["sunsubscribe", live, 0],
    ]);
    expect(ahead.pushed).toEqual([["smessage", live, "from the target"]]);
  });

  it("promotes a replica in agreement, with everything", async () => {
    const old = await cluster.masterOf("{planned}");
    await cluster.command(old.port, "SET", "{planned}", "1");
    const promoted = await cluster.failover("{planned}");
    expect(promoted).not.toBe(old);
    expect(await cluster.command(promoted.port, "GET", "{planned}")).toBe("1");
  });

  it("promotes the replica of a killed master, which comes back as a replica", async () => {
    const old = await cluster.masterOf("{killed}");
    await setSafely(old.port, "{killed}", "1");
    await cluster.kill(old);
    const promoted = await cluster.waitForPromotion("{killed}");
    expect(old.state).toBe("down");
    expect(await cluster.command(promoted.port, "GET", "{killed}")).toBe("1");
    await cluster.restart(old);
    expect(await cluster.replicasOf("{killed}")).toEqual([old]);
    expect(await cluster.masterOf("{killed}")).toBe(promoted);
  });

  it("promotes the replica of a frozen master, which learns of it when it thaws", async () => {
    const old = await cluster.masterOf("{frozen}");
    cluster.freeze(old);
    const promoted = await cluster.waitForPromotion("{frozen}");
    expect(promoted).not.toBe(old);
    cluster.thaw(old);
    await cluster.settled();
    expect(infoField(await rawCommand(old.port, "INFO", "replication"), "role")).toBe("slave");
  });

  it("promotes a replica that did not hear the newest writes", async () => {
    const old = await cluster.masterOf("{lost}");
    await setSafely(old.port, "{lost}kept", "1");
    const promoted = await cluster.failoverLosing("{lost}", () => cluster.command(old.port, "SET", "{lost}lost", "1"));
    expect(await cluster.command(promoted.port, "MGET", "{lost}kept", "{lost}lost")).toEqual(["1", null]);
    await cluster.restart(old);
    expect(await cluster.replicasOf("{lost}")).toEqual([old]);
  });
});

describe("a master with sentinels", () => {
  let kit: RedisSentinels;

  beforeAll(async () => {
    kit = await startSentinels();
  });

  afterAll(() => kit.stop());

  it("is known to every sentinel by its name", async () => {
    const master = await kit.master();
    expect(await kit.replicas()).toEqual(kit.ports.filter((port) => port !== master));
    for (const port of kit.sentinelPorts) {
      const answer = await kit.command(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", kit.name);
      expect(answer).toEqual(["127.0.0.1", String(master)]);
    }
    expect(await answerOf(kit.command((await kit.replicas())[0]!, "SET", "a", "1"))).toMatch(/^READONLY /);
  });

  it("is replaced as planned, and becomes a replica", async () => {
    const old = await kit.master();
    await setSafely(old, "planned", "1");
    const promoted = await kit.failover();
    expect(promoted).not.toBe(old);
    expect(await kit.command(promoted, "GET", "planned")).toBe("1");
    await kit.settled();
    expect(await kit.replicas()).toEqual([old]);
    expect(infoField(await kit.command(old, "INFO", "replication"), "role")).toBe("slave");
  });

  it("is replaced when it is killed, and comes back as a replica", async () => {
    await setSafely(await kit.master(), "killed", "1");
    const old = await kit.killMaster();
    expect(await kit.master()).toBe(old);
    const promoted = await kit.waitForNewMaster();
    expect(promoted).not.toBe(old);
    expect(await kit.command(promoted, "GET", "killed")).toBe("1");
    await kit.restart(old);
    expect(await kit.command(old, "GET", "killed")).toBe("1");
    expect(await kit.master()).toBe(promoted);
  });

  it("is replaced when it is frozen, and becomes a replica after it thaws", async () => {
    using client = await connectRaw(await kit.master(), { timeoutMs: 30_000 });
    const old = await kit.freezeMaster();
    const late = client.command("SET", "late", "1");
    const promoted = await kit.waitForNewMaster();
    expect(promoted).not.toBe(old);
    kit.thaw(old);
    expect(await late).toBe("OK");
    await kit.settled();
    expect(await kit.command(promoted, "GET", "late")).toBe(null);
    expect(infoField(await kit.command(old, "INFO", "replication"), "role")).toBe("slave");
  });

  it("is replaced by a replica that did not hear the newest writes", async () => {
    const old = await kit.master();
    await setSafely(old, "kept", "1");
    const promoted = await kit.failoverLosing(() => kit.command(old, "SET", "lost", "1"));
    expect(promoted).not.toBe(old);
    expect(await kit.command(promoted, "MGET", "kept", "lost")).toEqual(["1", null]);
    await kit.restart(old);
    expect(await kit.command(old, "MGET", "kept", "lost")).toEqual(["1", null]);
  });
});
