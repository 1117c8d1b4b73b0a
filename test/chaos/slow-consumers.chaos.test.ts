import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import { Realtime } from "../../src/index.ts";
import { PAGE_BYTES } from "../../src/protocol/limits.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { startNarrowProxy } from "./slow/narrow-proxy.ts";
import { openRawReader, type RawReader } from "./slow/raw-reader.ts";
import { startSlowServer, type ServerFigures } from "./slow/server.ts";
import { addRow, columnsOf, isShort } from "./table.ts";
import { tally, type Fate, type Step, type Tally } from "./tally.ts";

const KB = 1024;
const MB = KB * KB;

const stored = (count: number): Fate[] => Array.from({ length: count }, () => "stored");

/** How many scripts Redis has run: one for each emit, and one for each look at a log. */
async function scriptsOf(redis: RedisServer): Promise<number> {
  const direct = new Redis(redis.url);
  const statistics = await direct.info("commandstats");
  direct.disconnect();
  return [...statistics.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** Nothing lost in silence, nothing twice or out of order, and each hole told of once. */
function expectKept(tallies: readonly Tally[]): void {
  for (const one of tallies) expect(one).toMatchObject({ lost: 0, doubled: 0, disordered: 0, ghosts: 0, needless: 0 });
}

const EVENT_BYTES = 5_000;
const PER_SECOND = 2_000;
const BRISK = isShort ? 4 : 8;
const SLOW_SECONDS = isShort ? 2 : 75;
const CONTROL_SECONDS = isShort ? 1 : 10;
/** A second's worth: who is slow meets the end of the log. */
const KEPT = PER_SECOND;

describe("one reader at 1 kB/s on a channel of 10 MB/s", () => {
  it.each(["tidings/node", "tidings"] as const)("leaves the others untouched, through %s", async (entry) => {
    await using redis = await startRedis();
    await using server = await startSlowServer({ redisUrl: redis.url, maxLength: KEPT, entry });
    await using publisher = await startSlowServer({ redisUrl: redis.url, maxLength: KEPT });
    const url = `http://127.0.0.1:${server.port}`;
    const open = (at: string): RawReader => {
      const reader = openRawReader(at, "flood");
      onTestFinished(() => reader[Symbol.dispose]());
      return reader;
    };
    const brisk = Array.from({ length: BRISK }, () => open(url));
    await Promise.all(brisk.map(({ joined }) => joined));

    let events = 0;
    /** So many seconds of flood; the next piece comes when the brisk ones have had the one before. @returns bytes a second */
    async function flood(seconds: number): Promise<number> {
      const [from, started] = [events, performance.now()];
      for (let second = 0; second < seconds; second++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await publisher.publish({
          ...{ channel: "flood", from: events + 1, to: events + PER_SECOND },
          ...{ bytes: EVENT_BYTES, perSecond: PER_SECOND },
        });
        events += PER_SECOND;
        // oxlint-disable-next-line no-await-in-loop
        await until("the brisk readers", async () => brisk.every(({ steps }) => steps.at(-1) === events) || undefined);
      }
      return ((events - from) * EVENT_BYTES * 1_000) / (performance.now() - started);
    }

    await flood(CONTROL_SECONDS);
    const control = await server.figures();
    const readsBefore = (await scriptsOf(redis)) - events;

    await using narrow = await startNarrowProxy(server.port, KB);
    await using narrowClient = await startNarrowProxy(server.port, KB);
    const raw = open(narrow.url);
    const clientSteps: Step[] = [];
    const client = createRealtimeClient({
      api: { url: `${narrowClient.url}/` },
      maxReconnectAttempts: Number.POSITIVE_INFINITY,
    });
    onTestFinished(() => client.destroy());
    client.subscribe({
      channels: ["flood"],
      onData: ({ data }) => clientSteps.push((data as { n: number }).n),
      onGap: () => clientSteps.push("gap"),
    });
    await raw.joined;
    await until("the client", async () => client.getStatus() === "connected" || undefined);
    const before = events;

    const pace = await flood(SLOW_SECONDS);
    const beside = await server.figures();

    const level = () =>
      until("the slow ones", async () => [raw.steps, clientSteps].every((steps) => steps.at(-1) === events) || undefined, {
        timeoutMs: 60_000,
      });
    narrow.bytesPerSecond = narrowClient.bytesPerSecond = Number.POSITIVE_INFINITY;
    await level();
    await flood(1);
    await level();
    const clientStreams = narrowClient.connections;
    client.destroy();
    const reads = (await scriptsOf(redis)) - events - readsBefore;

    const briskTallies = brisk.map(({ steps }) => tally(stored(events), steps));
    const since = (steps: readonly Step[]): Tally =>
      tally(
        stored(events - before),
        steps.map((step) => (step === "gap" ? step : step - before)),
      );
    const rows: Array<[string, string, readonly Tally[], number]> = [
      [`${BRISK} brisk readers`, `${(pace / 1e6).toFixed(1)} MB/s`, briskTallies, brisk.length],
      ["1 slow reader (a connection)", "1 kB/s", [since(raw.steps)], raw.streams],
      ["1 slow reader (our client)", "1 kB/s", [since(clientSteps)], clientStreams],
    ];
    const asMegabytes = (value: (figures: ServerFigures) => number): string =>
      `${[control, beside].map((figures) => (value(figures) / MB).toFixed(1)).join(" → ")} MB`;
    for (const [readers, at, tallies, streams] of rows) {
      addRow("slow-consumers", {
        ...{ Through: entry, Readers: readers, Pace: at, Streams: streams, ...columnsOf(tallies) },
        "Most in one socket": asMegabytes(({ mostWaiting }) => mostWaiting),
        "Server's heap and buffers": asMegabytes(({ heapUsed, arrayBuffers }) => heapUsed + arrayBuffers),
        RSS: asMegabytes(({ rss }) => rss),
        "Log reads": reads,
        "Emits a second": "–",
      });
    }

    for (const one of briskTallies) expect(one).toMatchObject({ shown: events, lost: 0, doubled: 0, gaps: 0 });
    expect(brisk.map(({ streams }) => streams)).toEqual(brisk.map(() => 1));
    expectKept(rows.flatMap(([, , tallies]) => tallies));
    expect(since(raw.steps).gaps, "what was trimmed was told").toBeGreaterThan(0);
    expect(beside.mostWaiting, "in one socket").toBeLessThan(MB);
    expect(reads, "two slow readers read what the log still holds, and little else").toBeLessThan(
      4 * Math.ceil((KEPT * EVENT_BYTES) / PAGE_BYTES),
    );
  });
});

const READERS = isShort ? 150 : 1_000;
const LOG_EVENTS = isShort ? 150 : 600;
/** Few enough that each is announced whole: one that is not costs a read by itself. */
const LOG_EVENT_BYTES = 7_000;
const OWN_PACE_SECONDS = isShort ? 2 : 30;
/** Bytes a second that the slowest and the quickest of them take. */
const PACES = [20_000, 200_000] as const;

/** What the readers of `slow/many-readers.mjs` have read. */
interface ManyRead {
  readonly bytes: number;
  readonly steps: ReadonlyArray<readonly Step[]>;
}

async function askReaders<T>(child: ChildProcess, question: object): Promise<T> {
  child.send(question);
  const [answer] = (await once(child, "message")) as [T];
  return answer;
}

describe(`${READERS} slow readers on one channel`, () => {
  it("I5 Bound, I6 Cost: share what is read of the log, each at a pace of its own, and emits go on beside them", async () => {
    await using redis = await startRedis();
    // Through a socket of the file system, whose buffers are small and the same on every machine.
    const folder = mkdtempSync(path.join(tmpdir(), "tidings-slow-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const listenPath = path.join(folder, "socket");
    await using server = await startSlowServer({ redisUrl: redis.url, maxLength: 10_000, path: listenPath });
    await using realtime = new Realtime({ redis: { driver: "redis", url: redis.url }, history: { maxLength: 10_000 } });
    let [events, others] = [0, 0];
    const text = "x".repeat(LOG_EVENT_BYTES);
    const emit = () => realtime.channel("log").emit("log.event", { n: ++events, text });
    const reads = async (): Promise<number> => (await scriptsOf(redis)) - events - others;
    for (let n = 0; n < LOG_EVENTS; n++) await emit();
    /** Emits one after the other. @param also now and then, on the same log @returns how many */
    async function emitsInSeconds(seconds: number, also: () => Promise<unknown>): Promise<number> {
      let emits = 0;
      const end = performance.now() + seconds * 1_000;
      for (; performance.now() < end; emits++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await realtime.channel("other").emit("log.event", { n: ++others });
        // oxlint-disable-next-line no-await-in-loop
        if (emits % 100 === 0) await also();
      }
      return emits;
    }
    const alone = await emitsInSeconds(1, async () => {});
    const before = await reads();

    const child = fork(path.join(import.meta.dirname, "slow/many-readers.mjs"), {
      env: { ...process.env, SOCKET: listenPath, READERS: String(READERS), PACES: PACES.join() },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child, "message");
    const joining = (await reads()) - before;
    const emits = await emitsInSeconds(OWN_PACE_SECONDS, emit);
    const figures = await server.figures();
    const slowly = await askReaders<ManyRead>(child, {});
    const after = (await reads()) - before - joining;
    const { steps } = await askReaders<ManyRead>(child, { finish: events });

    const tallies = steps.map((each) => tally(stored(events), each));
    const pages = Math.ceil((events * LOG_EVENT_BYTES) / PAGE_BYTES);
    addRow("slow-consumers", {
      ...{ Through: "tidings/node", Readers: `${READERS} slow readers`, Pace: "20 to 200 kB/s", Streams: READERS },
      ...columnsOf(tallies),
      "Most in one socket": `${(figures.mostWaiting / MB).toFixed(1)} MB`,
      "Server's heap and buffers": `${((figures.heapUsed + figures.arrayBuffers) / MB).toFixed(0)} MB`,
      RSS: `${(figures.rss / MB).toFixed(0)} MB`,
      "Log reads": `${joining + after}, for ${Math.round(slowly.bytes / PAGE_BYTES)} pages in ${OWN_PACE_SECONDS} s`,
      "Emits a second": `${Math.round(emits / OWN_PACE_SECONDS)} (${alone} alone)`,
    });
    expectKept(tallies);
    for (const { shown, gaps } of tallies) expect([shown, gaps]).toEqual([events, 0]);
    expect(joining, "one each, and what they take at once").toBeLessThan(READERS + 4 * pages);
    expect(after, "a few for each page, and not one for each reader").toBeLessThan(4 * pages);
    expect(emits).toBeGreaterThan(0);
  });
});
