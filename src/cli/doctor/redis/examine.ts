import { createUrlDriver } from "../../../brokers/redis/clients/url.ts";
import type { RedisDriver } from "../../../brokers/redis/connections/driver.ts";
import { isSick, ok, problem, type Finding } from "../finding.ts";
import { clusterFindings, createClusterDriver } from "./cluster.ts";
import { reach, type Patient } from "./connection.ts";
import { permissionFindings } from "./permissions.ts";
import { factsOf, isOfCluster, serverFindings } from "./server.ts";
import { useFinding } from "./use.ts";

/** How {@link examineRedis} looks. */
export interface RedisOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What begins each key of the application. @default "tidings" */
  readonly keyPrefix?: string | undefined;
  /** For how long a connection, or an answer, may take. @default 5_000 */
  readonly timeoutMs?: number | undefined;
}

/** Looks at a Redis, and does there what a server does. Never rejects; no finding names the password. */
export async function examineRedis({ url, keyPrefix = "tidings", timeoutMs = 5_000 }: RedisOptions): Promise<Finding[]> {
  let driver: RedisDriver;
  try {
    driver = createUrlDriver(url);
  } catch (error) {
    return [problem("redis-url", (error as Error).message, "Write redis://user:password@host:6379, or rediss:// for TLS.")];
  }
  let patient: Patient;
  try {
    patient = await reach(driver, { kind: "commands", timeoutMs });
  } catch (error) {
    return [unreachable(driver, error as Error)];
  }
  try {
    const ping = await patient.ask("PING");
    if ("error" in ping && !ping.error.message.startsWith("NOPERM")) return [unreachable(driver, ping.error)];
    return [
      ok("redis-reachable", `Redis at ${driver.address} answers.`),
      ...(await examine(patient, { driver, url, keyPrefix, timeoutMs })),
    ];
  } finally {
    await patient.close();
  }
}

async function examine(
  patient: Patient,
  { driver, url, keyPrefix, timeoutMs }: { driver: RedisDriver; url: string; keyPrefix: string; timeoutMs: number },
): Promise<Finding[]> {
  const facts = await factsOf(patient);
  const isCluster = await isOfCluster(patient, facts);
  const channel = `tidings-doctor:${Math.random().toString(36).slice(2)}`;
  const listening = await reach(driver, { kind: "subscription", timeoutMs }).catch(() => undefined);
  const user = decodeURIComponent(new URL(url).username) || "default";
  const rights = { keyPrefix, db: driver.db, user, isCluster, channel };
  const own = await permissionFindings(patient, listening, rights);
  await listening?.close();
  const others = isCluster ? await clusterFindings(patient, { url, timeoutMs, rights, own }) : [];
  const permissions = [...own, ...others.filter(({ id }) => id === "redis-permissions")];
  return [
    ...serverFindings(facts),
    ...others,
    ...own,
    // Else it would fail for the same reason, in more words.
    ...(isSick(permissions)
      ? []
      : [await useFinding(isCluster ? createClusterDriver(url) : driver, { keyPrefix, channel, timeoutMs })]),
  ];
}

/** What to do, by how the words begin in which a server or a socket refuses. */
const CURES: ReadonlyArray<readonly [begin: RegExp, cure: string]> = [
  [
    /\b(NOAUTH|WRONGPASS)\b/,
    "User and password belong into the URL, encoded (`encodeURIComponent`): redis://user:password@host:6379. For the user `default` leave the name out.",
  ],
  [/\bLOADING\b/, "It reads its data from the disk. Try again in a moment."],
  [/\bMASTERDOWN\b/, "It is a replica that has lost its master: give the address of the master."],
  [/\bENOTFOUND\b|\bEAI_AGAIN\b/, "No such host is known here: look at its name, and at the DNS of this machine."],
  [
    /\bcertificate\b|\bCERT_|\bself.signed\b/i,
    "The certificate is not trusted here. For one of your own: NODE_EXTRA_CA_CERTS=ca.pem npx tidings doctor …",
  ],
  [/needs the package/, "npm i ioredis"],
];

function unreachable({ address }: RedisDriver, { message }: Error): Finding {
  const cure = CURES.find(([begin]) => begin.test(message))?.[1];
  return problem(
    "redis-reachable",
    `Redis at ${address} cannot be used: ${message}`,
    cure ?? "Look whether it runs, at host and port, at `rediss://` where it wants TLS, and for a firewall in between.",
  );
}
