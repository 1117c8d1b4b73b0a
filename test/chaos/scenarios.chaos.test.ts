/** What a pace and a clock do not show: every byte at which a stream can break, many writers, many channels, strange ids. */
import { get } from "node:http";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import type { RealtimeClient } from "../../src/client/options.ts";
import { Realtime } from "../../src/index.ts";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { addRow, columnsOf, isShort } from "./table.ts";
import { tally, type Step } from "./tally.ts";

let redis: RedisServer;
let own: Redis;
let realtime: Realtime;
let servers: readonly AppServer[];

beforeAll(async () => {
  redis = await startRedis();
  own = new Redis(redis.port);
  realtime = new Realtime({ redis: own });
  servers = await Promise.all([1, 2].map(() => startAppServer({ redisUrl: redis.url })));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await realtime.close();
  own.disconnect();
  await redis.stop();
});

const clientOf = (url: string): RealtimeClient => createRealtimeClient({ api: { url: `${url}/api/realtime` } });

/** Subscribes, and writes down what is shown. */
function follow(client: RealtimeClient, channel: string, after?: RealtimeCursor): Step[] {
  const steps: Step[] = [];
  client.subscribe({
    channels: [channel],
    after,
    onData: ({ data }) => steps.push((data as { n: number }).n),
    onGap: () => steps.push("gap"),
  });
  return steps;
}

const connected = (client: RealtimeClient): Promise<void> => vi.waitFor(() => expect(client.getStatus()).toBe("connected"));

async function emit(channel: string, from: number, to: number): Promise<RealtimeCursor> {
  let cursor: RealtimeCursor | undefined;
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let n = from; n <= to; n++) cursor = await realtime.channel(channel).emit("count.up", { n });
  return cursor as RealtimeCursor;
}

const stored = (count: number) => Array.from({ length: count }, () => "stored" as const);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("a stream that breaks after each of its bytes", () => {
  const EVENTS = 6;
  const REPLAYED = 3;
  const AT_ONCE = 50;

  /** Bytes of a response that a replay and live events are in. */
  async function lengthOfResponse(): Promise<number> {
    const start = await realtime.channel("length").cursor();
    await emit("length", 1, EVENTS);
    const request = get(`${servers[0]?.url}/api/realtime?channel=length&v=1&at=${start}`);
    const bytes = await new Promise<number>((resolve) => {
      request.on("response", (response) =>
        response.on("data", (chunk: Buffer) => {
          if (chunk.includes(`"n":${EVENTS}}`)) resolve(response.socket.bytesRead);
        }),
      );
    });
    request.destroy();
    return bytes;
  }

  /** @returns what a reader was shown whose first connection broke there. */
  async function breakAfter(bytes: number): Promise<Step[]> {
    const channel = `byte:${bytes}`;
    const start = await realtime.channel(channel).cursor();
    await emit(channel, 1, REPLAYED);
    await using proxy = await startProxy((servers[bytes % 2] as AppServer).port);
    let rest: Promise<unknown> | undefined;
    proxy.onConnection = (connection) => {
      if (!rest) connection.cutAfter(bytes);
      rest ??= emit(channel, REPLAYED + 1, EVENTS);
    };
    const client = clientOf(`http://127.0.0.1:${proxy.port}`);
    const steps = follow(client, channel, start);
    await until("the last event", async () => steps.at(-1) === EVENTS || undefined).catch(() => {
      // The tally says what is missing.
    });
    await rest;
    client.destroy();
    return steps;
  }

  it("has shown everything once, in order, in the end", async () => {
    const length = await lengthOfResponse();
    const cuts = Array.from({ length: length + 1 }, (_, bytes) => bytes).filter((bytes) => !isShort || bytes % 20 === 0);
    const tallies = [];
    for (let at = 0; at < cuts.length; at += AT_ONCE) {
      // oxlint-disable-next-line no-await-in-loop -- so many at once
      const some = await Promise.all(cuts.slice(at, at + AT_ONCE).map(breakAfter));
      for (const steps of some) expect(steps).toEqual(upTo(EVENTS));
      tallies.push(...some.map((steps) => tally(stored(EVENTS), steps)));
    }
    addRow("scenarios", { Scenario: `broken after byte 0, ${isShort ? 20 : 1}, … ${length} of replay and live events`, Readers: cuts.length, ...columnsOf(tallies) }); // prettier-ignore
  });
});

describe("many writers", () => {
  const CHANNELS = ["storm:a", "storm:b", "storm:c", "storm:d"];
  const READERS = isShort ? 20 : 200;
  const PER_WRITER = isShort ? 10 : 40;
  const WRITERS = 6;

  it("on four channels, while readers join: each has the whole log of each, in its order", async () => {
    const seen = Array.from(
      { length: READERS },
      () => new Map(CHANNELS.map((channel) => [channel, [] as Array<string | null>])),
    );
    const clients = seen.map((own, reader) => {
      const client = clientOf((servers[reader % 2] as AppServer).url);
      const join = (): unknown =>
        client.subscribe({
          channels: CHANNELS,
          history: true,
          onData: ({ id, channel }) => own.get(channel)?.push(id),
          onGap: ({ channel }) => own.get(channel)?.push(null),
        });
      // In the midst of it.
      setTimeout(join, Math.random() * 500);
      return client;
    });
    const batch = CHANNELS.flatMap((channel) => upTo(PER_WRITER).map((n) => [channel, "count.up", { n }] as const));
    await Promise.all([
      ...servers.flatMap((server) => [server.emit(...batch), server.emit(...batch)]),
      ...[1, 2].map(() => Promise.all(batch.map(([channel, event, data]) => realtime.channel(channel).emit(event, data)))),
    ]);
    const logs = new Map<string, string[]>();
    for (const channel of CHANNELS) {
      // oxlint-disable-next-line no-await-in-loop -- four
      const messages = await realtime.channel(channel).history({ limit: 1_000 });
      logs.set(
        channel,
        messages.map(({ id }) => id),
      );
      expect(messages).toHaveLength(PER_WRITER * WRITERS);
    }
    await vi.waitFor(() => {
      for (const own of seen) for (const channel of CHANNELS) expect(own.get(channel)?.at(-1)).toBe(logs.get(channel)?.at(-1));
    });
    for (const own of seen) for (const channel of CHANNELS) expect(own.get(channel)).toEqual(logs.get(channel));
    for (const client of clients) client.destroy();
    const tallies = seen.flatMap((own) =>
      CHANNELS.map((channel) => {
        const places = new Map(logs.get(channel)?.map((id, at) => [id, at + 1]));
        const steps = own.get(channel)?.map((id): Step => (id === null ? "gap" : (places.get(id) as number)));
        return tally(stored(places.size), steps ?? []);
      }),
    );
    addRow("scenarios", { Scenario: `${WRITERS} writers at full speed, readers join meanwhile`, Readers: READERS, ...columnsOf(tallies) }); // prettier-ignore
  });
});

describe("what a log no longer holds", () => {
  it.each([
    [
      "trimmed",
      async (channel: string) => void (await rawCommand(redis.port, "XTRIM", `tidings:${channel}`, "MAXLEN", 20)),
      40,
    ],
    ["expired", async (channel: string) => void (await rawCommand(redis.port, "DEL", `tidings:${channel}`)), 60],
  ])("%s while a reader was away: one gap, then the rest", async (what, lose, missing) => {
    const channel = `gone:${what}`;
    await using proxy = await startProxy((servers[0] as AppServer).port);
    const client = clientOf(`http://127.0.0.1:${proxy.port}`);
    const steps = follow(client, channel);
    await connected(client);
    await emit(channel, 1, 10);
    await vi.waitFor(() => expect(steps).toEqual(upTo(10)));
    proxy.refusing = true;
    proxy.cutAll();
    await emit(channel, 11, 70);
    await lose(channel);
    // The server that comes back has heard nothing of it: what it had in memory would have helped.
    const fresh = await startAppServer({ redisUrl: redis.url });
    proxy.targetPort = fresh.port;
    proxy.refusing = false;
    await connected(client);
    await emit(channel, 71, 75);
    await vi.waitFor(() => expect(steps.at(-1)).toBe(75));
    client.destroy();
    await fresh.kill();
    const result = tally(stored(75), steps);
    expect(result).toMatchObject({ lost: 0, told: missing, doubled: 0, disordered: 0, gaps: 1, needless: 0 });
    addRow("scenarios", { Scenario: `the log ${what} while a reader was away`, Readers: 1, ...columnsOf([result]) });
  });
});

describe("ids", () => {
  it("above 2^53, and a Redis whose clock goes back: nothing is lost, and the order is that of the log", async () => {
    const channel = "ids:large";
    const client = clientOf((servers[0] as AppServer).url);
    const steps = follow(client, channel);
    await connected(client);
    await emit(channel, 1, 3);
    // What Redis gives out from now on lies behind its clock, by a few hundred thousand years.
    await rawCommand(redis.port, "XSETID", `tidings:${channel}`, "9007199254740993-18446744073709551000");
    const id = await emit(channel, 4, 6);
    expect(id).toBe("9007199254740993-18446744073709551003");
    await vi.waitFor(() => expect(steps.at(-1)).toBe(6));
    client.destroy();
    const later = clientOf((servers[1] as AppServer).url);
    const again = follow(later, channel, id);
    await connected(later);
    await emit(channel, 7, 9);
    await vi.waitFor(() => expect(again).toEqual([7, 8, 9]));
    later.destroy();
    expect(tally(stored(6), steps)).toMatchObject({ shown: 6, lost: 0, doubled: 0, disordered: 0 });
    addRow("scenarios", { Scenario: "ids above 2^53, given out behind the clock", Readers: 1, ...columnsOf([tally(stored(6), steps)]) }); // prettier-ignore
  });
});

describe("many channels", () => {
  const PER_READER = 50;
  const READERS = isShort ? 20 : 200;

  it(`${READERS * PER_READER} in one process, which is killed in between`, async () => {
    await using first = await startAppServer({ redisUrl: redis.url });
    const seen = Array.from({ length: READERS }, () => new Map<string, Step[]>());
    const clients = seen.map((steps, reader) => {
      const channels = upTo(PER_READER).map((n) => `many:${reader}:${n}`);
      const client = clientOf(first.url);
      const add = (channel: string, step: Step): void => void steps.set(channel, [...(steps.get(channel) ?? []), step]);
      client.subscribe({
        channels,
        onData: ({ channel, data }) => add(channel, (data as { n: number }).n),
        onGap: ({ channel }) => add(channel, "gap"),
      });
      return client;
    });
    const all = seen.flatMap((_, reader) => upTo(PER_READER).map((n) => `many:${reader}:${n}`));
    const emitAll = (n: number) => Promise.all(all.map((channel) => realtime.channel(channel).emit("count.up", { n })));
    const allConnected = () => Promise.all(clients.map(connected));
    await allConnected();
    await emitAll(1);
    await first.kill();
    await emitAll(2);
    await using second = await startAppServer({ redisUrl: redis.url, port: first.port });
    await allConnected();
    await emitAll(3);
    await vi.waitFor(() => {
      expect(second.port).toBe(first.port);
      expect(seen.flatMap((steps) => [...steps.values()]).filter((steps) => steps.at(-1) !== 3)).toEqual([]);
    }, 60_000);
    for (const client of clients) client.destroy();
    const tallies = seen.flatMap((steps) => [...steps.values()].map((one) => tally(stored(3), one)));
    expect(tallies).toHaveLength(all.length);
    for (const one of tallies) expect(one).toMatchObject({ shown: 3, lost: 0, doubled: 0, gaps: 0 });
    addRow("scenarios", { Scenario: `${all.length.toLocaleString("en-US")} channels in one process, killed (-9) and started again`, Readers: READERS, ...columnsOf(tallies) }); // prettier-ignore
  });
});
