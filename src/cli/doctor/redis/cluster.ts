import { nodeOfUrl } from "../../../brokers/redis/clients/server-address.ts";
import { createUrlDriver } from "../../../brokers/redis/clients/url.ts";
import { nameOf, parseSlots } from "../../../brokers/redis/connections/cluster-nodes.ts";
import type { RedisDriver, RedisNode } from "../../../brokers/redis/connections/driver.ts";
import { ok, problem, warning, type Finding } from "../finding.ts";
import { reach, type Patient } from "./connection.ts";
import { permissionFindings, type PermissionOptions } from "./permissions.ts";
import { factsOf, serverFindings } from "./server.ts";

interface ClusterOptions {
  /** That of the node that was asked first. */
  readonly url: string;
  readonly timeoutMs: number;
  /** Whose permissions are looked at: each server has a list of its own. */
  readonly rights: PermissionOptions;
  /** What was found of them on that node: not told again of the others. */
  readonly own: readonly Finding[];
}

/** A driver for the whole cluster, of which the URL names one node. */
export function createClusterDriver(url: string): RedisDriver {
  const driver = createUrlDriver(url);
  const seed = nodeOfUrl(url);
  return {
    ...driver,
    db: 0,
    seeds: [seed],
    connect: (options) => createUrlDriver(urlOf(url, options.node ?? seed)).connect(options),
  };
}

/** What can be said of the cluster that a node belongs to, and of its other masters. */
export async function clusterFindings(patient: Patient, options: ClusterOptions): Promise<Finding[]> {
  const asked = nodeOfUrl(options.url);
  const reply = await patient.ask("CLUSTER", "SLOTS");
  const map = "value" in reply ? parseSlots(reply.value, asked) : undefined;
  // That it may not be asked is found with the permissions.
  if (!map) return [passACluster("It is a node of a Cluster")];
  const masters = new Map(map.flatMap((node) => (node ? [[nameOf(node), node] as const] : [])));
  const unserved = map.filter((node) => node === undefined).length;
  const findings = [passACluster(`It is a node of a Cluster of ${masters.size} masters`)];
  findings.push(
    unserved === 0
      ? ok("redis-slots", "Every slot has a master.")
      : problem(
          "redis-slots",
          `${unserved} of ${map.length} slots have no master: their channels cannot be used.`,
          "redis-cli --cluster fix <host>:<port>, or bring the masters back.",
        ),
  );
  masters.delete(nameOf(asked));
  for (const [name, node] of masters) {
    // oxlint-disable-next-line no-await-in-loop -- there may be a hundred
    const other = await otherFindings(node, options);
    findings.push(...other.map((finding) => ({ ...finding, text: `${name}: ${finding.text}` })));
  }
  return findings;
}

const passACluster = (what: string): Finding =>
  warning(
    "redis-cluster",
    `${what}, and a URL stands for one server.`,
    "Pass a client of the Cluster to `Realtime`: `new Cluster([…])` of ioredis, `createCluster({ … })` of redis. If you do, all is well.",
  );

/** What is not well with another master. */
async function otherFindings(node: RedisNode, { url, timeoutMs, rights, own }: ClusterOptions): Promise<Finding[]> {
  try {
    const driver = createUrlDriver(urlOf(url, node));
    const patient = await reach(driver, { kind: "commands", timeoutMs });
    const listening = await reach(driver, { kind: "subscription", timeoutMs }).catch(() => undefined);
    try {
      const found = [...serverFindings(await factsOf(patient)), ...(await permissionFindings(patient, listening, rights))];
      return found.filter(
        ({ id, severity, text }) => severity !== "ok" && !own.some((one) => one.id === id && one.text === text),
      );
    } finally {
      await Promise.all([patient.close(), listening?.close()]);
    }
  } catch (error) {
    return [
      problem(
        "redis-reachable",
        `It cannot be reached: ${(error as Error).message}.`,
        "Servers of a Cluster are reached by the names that they give each other (`cluster-announce-ip`): see that these lead there from here.",
      ),
    ];
  }
}

/** The same URL with the address of another server. */
function urlOf(url: string, { host, port }: RedisNode): string {
  const other = new URL(url);
  other.hostname = host.includes(":") ? `[${host}]` : host;
  other.port = String(port);
  other.pathname = "";
  return other.href;
}
