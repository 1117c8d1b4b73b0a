import { infoField, rawCommand } from "./raw-redis.ts";

/** A range of slots, and the nodes that serve it: the master's id first, then the replicas' in a fixed order. */
export interface Shard {
  readonly first: number;
  readonly last: number;
  readonly ids: readonly string[];
}

/** The cluster as the node on `port` sees it, by slot. A replica that is failing is left out of it, a master is not. */
export async function readView(port: number): Promise<Shard[]> {
  const ranges = (await rawCommand(port, "CLUSTER", "SLOTS")) as SlotRange[];
  return ranges
    .map(([first, last, ...nodes]) => {
      const [master = "", ...replicas] = nodes.map(([, , id]) => id);
      return { first, last, ids: [master, ...replicas.toSorted()] };
    })
    .toSorted((one, other) => one.first - other.first);
}

type SlotRange = [first: number, last: number, ...nodes: Array<[ip: string, port: number, id: string]>];

/** The ids of the nodes that serve a slot, master first, when all of `ports` say the same. */
export async function agreedShard(ports: readonly number[], slot: number): Promise<readonly string[] | undefined> {
  const answers = await Promise.all(
    ports.map(async (port) => (await readView(port)).find(({ first, last }) => first <= slot && slot <= last)?.ids),
  );
  return allEqual(answers) ? answers[0] : undefined;
}

/** The whole cluster, when all of `ports` see the same and serve. */
export async function settledView(ports: readonly number[]): Promise<readonly Shard[] | undefined> {
  const views = await Promise.all(ports.map(readView));
  return allEqual(views) && (await allServe(ports)) ? views[0] : undefined;
}

/** Whether all of these nodes take commands, and the replicas among them are in sync. */
export async function allServe(ports: readonly number[]): Promise<boolean> {
  const answers = await Promise.all(
    ports.map(async (port) => {
      const [cluster, replication] = await Promise.all([
        rawCommand(port, "CLUSTER", "INFO"),
        rawCommand(port, "INFO", "replication"),
      ]);
      // A master has no such link.
      return infoField(cluster, "cluster_state") === "ok" && infoField(replication, "master_link_status") !== "down";
    }),
  );
  return answers.every(Boolean);
}

function allEqual(answers: readonly unknown[]): boolean {
  return new Set(answers.map((answer) => JSON.stringify(answer))).size === 1;
}
