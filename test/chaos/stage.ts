import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Realtime } from "../../src/index.ts";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { Audience, Publisher, type Route } from "./audience.ts";
import type { Tally } from "./tally.ts";

export interface StageOptions {
  /** Where the servers and the publisher find Redis. */
  readonly redisPort: number;
  /** @default 2 */
  readonly servers?: number;
  readonly readers: number;
  /** @default 10 */
  readonly channels?: number;
  /** Pause between two events of a channel, in ms. @default 20 */
  readonly everyMs?: number;
  /** The servers drain for so long when they are told to end. @default they close at once */
  readonly graceSecs?: number | undefined;
  /** Puts something between servers and readers, once the servers run. */
  readonly before?: (servers: readonly AppServer[]) => Promise<void>;
  /** The way of a reader to the servers. @default each request to the next server */
  readonly routeOf?: (servers: readonly AppServer[], reader: number) => Route;
}

/** Servers in processes of their own, on the built package, a publisher and readers. */
export interface Stage {
  /** A test may kill one and put another in its place. */
  readonly servers: AppServer[];
  readonly audience: Audience;
  /** A process like the ones that run, at the same Redis. */
  startServer(port?: number): Promise<AppServer>;
}

const SILENT = { log() {}, warn() {}, error() {} };
const CALM_MS = 1_000;

/**
 * Lets events flow, has something happen in the midst of it, and waits until everybody has what is due.
 *
 * @param happen from the first moment of the fault until all is well again
 * @returns what each reader was shown of each of its two channels
 */
export async function perform(options: StageOptions, happen: (stage: Stage) => Promise<void>): Promise<Tally[]> {
  const { redisPort, servers: count = 2, readers, channels = 10, everyMs = 20, graceSecs } = options;
  const { routeOf = (all, reader) => (attempt) => (all[(reader + attempt) % all.length] as AppServer).url } = options;
  const redisUrl = `redis://127.0.0.1:${redisPort}`;
  await using fleet = new Fleet(redisUrl, graceSecs);
  const servers = await Promise.all(Array.from({ length: count }, () => fleet.start()));
  await options.before?.(servers);
  const redis = new Redis(redisUrl, { lazyConnect: true });
  redis.on("error", () => {});
  await using realtime = new Realtime({ redis, logger: SILENT });
  using audience = new Audience({
    readers,
    channelsOf: (reader) => [`room:${reader % channels}`, `room:${(reader * 7 + 1) % channels}`],
    routeOf: (reader) => routeOf(servers, reader),
  });
  await audience.ready();
  const publishers = Array.from({ length: channels }, (_, n) => new Publisher(realtime, `room:${n}`, everyMs));
  await sleep(CALM_MS);
  await happen({ servers, audience, startServer: (port) => fleet.start(port) });
  await sleep(CALM_MS);
  try {
    return await audience.settle(publishers);
  } finally {
    redis.disconnect();
  }
}

/** All server processes that were ever started. */
class Fleet implements AsyncDisposable {
  readonly #redisUrl: string;
  readonly #graceSecs: number | undefined;
  readonly #servers: AppServer[] = [];

  constructor(redisUrl: string, graceSecs: number | undefined) {
    this.#redisUrl = redisUrl;
    this.#graceSecs = graceSecs;
  }

  async start(port = 0): Promise<AppServer> {
    const server = await startAppServer({
      redisUrl: this.#redisUrl,
      port,
      ...(this.#graceSecs !== undefined && { graceSecs: this.#graceSecs }),
    });
    this.#servers.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()));
  }
}
