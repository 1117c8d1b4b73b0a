import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { bundlePage } from "../../support/bundle.ts";
import { startRedis } from "../../support/redis-server.ts";
import { startProxy } from "../../support/tcp-proxy.ts";
import { until } from "../../support/until.ts";
import { isShort } from "../table.ts";
import { tally, type Fate, type Tally } from "../tally.ts";
import { installPeers, type Contender } from "./contender.ts";
import { openPage, textOf, type PeerPage } from "./peer-page.ts";
import { startPeer, type PeerProcess } from "./peer-process.ts";
import { startRest } from "./rest.ts";
import { startScissors } from "./scissors.ts";

/** Bundled once for all faults: paths of scripts by those of their sources. */
const scripts = new Map<string, Promise<string>>();

/** Pause between two events, in ms. */
const EVERY_MS = isShort ? 10 : 40;
/** Those who end a stream by themselves, to open the next where it ended, do so this often: that can only help them. */
const STREAM_SECS = 30;
/** How long a page may take to come back, in ms. */
const RETURN_MS = 20_000;
/** How long a page may take to show all, in ms: longer than a stream lasts. */
const PATIENCE_MS = 45_000;
/** How long a page that has shown all is watched further, in ms: it may show something again. */
const AFTERMATH_MS = 2_000;

/** The verbs of faults. */
export interface Stage {
  /** Resolves when so many more events were stored. */
  flow(count: number): Promise<void>;
  /** Resolves when the page is shown something again, or does not seem to come back. */
  returned(): Promise<void>;
  /** Cuts the page's connections, and lets no new one through. */
  disconnect(): void;
  reconnect(): void;
  /** Cuts the page's connection before it is shown the next event but `skipped` that it misses now. Resolves when that has happened. */
  cutReplay(skipped: number): Promise<void>;
  /** kill -9. */
  killServer(): Promise<void>;
  /** Starts another process on the same port. */
  startServer(): Promise<void>;
  /** kill -9. */
  killRedis(): Promise<void>;
  /** @param isEmpty whether what was on the disk is gone */
  startRedis(isEmpty: boolean): Promise<void>;
}

export interface StageOptions {
  readonly browser: Browser;
  /** How many events the contender is to keep. */
  readonly keep: number;
}

/** What came of a fault. */
export interface Outcome extends Tally {
  readonly longestSilenceMs: number;
  /** What the page was told of its connection, each once. */
  readonly statuses: readonly string[];
}

/**
 * Puts a contender between its Redis and a page in Chromium, lets events flow, has something happen, and waits until the page has shown
 * all. Two processes, as behind a load balancer: one serves the page, the other one publishes and is left alone.
 */
export async function perform(
  contender: Contender,
  { browser, keep }: StageOptions,
  happen: (stage: Stage) => Promise<void>,
): Promise<Outcome> {
  const bundled = scripts.get(contender.page) ?? bundlePage(contender.page);
  scripts.set(contender.page, bundled);
  const script = await bundled;
  await using redis = await startRedis({ persistent: true });
  await using rest = contender.overRest ? await startRest(redis.port) : undefined;
  const start = (port?: number): Promise<PeerProcess> =>
    startPeer(
      {
        SERVER: contender.server,
        PAGE: script,
        PACKAGES: installPeers(),
        KEEP: String(keep),
        STREAM_SECS: String(STREAM_SECS),
        REDIS_URL: redis.url,
        REST_URL: rest?.url ?? "",
        REST_TOKEN: rest?.token ?? "",
      },
      port,
    );
  const processes = await Promise.all([start(), start()]);
  try {
    const [publishing, serving] = processes;
    await using scissors = await startScissors(serving.port);
    await using proxy = await startProxy(scissors.port);
    await using page = await openPage(browser, `http://127.0.0.1:${proxy.port}`);
    await until("a page that listens", async () => {
      await publishing.emit(0);
      await sleep(EVERY_MS);
      return page.isListening || undefined;
    });

    const publisher = new Publisher(publishing);
    await happen({
      flow: (count) => publisher.flow(count),
      async returned() {
        const { length } = page.steps;
        await until("the page", async () => page.steps.length > length || undefined, { timeoutMs: RETURN_MS }).catch(() => {
          // What is published meanwhile is missing.
        });
      },
      disconnect() {
        proxy.refusing = true;
        proxy.cutAll();
      },
      reconnect: () => void (proxy.refusing = false),
      cutReplay: (skipped) => scissors.cutBefore(textOf(lastOf(page) + 1 + skipped)),
      killServer: () => serving.kill(),
      async startServer() {
        processes.push(await start(serving.port));
      },
      async killRedis() {
        await Promise.all([redis.kill(), rest?.down()]);
      },
      async startRedis(isEmpty) {
        if (isEmpty) redis.wipe();
        await redis.start();
        await rest?.up();
      },
    });
    const outcome = await settle(page, await publisher.end());
    // What keeps servers alive elsewhere would have started another one.
    if (processes.at(-1)?.hasEnded) throw new Error(`the server of ${contender.name} has ended by itself`);
    return outcome;
  } finally {
    await Promise.all(processes.map((each) => each.kill()));
  }
}

/** Emits one event after the other, numbered from 1, and keeps what became of each. */
class Publisher {
  readonly #fates: Fate[] = [];
  readonly #process: PeerProcess;
  #isEnding = false;
  readonly #running: Promise<void>;

  constructor(process: PeerProcess) {
    this.#process = process;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      this.#fates.push(await this.#process.emit(this.#fates.length + 1));
      // oxlint-disable-next-line no-await-in-loop
      await sleep(EVERY_MS);
    }
  }

  async flow(count: number): Promise<void> {
    const stored = (): number => this.#fates.filter((fate) => fate === "stored").length;
    const enough = stored() + count;
    const flowed = until(`${count} more events`, async () => stored() >= enough || undefined, { timeoutMs: 60_000 });
    await Promise.race([flowed, this.#running]);
  }

  async end(): Promise<readonly Fate[]> {
    this.#isEnding = true;
    await this.#running;
    return this.#fates;
  }
}

async function settle(page: PeerPage, fates: readonly Fate[]): Promise<Outcome> {
  const { steps } = page;
  const result = (): Tally =>
    tally(
      fates.map((fate, at) => judge(fate, steps.includes(at + 1))),
      steps,
    );
  await until("all events", async () => result().lost === 0 || undefined, { timeoutMs: PATIENCE_MS, everyMs: 100 }).catch(
    () => {
      // The tally says what is missing.
    },
  );
  await sleep(AFTERMATH_MS);
  return { ...result(), longestSilenceMs: page.longestSilenceMs, statuses: [...page.statuses] };
}

/** What was shown was published, whatever its publisher was told. */
const judge = (fate: Fate, isShown: boolean): Fate => (fate === "unknown" && isShown ? "stored" : fate);

const lastOf = ({ steps }: PeerPage): number =>
  steps.reduce<number>((last, step) => (step === "gap" ? last : Math.max(last, step)), 0);
