import { agreedShard, allServe, readView, settledView } from "./cluster-view.ts";
import { SLOTS, slotOf } from "./key-slot.ts";
import { killUnheard } from "./lose-newest.ts";
import { rawCommand, type RawReply } from "./raw-redis.ts";
import { createRedisProcess, QUICK_REPLICAS, type RedisProcess } from "./redis-process.ts";
import { freePorts } from "./redis-server.ts";
import { until } from "./until.ts";

/** How {@link startCluster} builds its cluster. */
export interface ClusterOptions {
  /** At least three, for a replica is promoted by a majority of them. @default 3 */
  readonly masters?: number;
  /** @default 0 */
  readonly replicasPerMaster?: 0 | 1;
  /** Silence after which a node is taken for dead, in ms. @default 1_500 */
  readonly nodeTimeoutMs?: number;
  /** More arguments for the command line of every node. */
  readonly args?: readonly string[];
}

/** One server of a {@link RedisCluster}. Whether it is a master is for the cluster to say, and changes. */
export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  readonly url: string;
  readonly state: RedisProcess["state"];
}

/** What a resharding tool lets happen on its way. */
export interface MoveSlotOptions {
  /** Runs when the slot's keys are on the target and the slot is still the source's: ASK, TRYAGAIN and MOVED are real here. */
  readonly betweenKeyAndFinalising?: () => Promise<void>;
}

/** A real Redis Cluster of the test's own. It keeps nothing on the disk but `nodes.conf`. */
export interface RedisCluster extends AsyncDisposable {
  /** The first masters, in the order of their slots, then the replica of each. */
  readonly nodes: readonly ClusterNode[];
  readonly urls: readonly string[];
  slotOf(key: string): number;
  /** Who serves a slot, or a key, once all living nodes say the same. A killed node is named until it is replaced. */
  masterOf(slotOrKey: number | string): Promise<ClusterNode>;
  /** The living replicas of its master. */
  replicasOf(slotOrKey: number | string): Promise<ClusterNode[]>;
  /** One command on a connection of its own, without following a redirection. @throws Error in Redis' own words */
  command(port: number, ...args: ReadonlyArray<string | number>): Promise<RawReply>;
  /** Moves a slot and its keys by hand. Resolves when every living node knows. Finishes the move also when the hook throws. */
  moveSlot(slot: number, target: ClusterNode, options?: MoveSlotOptions): Promise<void>;
  /** Promotes a replica in agreement with its master, as maintenance does: nothing is lost. Needs a replica. */
  failover(slotOrKey: number | string): Promise<ClusterNode>;
  /** Kills a node as a crash does: its data is gone, its place in the cluster is not. */
  kill(node: ClusterNode): Promise<void>;
  /** Starts a killed node, empty. Resolves when the cluster is {@link settled}. */
  restart(node: ClusterNode): Promise<void>;
  /** Stops a node in its tracks: its connections stay open, and nothing answers. */
  freeze(node: ClusterNode): void;
  /** A master that was replaced meanwhile goes on as one, until it hears of it. */
  thaw(node: ClusterNode): void;
  /** Resolves with the slot's master when all living nodes agree on a living one, and serve. */
  waitForPromotion(slotOrKey: number | string): Promise<ClusterNode>;
  /**
   * Has the replica promoted without what `write` stored: the replica hears nothing of it, and then the master is killed.
   * Resolves with the new master; the old one stays down.
   */
  failoverLosing(slotOrKey: number | string, write: () => Promise<unknown>): Promise<ClusterNode>;
  /** Resolves when all living nodes see the same cluster, serve, and have their replicas in sync. */
  settled(): Promise<void>;
  /** Kills all nodes and removes their folders. */
  stop(): Promise<void>;
}

/** A node, and the process that it is. */
interface Member extends ClusterNode {
  readonly process: RedisProcess;
}

/** Starts `masters × (1 + replicasPerMaster)` servers and makes them one cluster. Takes about 2 s: before that, no new master takes commands. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicasPerMaster = 0, nodeTimeoutMs = 1_500, args = [] } = options;
  const count = masters * (1 + replicasPerMaster);
  const ports = await freePorts(count * 2);
  const processes = ports.slice(0, count).map((port) => createRedisProcess(port));
  const stop = async () => void (await Promise.all(processes.map((process) => process.stop())));
  const startProcess = (process: RedisProcess) =>
    process.start([
      ...["--port", String(process.port), "--bind", "127.0.0.1", "--dir", process.folder, "--loglevel", "warning"],
      // Not the usual port + 10000, which may be taken, or above 65535.
      ...["--cluster-port", String(ports[count + processes.indexOf(process)])],
      ...["--cluster-enabled", "yes", "--cluster-node-timeout", String(nodeTimeoutMs)],
      // Otherwise a node that nobody has met yet redirects to an empty address.
      ...["--cluster-announce-ip", "127.0.0.1"],
      ...["--save", "", "--appendonly", "no"],
      ...QUICK_REPLICAS,
      ...args,
    ]);
  try {
    await Promise.all(processes.map(startProcess));
    const members = await Promise.all(processes.map(toMember));
    await join(members, masters, ports.slice(count));
    const cluster = createCluster(members, { startProcess, stop });
    await until("one complete cluster, as every node sees it", async () => {
      const shards = await settledView(portsOf(members));
      return shards?.length === masters && shards.every(({ ids }) => ids.length === 1 + replicasPerMaster) ? true : undefined;
    });
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function toMember(process: RedisProcess): Promise<Member> {
  return {
    id: String(await rawCommand(process.port, "CLUSTER", "MYID")),
    port: process.port,
    url: `redis://127.0.0.1:${process.port}`,
    process,
    get state() {
      return process.state;
    },
  };
}

/** What `redis-cli --cluster create` does; but everybody meets everybody, for hearsay takes seconds. */
async function join(members: readonly Member[], masters: number, busPorts: readonly number[]): Promise<void> {
  await Promise.all(
    members.map(async ({ port }, at) => {
      // Epochs that collide are sorted out by and by.
      await rawCommand(port, "CLUSTER", "SET-CONFIG-EPOCH", at + 1);
      if (at >= masters) return;
      const first = Math.ceil((at * SLOTS) / masters);
      await rawCommand(port, "CLUSTER", "ADDSLOTSRANGE", first, Math.ceil(((at + 1) * SLOTS) / masters) - 1);
    }),
  );
  await Promise.all(
    members.flatMap(({ port }, at) =>
      members
        .map((other, index) => ["127.0.0.1", other.port, busPorts[index] as number] as const)
        .slice(at + 1)
        .map((address) => rawCommand(port, "CLUSTER", "MEET", ...address)),
    ),
  );
  await Promise.all(
    members.slice(masters).map(({ port }, at) => {
      const master = members[at % masters] as Member;
      // Refused until the two have met.
      return until("a replica for each master", () => rawCommand(port, "CLUSTER", "REPLICATE", master.id));
    }),
  );
}

interface Hands {
  readonly startProcess: (process: RedisProcess) => Promise<void>;
  readonly stop: () => Promise<void>;
}

function createCluster(members: readonly Member[], { startProcess, stop }: Hands): RedisCluster {
  const memberOf = (id: string) => members.find((member) => member.id === id) as Member;
  const processOf = (node: ClusterNode) => memberOf(node.id).process;
  const livingPorts = () => portsOf(members.filter(({ state }) => state === "up"));

  /** The members that serve a slot, master first, once the living nodes agree and it `isRight`. */
  function shardOf(what: string, slot: number, isRight: (shard: Member[]) => boolean): Promise<Member[]> {
    return until(`${what} for slot ${slot}`, async () => {
      const shard = (await agreedShard(livingPorts(), slot))?.map(memberOf);
      return shard && isRight(shard) ? shard : undefined;
    });
  }

  async function masterOf(slotOrKey: number | string): Promise<Member> {
    const [master] = await shardOf("one master", toSlot(slotOrKey), () => true);
    return master as Member;
  }

  async function waitForPromotion(slotOrKey: number | string): Promise<Member> {
    const slot = toSlot(slotOrKey);
    await shardOf("a living master", slot, ([master]) => master?.state === "up");
    await until("a cluster that serves again", async () => (await allServe(livingPorts())) || undefined);
    return masterOf(slot);
  }

  const settled = async () => void (await until("a settled cluster", () => settledView(livingPorts())));

  return {
    nodes: members,
    urls: members.map((member) => member.url),
    slotOf,
    masterOf,
    async replicasOf(slotOrKey) {
      const [, ...replicas] = await shardOf("one shard", toSlot(slotOrKey), () => true);
      return replicas.filter(({ state }) => state !== "down");
    },
    command: rawCommand,
    settled,
    waitForPromotion,
    async moveSlot(slot, target, { betweenKeyAndFinalising } = {}) {
      const source = await masterOf(slot);
      await rawCommand(target.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
      await rawCommand(source.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
      await moveKeys(slot, source, target);
      try {
        await betweenKeyAndFinalising?.();
      } finally {
        const masters = new Set((await readView(target.port)).map(({ ids: [master = ""] }) => memberOf(master)));
        // The target first: else, for a moment, no node would take the slot for its own.
        for (const { port, state } of new Set([memberOf(target.id), source, ...masters])) {
          if (state === "up") await rawCommand(port, "CLUSTER", "SETSLOT", slot, "NODE", target.id);
        }
      }
      await shardOf("its new master", slot, ([master]) => master?.id === target.id);
    },
    async failover(slotOrKey) {
      const [old, replica] = await shardOf("a replica", toSlot(slotOrKey), (shard) => shard.length > 1);
      await rawCommand((replica as Member).port, "CLUSTER", "FAILOVER");
      await shardOf("its new master", toSlot(slotOrKey), ([master]) => master !== old);
      return waitForPromotion(slotOrKey);
    },
    kill: (node) => processOf(node).kill(),
    async restart(node) {
      await startProcess(processOf(node));
      await settled();
    },
    freeze: (node) => processOf(node).freeze(),
    thaw: (node) => processOf(node).thaw(),
    async failoverLosing(slotOrKey, write) {
      const [master, ...replicas] = await shardOf("a replica", toSlot(slotOrKey), (shard) => shard.length > 1);
      await killUnheard(
        (master as Member).process,
        replicas.map(({ process }) => process),
        write,
      );
      return waitForPromotion(slotOrKey);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const portsOf = (nodes: readonly ClusterNode[]) => nodes.map(({ port }) => port);

const toSlot = (slotOrKey: number | string) => (typeof slotOrKey === "number" ? slotOrKey : slotOf(slotOrKey));

async function moveKeys(slot: number, source: ClusterNode, target: ClusterNode): Promise<void> {
  for (;;) {
    const keys = (await rawCommand(source.port, "CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
    if (keys.length === 0) return;
    await rawCommand(source.port, "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", ...keys);
  }
}
