import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { killUnheard } from "./lose-newest.ts";
import { infoField, rawCommand, type RawReply } from "./raw-redis.ts";
import { createRedisProcess, QUICK_REPLICAS, type RedisProcess } from "./redis-process.ts";
import { freePorts } from "./redis-server.ts";
import { until } from "./until.ts";

/** What {@link startSentinels} starts. */
export interface SentinelOptions {
  /** @default 1 */
  readonly replicas?: number;
  /** A majority of them promotes a replica. @default 3 */
  readonly sentinels?: number;
  /** Silence after which a server is taken for dead, in ms: a busy machine can hold everything up for a second. @default 2_500 */
  readonly downAfterMs?: number;
  /** More arguments for the command line of the master and the replicas. */
  readonly args?: readonly string[];
}

/** A real master with replicas, watched by real sentinels. Servers are named by their ports; they keep nothing on the disk. */
export interface RedisSentinels extends AsyncDisposable {
  /** Under which the sentinels know the master. */
  readonly name: string;
  readonly sentinelPorts: readonly number[];
  /** The first master's port, then the replicas'. */
  readonly ports: readonly number[];
  /** The port of the master, once all sentinels say the same. A killed one is named until it is replaced. */
  master(): Promise<number>;
  /** The ports of all others, dead or alive. */
  replicas(): Promise<number[]>;
  /** One command on a connection of its own. @throws Error in Redis' own words */
  command(port: number, ...args: ReadonlyArray<string | number>): Promise<RawReply>;
  /** Promotes a replica while the master lives, as maintenance does. What the old one acknowledges until it is told, for about a second, is lost. */
  failover(): Promise<number>;
  /** Kills the master as a crash does: its data is gone. Resolves with its port when it is dead, not when it is replaced. */
  killMaster(): Promise<number>;
  /** Stops the master in its tracks: its connections stay open, and nothing answers. Resolves with its port. */
  freezeMaster(): Promise<number>;
  /** A master that was replaced meanwhile goes on as one until a sentinel makes it a replica; what it takes until then is lost. */
  thaw(port: number): void;
  /** Resolves with the new master's port when the killed or frozen one is replaced, as all sentinels say. */
  waitForNewMaster(): Promise<number>;
  /**
   * Has a replica promoted without what `write` stored: no replica hears of it, and then the master is killed. Resolves with
   * the new master's port; the old one stays down.
   */
  failoverLosing(write: () => Promise<unknown>): Promise<number>;
  /** Starts a killed server, empty: as a replica of the master, or as the master when it was not replaced. Resolves when {@link settled}. */
  restart(port: number): Promise<void>;
  /** Resolves when all sentinels see the same master, and every living replica in sync with it. */
  settled(): Promise<void>;
  /** Kills everything and removes the folders. */
  stop(): Promise<void>;
}

const NAME = "tidings-master";

/** Starts a master, its replicas and their sentinels; resolves when a failover would succeed. Takes about a second. */
export async function startSentinels(options: SentinelOptions = {}): Promise<RedisSentinels> {
  const { replicas = 1, sentinels = 3, downAfterMs = 2_500, args = [] } = options;
  const ports = await freePorts(1 + replicas + sentinels);
  const servers = ports.slice(0, 1 + replicas).map((port) => createRedisProcess(port));
  const watchers = ports.slice(1 + replicas).map((port) => createRedisProcess(port));
  const stop = async () => void (await Promise.all([...servers, ...watchers].map((process) => process.stop())));
  const startServer = (process: RedisProcess, masterPort: number) =>
    process.start([
      ...["--port", String(process.port), "--bind", "127.0.0.1", "--dir", process.folder, "--loglevel", "warning"],
      ...["--save", "", "--appendonly", "no"],
      ...(process.port === masterPort ? [] : ["--replicaof", "127.0.0.1", String(masterPort)]),
      ...QUICK_REPLICAS,
      ...args,
    ]);
  try {
    const first = ports[0] as number;
    await Promise.all(servers.map((server) => startServer(server, first)));
    await startWatchers(watchers, { servers, downAfterMs });
    const kit = createSentinels({ servers, watchers, startServer, stop });
    await kit.settled();
    return kit;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Watched {
  readonly servers: readonly RedisProcess[];
  readonly downAfterMs: number;
}

/** Tells each sentinel of all others and of the replicas: finding out by themselves takes them seconds. */
async function startWatchers(watchers: readonly RedisProcess[], { servers, downAfterMs }: Watched): Promise<void> {
  const [master, ...replicas] = servers.map(({ port }) => port);
  const ids = watchers.map(() => randomBytes(20).toString("hex"));
  await Promise.all(
    watchers.map(async (watcher, at) => {
      const others = watchers.flatMap(({ port }, index) =>
        index === at ? [] : [`sentinel known-sentinel ${NAME} 127.0.0.1 ${port} ${ids[index]}`],
      );
      const config = [
        `port ${watcher.port}`,
        "bind 127.0.0.1",
        `dir ${watcher.folder}`,
        "loglevel warning",
        `sentinel myid ${ids[at]}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${master} ${Math.floor(watchers.length / 2) + 1}`,
        `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
        // A vote that no sentinel wins is repeated after twice this time.
        `sentinel failover-timeout ${NAME} 3000`,
        ...replicas.map((port) => `sentinel known-replica ${NAME} 127.0.0.1 ${port}`),
        ...others,
      ];
      // Sentinels keep their state in their configuration, so it has to be a file.
      const file = path.join(watcher.folder, "sentinel.conf");
      writeFileSync(file, config.join("\n"));
      await watcher.start([file, "--sentinel"]);
      await rawCommand(watcher.port, "SENTINEL", "DEBUG", ...QUICK_SENTINEL);
    }),
  );
}

/** How often sentinels look, ask and tell, in ms; and that a machine which stalls for seconds does not make them pause for 30 s. */
const QUICK_SENTINEL = [
  ...["INFO-PERIOD", 200, "ASK-PERIOD", 200, "PUBLISH-PERIOD", 200],
  ...["TILT-TRIGGER", 20_000, "TILT-PERIOD", 1_000],
];

interface Hands {
  readonly servers: readonly RedisProcess[];
  readonly watchers: readonly RedisProcess[];
  readonly startServer: (process: RedisProcess, masterPort: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

function createSentinels({ servers, watchers, startServer, stop }: Hands): RedisSentinels {
  const ports = servers.map(({ port }) => port);
  const serverOn = (port: number) => {
    const server = servers.find((one) => one.port === port);
    if (!server) throw new Error(`no server of these sentinels has port ${port}`);
    return server;
  };
  /** The last one that was to be replaced. */
  let replaced: number | undefined;

  /** The master, once all sentinels agree and it `isRight`. */
  function agreedMaster(what: string, isRight: (port: number) => Promise<boolean>): Promise<number> {
    return until(what, async () => {
      const answers = await Promise.all(
        watchers.map(({ port }) => rawCommand(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME) as Promise<[string, string]>),
      );
      const [port, ...others] = new Set(answers.map((answer) => Number(answer[1])));
      return port !== undefined && others.length === 0 && (await isRight(port)) ? port : undefined;
    });
  }

  const master = () => agreedMaster("one master", () => Promise.resolve(true));

  function waitForNewMaster(): Promise<number> {
    return agreedMaster("a new master", async (port) => port !== replaced && (await isMaster(port)));
  }

  async function settled(): Promise<void> {
    await agreedMaster("settled sentinels", async (port) => {
      const living = ports.filter((other) => other !== port && serverOn(other).state === "up");
      const seen = await Promise.all(watchers.map((watcher) => isHealthy(watcher.port, watchers.length, living)));
      return (await isMaster(port)) && (await inSync(port, living)) && seen.every(Boolean);
    });
  }

  return {
    name: NAME,
    sentinelPorts: watchers.map(({ port }) => port),
    ports,
    master,
    async replicas() {
      const current = await master();
      return ports.filter((port) => port !== current);
    },
    command: rawCommand,
    async failover() {
      // Refused while another one is under way.
      await settled();
      replaced = await master();
      return agreedMaster("a new master", async (port) => {
        if (port !== replaced) return isMaster(port);
        await askForFailover((watchers[0] as RedisProcess).port);
        return false;
      });
    },
    async killMaster() {
      replaced = await master();
      await serverOn(replaced).kill();
      return replaced;
    },
    async freezeMaster() {
      replaced = await master();
      serverOn(replaced).freeze();
      return replaced;
    },
    thaw: (port) => serverOn(port).thaw(),
    waitForNewMaster,
    async failoverLosing(write) {
      const current = await master();
      replaced = current;
      const replicas = servers.filter(({ port, state }) => port !== current && state === "up");
      await killUnheard(serverOn(current), replicas, write);
      return waitForNewMaster();
    },
    async restart(port) {
      await startServer(serverOn(port), await master());
      await settled();
    },
    settled,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Asks a sentinel for a failover, unless one is under way. It gives one up, and says so nowhere, when it has not heard of the
 * replica for three INFO periods or is not done in its timeout: a busy machine is enough for that.
 */
async function askForFailover(sentinelPort: number): Promise<void> {
  const { flags = "" } = toRecord(await rawCommand(sentinelPort, "SENTINEL", "MASTER", NAME));
  if (flags.includes("failover_in_progress")) return;
  await rawCommand(sentinelPort, "SENTINEL", "FAILOVER", NAME).catch((error: unknown) => {
    if (!/^(?:INPROG|NOGOODSLAVE)/.test((error as Error).message)) throw error;
  });
}

async function isMaster(port: number): Promise<boolean> {
  return infoField(await rawCommand(port, "INFO", "replication"), "role") === "master";
}

/** Whether these, and no fewer, follow the master and are in sync with it. */
async function inSync(masterPort: number, replicas: readonly number[]): Promise<boolean> {
  const links = await Promise.all(
    replicas.map(async (port) => {
      const info = await rawCommand(port, "INFO", "replication");
      return infoField(info, "master_port") === String(masterPort) && infoField(info, "master_link_status") === "up";
    }),
  );
  return links.every(Boolean);
}

/** Whether a sentinel sees a master in peace, every other sentinel, and these replicas ready to be promoted. */
async function isHealthy(sentinelPort: number, sentinels: number, replicas: readonly number[]): Promise<boolean> {
  const [master, others, known] = await Promise.all([
    rawCommand(sentinelPort, "SENTINEL", "MASTER", NAME),
    rawCommand(sentinelPort, "SENTINEL", "SENTINELS", NAME) as Promise<RawReply[]>,
    rawCommand(sentinelPort, "SENTINEL", "REPLICAS", NAME) as Promise<RawReply[]>,
  ]);
  const ready = known
    .map(toRecord)
    .filter(({ flags, "master-link-status": link }) => flags === "slave" && link === "ok")
    .map(({ port }) => Number(port));
  return (
    toRecord(master)["flags"] === "master" &&
    others.filter((other) => toRecord(other)["flags"] === "sentinel").length === sentinels - 1 &&
    replicas.every((port) => ready.includes(port))
  );
}

/** A flat list of names and values as an object. */
function toRecord(reply: RawReply): Record<string, string> {
  const flat = reply as string[];
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string]] : [])));
}
