import { get, type IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { Realtime } from "../../src/index.ts";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { startRedis } from "../support/redis-server.ts";
import { watchRedis } from "../support/redis-watch.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { addRow, isShort } from "./table.ts";

const READERS = isShort ? 500 : 5_000;
const CHANNELS = 5;
const MISSED = 100;
/** Of those who come one after the other, so many come at the same time. */
const AT_ONCE = 10;
/** Log reads of one channel, however many readers wait for it at the same time. */
const MOST_READS = 4;

/** A reader of one channel that checks what it is shown, and keeps nothing of it. */
class Reader {
  readonly channel: string;
  /** Events shown in order, each once. */
  shown = 0;
  /** An event that was not the next one, or a gap. */
  wrong: string | undefined;
  cursor: string | undefined;
  #response: IncomingMessage | undefined;
  #rest = "";

  constructor(channel: string) {
    this.channel = channel;
  }

  async open(url: string): Promise<void> {
    const at = this.cursor === undefined ? "" : `&at=${this.cursor}`;
    this.#rest = "";
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}/api/realtime?v=1&channel=${this.channel}${at}`, { agent: false }, resolve).on("error", reject);
    });
    response.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    response.on("error", () => {});
    this.#response = response;
  }

  close(): void {
    this.#response?.destroy();
  }

  #read(text: string): void {
    const frames = (this.#rest + text).split("\n\n");
    this.#rest = frames.pop() ?? "";
    for (const frame of frames) {
      if (frame.includes("event: gap")) this.wrong = frame;
      if (frame.includes("event: connected")) this.cursor ??= /"cursor":"([\d-]+)"/.exec(frame)?.[1];
      const [, id, n] = /"id":"([\d-]+)".*"data":\{"n":(\d+)/.exec(frame) ?? [];
      if (id === undefined) continue;
      if (Number(n) !== this.shown + 1) this.wrong = frame;
      this.shown++;
      this.cursor = id;
    }
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Each channel gets so many events more, numbered on. */
async function emit(realtime: Realtime, from: number, count: number): Promise<void> {
  const events = range(CHANNELS).flatMap((channel) => range(count).map((n) => [`room:${channel}`, from + n + 1] as const));
  await Promise.all(
    events.map(([channel, n]) =>
      realtime.channel(channel).emit("count.up", { n, text: "a line of a chat, as people write it" }),
    ),
  );
}

const all = (what: string, readers: readonly Reader[], isThere: (reader: Reader) => boolean): Promise<true> =>
  until(what, async () => (readers.every(isThere) ? true : undefined), { timeoutMs: 120_000, everyMs: 50 });

describe(`${READERS} readers come back at once, each with ${MISSED} missed events`, () => {
  it.each([
    "to the server that they were on",
    "to a server that has just started, and is not at Redis yet",
    "to a server that has just started, one after the other",
  ])("%s", async (where) => {
    await using redis = await startRedis();
    const redisUrl = `redis://127.0.0.1:${redis.port}`;
    await using first = await startAppServer({ redisUrl });
    await using realtime = new Realtime({ redis: redisUrl, logger: { log() {}, warn() {}, error() {} } });
    const readers = range(READERS).map((n) => new Reader(`room:${n % CHANNELS}`));
    await Promise.all(readers.map((reader) => reader.open(first.url)));
    await all("everybody is joined", readers, ({ cursor }) => cursor !== undefined);
    await emit(realtime, 0, 1);
    await all("the first event", readers, ({ shown }) => shown === 1);
    for (const reader of readers) reader.close();
    await emit(realtime, 1, MISSED);
    // One that has yet to reach Redis lets everybody in, and has them wait: so all are there at once, however busy the machine is.
    await using way = await startProxy(redis.port);
    way.refusing = true;
    await using fresh = where.includes("started")
      ? await startAppServer({ redisUrl: `redis://127.0.0.1:${way.port}` })
      : undefined;
    const server: AppServer = fresh ?? first;
    const began = performance.now();
    const commands = await watchRedis(redis.port).commandsDuring(async () => {
      if (where.includes("one after")) way.refusing = false;
      for (let at = 0; at < READERS && where.includes("one after"); at += AT_ONCE) {
        const some = readers.slice(at, at + AT_ONCE);
        await Promise.all(some.map((reader) => reader.open(server.url)));
        await all("what some of them missed", some, ({ shown, wrong }) => shown === MISSED + 1 || wrong !== undefined);
      }
      if (!where.includes("one after")) await Promise.all(readers.map((reader) => reader.open(server.url)));
      way.refusing = false;
      await all("what they missed", readers, ({ shown, wrong }) => shown === MISSED + 1 || wrong !== undefined);
    });
    const tookMs = performance.now() - began;
    for (const reader of readers) reader.close();
    const reads = commands.filter((name) => name.startsWith("EVAL")).length;
    addRow("return", {
      [`${READERS.toLocaleString("en-US")} readers of ${CHANNELS} channels come back`]: where,
      "Missed × readers": READERS * MISSED,
      Shown: readers.reduce((sum, { shown }) => sum + shown - 1, 0),
      Wrong: readers.filter(({ wrong }) => wrong !== undefined).length,
      "Log reads per channel": reads / CHANNELS,
      Seconds: Math.round(tookMs / 100) / 10,
    });
    expect(readers.filter(({ wrong, shown }) => wrong !== undefined || shown !== MISSED + 1)).toEqual([]);
    expect(reads, commands.join()).toBeLessThanOrEqual(fresh ? CHANNELS * MOST_READS : 0);
  });
});
