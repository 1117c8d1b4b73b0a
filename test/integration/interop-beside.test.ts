import { Redis as UpstashRedis } from "@upstash/redis";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createRealtimeClient, type ClientMessage, type Gap } from "../../src/client/core.ts";
import { Realtime, type RealtimeOptions } from "../../src/index.ts";
import { countHubs } from "../../src/realtime/registry.ts";
import { serve, TRANSPORTS } from "../support/http-server.ts";
import {
  browseWithForrealtime,
  browseWithUpstash,
  startForrealtime,
  startUpstashRealtime,
  type PublishedBrowser,
  type PublishedServer,
} from "../support/published-packages.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

const PATIENTLY = { timeout: 40_000 };
/** Of each side, by both of its servers together. */
const EVENTS = 1_000;

let server: RedisServer;
let front: UpstashFront;
let raw: Redis;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  raw = new Redis(server.port);
});
beforeEach(async () => {
  await raw.flushall();
  // Our client says of each break that it goes on.
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  expect(countHubs(), "no test leaves a hub").toBe(0);
});
afterAll(async () => {
  raw.disconnect();
  await front.close();
  await server.stop();
});

/** A server of tidings with one browser that listens to the channel `room`. */
async function startTidings(interop: NonNullable<RealtimeOptions["interop"]>, redis: RealtimeOptions["redis"]) {
  const realtime = new Realtime({ redis, interop, logger: { log() {}, warn() {}, error() {} } });
  open.push(realtime);
  const web = await serve(TRANSPORTS.node({ realtime, authorize: ({ channel }) => channel === "room" }));
  open.push(web);
  const client = createRealtimeClient({ api: { url: `${web.url}/api/realtime` } });
  open.push({ [Symbol.asyncDispose]: async () => client.destroy() });
  const shown: ClientMessage[] = [];
  const gaps: Gap[] = [];
  client.subscribe({
    channels: ["room"],
    onData: (message) => void shown.push(message),
    onGap: (gap) => void gaps.push(gap),
  });
  await vi.waitFor(() => expect(client.getStatus()).toBe("connected"), PATIENTLY);
  return {
    emit: (event: string, data: unknown) => realtime.channel("room").emit(event, data),
    browser: { shown },
    gaps,
    url: web.url,
    cut: () => web.cut(),
  };
}

interface Sides {
  readonly interop: "forrealtime" | "upstash";
  /** Another address of the same Redis is another hub, as in another process. */
  readonly ours: () => readonly [RealtimeOptions["redis"], RealtimeOptions["redis"]];
  readonly theirs: () => Promise<PublishedServer>;
  readonly browse: (url: string) => PublishedBrowser;
  /** Whether their browsers are shown nothing twice: one of @upstash/realtime is, when replay and subscription both bring an event. */
  readonly once: boolean;
}

const SIDES: Readonly<Record<string, Sides>> = {
  "forrealtime 0.1.13": {
    interop: "forrealtime",
    ours: () => [server.url, server.url.replace("127.0.0.1", "localhost")],
    theirs: () => startForrealtime(server.url),
    browse: browseWithForrealtime,
    once: true,
  },
  "@upstash/realtime 1.1.0, one of ours over TCP and one over REST": {
    interop: "upstash",
    ours: () => [server.url, new UpstashRedis({ url: front.url, token: front.token })],
    theirs: () => startUpstashRealtime(front),
    browse: browseWithUpstash,
    once: false,
  },
};

/** Each server emits its events one after the other, all servers at the same time. */
async function emitAll(servers: ReadonlyArray<Pick<PublishedServer, "emit">>, from: number, to: number): Promise<void> {
  await Promise.all(
    servers.map(async (each, index) => {
      for (let n = from; n < to; n++) await each.emit("chat.message", `server ${index}, event ${n}`);
    }),
  );
}

/** What a browser was shown of the events of one server. */
function shownOf(index: number, shown: Iterable<{ readonly data: unknown }>): unknown[] {
  return [...shown].map(({ data }) => data).filter((data) => String(data).startsWith(`server ${index},`));
}

describe.each(Object.entries(SIDES))("beside %s", (_, { interop, ours, theirs, browse, once }) => {
  it("F-9, F-25, U-30, B-12: two servers of each kind share a channel: every browser is shown each event, also after a break", async () => {
    const [a, b] = ours();
    const tidings = [await startTidings(interop, a), await startTidings(interop, b)] as const;
    expect(countHubs()).toBe(2);
    const published = [await theirs(), await theirs()] as const;
    open.push(...published);
    await vi.waitFor(() => expect(published.map(({ browser }) => browser.streams)).toEqual([1, 1]), PATIENTLY);
    const servers = [...tidings, ...published];
    const everybodyHas = (count: number) =>
      vi.waitFor(() => {
        for (const { browser } of servers) expect(new Set(browser.shown.map(({ id }) => id)).size).toBe(count);
      }, PATIENTLY);

    const half = EVENTS / 4;
    await emitAll(servers, 0, half);
    await everybodyHas(4 * half);
    // One alone: a browser of theirs comes back with the id that it was shown last, which has to be the newest.
    await tidings[0].emit("chat.message", "halftime");
    await everybodyHas(4 * half + 1);
    for (const { cut } of published) cut();
    const emitting = emitAll(servers, half, 2 * half);
    await vi.waitFor(() => expect(tidings[0].browser.shown.length).toBeGreaterThan(4 * half + 100), PATIENTLY);
    for (const { cut } of tidings) cut();
    await emitting;
    await everybodyHas(2 * EVENTS + 1);

    const log = (await raw.xrange("room", "-", "+")).map(([id]) => id);
    expect(log).toHaveLength(2 * EVENTS + 1);
    for (const { browser, gaps } of tidings) {
      expect(browser.shown.map(({ id }) => id)).toEqual(log);
      expect(gaps).toEqual([]);
    }
    for (const { browser } of published) {
      expect(browser.streams).toBe(2);
      expect(once ? browser.shown.map(({ id }) => id) : log).toEqual(log);
    }
    // In the order in which one server emitted them, whatever the others did meanwhile.
    for (const index of servers.keys()) {
      const emitted = Array.from({ length: 2 * half }, (_, n) => `server ${index}, event ${n}`);
      for (const { browser } of servers) {
        expect(shownOf(index, new Map(browser.shown.map((each) => [each.id, each])).values())).toEqual(emitted);
      }
    }
  });

  it("F-24: a page that was loaded before the move goes on with a server of tidings", async () => {
    const tidings = await startTidings(interop, ours()[0]);
    const page = browse(`${tidings.url}/api/realtime`);
    open.push({ [Symbol.asyncDispose]: async () => page[Symbol.dispose]() });
    const data = () => page.shown.map((each) => each.data);
    await vi.waitFor(() => expect(page.streams).toBe(1), PATIENTLY);
    await tidings.emit("chat.message", 1);
    await vi.waitFor(() => expect(data()).toEqual([1]), PATIENTLY);
    tidings.cut();
    for (const n of [2, 3]) await tidings.emit("chat.message", n);
    await vi.waitFor(() => expect(data()).toEqual([1, 2, 3]), PATIENTLY);
    expect(page.streams).toBe(2);
  });
});
