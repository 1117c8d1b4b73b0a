import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { createRealtimeClient } from "../../src/client/core.ts";
import { handle as handleFetch, Realtime, type HandleOptions } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import {
  DECIDE_SECS,
  MAX_BUFFERED_BYTES,
  MAX_CHANNELS,
  MAX_PAYLOAD_BYTES,
  MAX_REPLAY_BYTES,
  MAX_STREAMS_PER_ADDRESS,
  MAX_STREAMS_PER_USER,
  MAX_TOTAL_BUFFERED_BYTES,
  MAX_URL_BYTES,
  PAGE_BYTES,
} from "../../src/protocol/limits.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { streamsOf } from "../support/streams-of.ts";

const KB = 1024;
const logger = { log() {}, warn() {}, error: vi.fn<(...said: unknown[]) => void>() };

let realtime: Realtime;
const servers: TestServer[] = [];

beforeEach(() => {
  logger.error.mockClear();
  realtime = new Realtime({ broker: createMemoryBroker(), logger }) as never as Realtime;
});

afterEach(async () => {
  await realtime.close();
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

const header = (name: string) => (request: Request) => request.headers.get(name) ?? undefined;
const byHeader = { identify: header("x-user"), address: header("x-address") };

function expectRefused({ status, headers, text }: RawStream): void {
  expect([status, headers["retry-after"], headers["content-type"]]).toEqual([429, "10", "application/json"]);
  const { code, message } = JSON.parse(text) as { readonly code: string; readonly message: string };
  expect(code).toBe("too_many_streams");
  // And not how many there are: for those that move there is room for twice as many.
  expect(message).toMatch(/^The limit of \d+ open streams (of this user|from this address) is reached\. /);
}

describe.each(Object.entries(TRANSPORTS))("limits of streams, %s", (_, createListener) => {
  async function start(options: Omit<HandleOptions, "realtime">) {
    const server = await serve(createListener({ realtime, ...options }));
    servers.push(server);
    const open = async (headers: Record<string, string>, query = "?channel=a"): Promise<RawStream> => {
      const stream = await openRaw(`${server.url}/${query}`, { headers });
      if (stream.status !== 200) await stream.ended;
      return stream;
    };
    return { server, open };
  }

  it("limits.maxChannels and limits.maxUrlBytes: as many are let in, and not one more, however they are written", async () => {
    const { open } = await start({ limits: { maxChannels: 3, maxUrlBytes: 40 } });
    const statusOf = async (query: string): Promise<number> => {
      const stream = await open({}, query);
      stream.destroy();
      return stream.status;
    };
    for (const query of ["?channel=a,b,c", "?channel=a&channel=b&channel=c", "?channel=a,b&channel=c&channel=a"])
      expect(await statusOf(query), query).toBe(200);
    for (const query of ["?channel=a,b,c,d", "?channel=a&channel=b,c&channel=d"])
      expect(await statusOf(query), query).toBe(400);
    // With the slash before it.
    expect(await statusOf(`?channel=${"x".repeat(30)}`)).toBe(200);
    expect(await statusOf(`?channel=${"x".repeat(31)}`)).toBe(414);
  });

  it("of one user: as many, then for a moment as many again, then a refusal with a time to come back", async () => {
    const authorize = vi.fn<() => boolean>(() => true);
    const { open } = await start({ ...byHeader, authorize, limits: { maxStreamsPerUser: 2 } });
    const ann = { "x-user": "ann" };
    const streams = [await open(ann), await open(ann), await open(ann), await open(ann)];
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expectRefused(await open(ann));
    expect(authorize, "who is refused costs no question about a channel").toHaveBeenCalledTimes(4);
    expect((await open({ "x-user": "bea" })).status, "another user").toBe(200);
    expect((await open({})).status, "nobody").toBe(200);
    for (const stream of streams.splice(0, 3)) stream.destroy();
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(3));
    expect((await open(ann)).status).toBe(200);
  });

  it("of one address: refused before anybody is asked about the request", async () => {
    const asked = {
      middleware: vi.fn<() => void>(),
      identify: vi.fn<() => string>(() => "ann"),
      authorize: vi.fn<() => boolean>(() => true),
    };
    const { open } = await start({ ...asked, address: byHeader.address, limits: { maxStreamsPerAddress: 1 } });
    const here = { "x-address": "2001:db8:0:1::5" };
    for (const address of ["2001:db8:0:1::5", "2001:db8:0:1:ffff::"])
      expect((await open({ "x-address": address })).status).toBe(200);
    for (let each = 0; each < 10; each++) expectRefused(await open(here));
    for (const calls of Object.values(asked)) expect(calls).toHaveBeenCalledTimes(2);
    expect(streamsOf(realtime)).toBe(2);
    expect((await open({ "x-address": "2001:db8:0:2::5" })).status, "the next network").toBe(200);
  });

  it("a page counts while it is waited for, and not between two", async () => {
    const { open } = await start({ ...byHeader, limits: { maxStreamsPerUser: 1 } });
    const page = { "x-user": "ann", accept: "application/json" };
    for (let each = 0; each < 5; each++) expect((await open(page)).status).toBe(200);
    // Its head comes when it is over.
    const waiting = [open(page, "?channel=a&wait=20"), open(page, "?channel=a&wait=20")];
    const refused = await vi.waitFor(async () => {
      const answer = await open(page, "?channel=a");
      expect(answer.status).toBe(429);
      return answer;
    });
    expectRefused(refused);
    await realtime.channel("a").emit("e.v", "news");
    for (const answer of await Promise.all(waiting)) expect(await answer.ended).toContain("news");
    expect((await open(page)).status).toBe(200);
  });

  it("requests that are still being decided count, so that a flood cannot pass while nobody has an answer", async () => {
    let admit: (value: boolean) => void = () => {};
    const deciding = new Promise<boolean>((resolve) => (admit = resolve));
    const authorize = vi.fn<() => Promise<boolean>>(() => deciding);
    const { open } = await start({ ...byHeader, authorize, limits: { maxStreamsPerAddress: 3 } });
    const answers = Array.from({ length: 50 }, () => open({ "x-address": "1.2.3.4" }));
    await vi.waitFor(() => expect(authorize).toHaveBeenCalledTimes(6));
    admit(true);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(6);
    expect(statuses.filter((status) => status === 429)).toHaveLength(44);
    expect(authorize).toHaveBeenCalledTimes(6);
  });

  it("every way out of a request frees its place", async () => {
    let outcome: () => unknown = () => true;
    let mayAnswer: () => void = () => {};
    const { server, open } = await start({
      ...byHeader,
      authorize: async () => {
        const value = outcome();
        if (value === "later") await new Promise<void>((resolve) => (mayAnswer = resolve));
        return value !== false;
      },
      middleware: ({ request }) => {
        const wish = request.headers.get("x-wish");
        if (wish === "response") return new Response("no", { status: 403 });
        if (wish === "throw") throw new Error("a middleware of the test");
        return undefined;
      },
      limits: { maxStreamsPerUser: 1, maxStreamsPerAddress: 1 },
    });
    const who = { "x-user": "ann", "x-address": "1.2.3.4" };
    for (let each = 0; each < 5; each++) {
      expect((await open({ ...who, "x-wish": "response" })).status).toBe(403);
      expect((await open({ ...who, "x-wish": "throw" })).status).toBe(500);
      expect((await open(who, "?channel=a&at=nonsense")).status).toBe(400);
      outcome = () => false;
      expect((await open(who)).status).toBe(403);
      outcome = () => {
        throw new Error("an authorize of the test");
      };
      expect((await open(who)).status).toBe(500);
      // It leaves while it is decided.
      outcome = () => "later";
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      const asked = vi.fn<() => void>();
      const before = mayAnswer;
      socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\nx-user: ann\r\nx-address: 1.2.3.4\r\n\r\n", asked);
      await vi.waitFor(() => expect(mayAnswer).not.toBe(before));
      socket.destroy();
      await new Promise((resolve) => socket.on("close", resolve));
      mayAnswer();
      outcome = () => true;
      const stream = await open(who);
      expect(stream.status).toBe(200);
      stream.destroy();
      await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
    }
    const statuses = [];
    for (let each = 0; each < 3; each++) statuses.push((await open(who)).status);
    expect(statuses, "nobody was here any more").toEqual([200, 200, 429]);
  });

  it("a client that changes its channels has two streams for a moment, and is not cut even at the limit", async () => {
    const statuses: number[] = [];
    const { server } = await start({ ...byHeader, limits: { maxStreamsPerUser: 1, maxStreamsPerAddress: 1 } });
    const client = createRealtimeClient({
      api: { url: server.url, headers: { "x-user": "ann", "x-address": "1.2.3.4" } },
      fetch: async (...given) => {
        const response = await fetch(...given);
        statuses.push(response.status);
        return response;
      },
    });
    const seen: unknown[] = [];
    const gaps: unknown[] = [];
    const lost: string[] = [];
    client.subscribeStatus((status) => lost.push(status));
    const subscribe = (channel: string) =>
      client.subscribe({ channels: [channel], onData: ({ data }) => seen.push(data), onGap: (gap) => gaps.push(gap) });
    subscribe("a");
    await vi.waitFor(() => expect(client.getStatus()).toBe("connected"));
    lost.length = 0;
    for (let each = 0; each < 10; each++) {
      const end = subscribe(`b${each}`);
      await vi.waitFor(() => expect(statuses).toHaveLength(2 + each * 2));
      await vi.waitFor(() => expect(client.getStatus()).toBe("connected"));
      await realtime.channel("a").emit("e.v", each);
      await vi.waitFor(() => expect(seen).toEqual(Array.from({ length: each + 1 }, (_value, n) => n)));
      end();
      await vi.waitFor(() => expect(statuses).toHaveLength(3 + each * 2));
    }
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([gaps, lost.filter((status) => status === "disconnected" || status === "error")]).toEqual([[], []]);
    client.destroy();
  });

  it("an address that throws, or is no text, refuses and says no word of the reason", async () => {
    for (const address of [
      () => {
        throw new Error("hunter2");
      },
      () => 5,
      () => Promise.resolve("1.2.3.4"),
    ]) {
      const { open } = await start({ address: address as never, limits: { maxStreamsPerAddress: 1 } });
      const answer = await open({});
      expect([answer.status, answer.text.includes("hunter2")]).toEqual([500, false]);
    }
    expect(logger.error).toHaveBeenCalledTimes(3);
  });

  it("pages of other origins can read a refusal, and when to come back", async () => {
    const { open } = await start({ ...byHeader, cors: { origin: "https://a.example" }, limits: { maxStreamsPerUser: 1 } });
    const who = { "x-user": "ann", origin: "https://a.example" };
    const answers = [await open(who), await open(who), await open(who)];
    const { headers } = answers[2] as RawStream;
    expect([headers["access-control-allow-origin"], headers["access-control-expose-headers"]]).toEqual([
      "https://a.example",
      "Retry-After",
    ]);
  });

  it("limits.maxReplayBytes: a stream that returns to more gets one gap, and goes on live", async () => {
    const channel = realtime.channel("a");
    const large = "x".repeat(10 * KB);
    const first = await channel.emit("e.v", 0);
    for (let each = 1; each <= 60; each++) await channel.emit("e.v", large);
    const last = await channel.cursor();
    const { open } = await start({ limits: { maxReplayBytes: 2 * PAGE_BYTES } });
    const stream = await open({}, `?channel=a&v=1&at=${first}`);
    await stream.until("event: gap");
    await channel.emit("e.v", "live");
    const text = await stream.until('"data":"live"');
    expect(text.match(/"data":"x/g)?.length).toBeLessThan(40);
    expect(text.match(/event: gap\ndata: (.*)/)?.[1]).toMatch(new RegExp(`"cursor":"${last}","reason":"limit"`));
    expect(text.match(/event: gap/g)).toHaveLength(1);
  });
});

describe("limits.maxBufferedBytes", () => {
  const large = "x".repeat(8 * KB);
  const huge = "x".repeat(64 * KB);
  /** The memory broker announces in a later one. */
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** The most that waited in one response for a reader that takes nothing. */
  async function mostWaiting(limits: HandleOptions["limits"]): Promise<number> {
    const listener = handleNode({ realtime, limits });
    let most = 0;
    const server = await serve((req, res: ServerResponse) => {
      const write = res.write.bind(res) as (...given: unknown[]) => boolean;
      res.write = ((...given: unknown[]) => {
        const more = write(...given);
        most = Math.max(most, res.writableLength);
        return more;
      }) as never;
      listener(req, res);
    });
    servers.push(server);
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1").pause();
    socket.write("GET /?channel=a HTTP/1.1\r\nhost: x\r\n\r\n");
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(1));
    // More than the system takes.
    for (let each = 0; each < 700; each++) {
      await realtime.channel("a").emit("e.v", huge);
      await turn();
    }
    socket.destroy();
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
    return most;
  }

  it("tidings/node: so much waits for a reader that takes nothing, and an event or a page more", async () => {
    const byDefault = await mostWaiting(undefined);
    const little = await mostWaiting({ maxBufferedBytes: 64 * KB });
    expect(byDefault).toBeGreaterThan(200 * KB);
    expect(byDefault).toBeLessThan(256 * KB + PAGE_BYTES + 2 * huge.length);
    expect(little).toBeGreaterThan(50 * KB);
    expect(little).toBeLessThan(64 * KB + PAGE_BYTES + 2 * huge.length);
  });

  /** Waits until something that grows has come so far, and does not grow any more. */
  async function quiet(size: () => number, least: number): Promise<void> {
    await vi.waitFor(() => expect(size()).toBeGreaterThan(least));
    for (let before = -1; before < size();) {
      before = size();
      for (let each = 0; each < 50; each++) await turn();
    }
  }

  it("tidings: the same, of the response's body", async () => {
    const channel = realtime.channel("a");
    for (let each = 0; each < 200; each++) await channel.emit("e.v", large);
    for (const maxBufferedBytes of [32 * KB, 512 * KB]) {
      const response = await handleFetch({ realtime, limits: { maxBufferedBytes } })(new Request("http://x/?channel=a&at=-"));
      // Nobody reads until the log was read as far as it goes.
      await quiet(() => realtime.stats().bytesSent, maxBufferedBytes);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await realtime.close().catch(() => {});
      let waited = 0;
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) waited += piece.value.length;
      expect(waited).toBeGreaterThan(maxBufferedBytes);
      expect(waited).toBeLessThan(maxBufferedBytes + PAGE_BYTES + 3 * large.length);
      realtime = new Realtime({ broker: createMemoryBroker(), logger }) as never as Realtime;
      for (let each = 0; each < 200; each++) await realtime.channel("a").emit("e.v", large);
    }
  });

  it("of many channels that are in memory the same: a turn brings no more than a page above it", async () => {
    const names = Array.from({ length: 20 }, (_, each) => `c${each}`);
    const starts: string[] = [];
    for (const name of names) {
      const channel = realtime.channel(name);
      await channel.subscribe({ onData() {} });
      starts.push(await channel.emit("e.v", 0));
      for (let each = 0; each < 12; each++) await channel.emit("e.v", large);
    }
    await turn();
    const sent = realtime.stats().bytesSent;
    const query = names.map((name) => `channel=${name}`).join("&");
    const response = await handleFetch({ realtime, limits: { maxBufferedBytes: 32 * KB } })(
      new Request(`http://x/?v=1&${query}&at=${starts.join(",")}`),
    );
    await quiet(() => realtime.stats().bytesSent - sent, 32 * KB);
    expect(realtime.stats().bytesSent - sent).toBeLessThan(32 * KB + 2 * (PAGE_BYTES + 2 * large.length));
    await response.body?.cancel();
  });

  it("a page is full at the same size", async () => {
    const channel = realtime.channel("a");
    const first = await channel.emit("e.v", 0);
    // Somebody listens, so that they are in memory: of the log, a page takes one read.
    await channel.subscribe({ onData() {} });
    for (let each = 0; each < 12; each++) await channel.emit("e.v", large);
    await turn();
    const sizeOf = async (limits: HandleOptions["limits"]): Promise<number> => {
      const headers = { accept: "application/json" };
      return (
        await (await handleFetch({ realtime, limits })(new Request(`http://x/?channel=a&at=${first}`, { headers }))).text()
      ).length;
    };
    expect(await sizeOf({ maxBufferedBytes: 16 * KB })).toBeLessThan(PAGE_BYTES + 2 * large.length);
    expect(await sizeOf(undefined)).toBeGreaterThan(12 * large.length);
  });
});

it("limits.maxPayloadBytes: as many bytes are stored, and not one more", async () => {
  const own = new Realtime({ broker: createMemoryBroker(), logger, limits: { maxPayloadBytes: 100 } }) as never as Realtime;
  // With its quotes, and three bytes for each sign.
  for (const [fits, text] of [
    ["x".repeat(98), "x".repeat(99)],
    [`${"\u65e5".repeat(32)}xx`, `${"\u65e5".repeat(32)}xxx`],
  ] as const) {
    await own.emit("e.v", fits);
    await expect(own.emit("e.v", text)).rejects.toMatchObject({ code: "payload_too_large" });
  }
  expect(await own.history()).toHaveLength(2);
  await own.close();
});

describe("docs/guides/limits.md", () => {
  const guide = readFileSync(new URL("../../docs/guides/limits.md", import.meta.url), "utf8");

  it("its code runs, and limits what it says", async () => {
    const [, code = ""] = /```ts\nexport const GET = ([^]*?);\n```/.exec(guide) ?? [];
    const given = { handle: handleFetch, realtime, userOf: header("x-user") };
    // oxlint-disable-next-line no-implied-eval -- the guide's own text
    const make = new Function(...Object.keys(given), `return ${code}`) as (
      ...values: unknown[]
    ) => ReturnType<typeof handleFetch>;
    const handler = make(...Object.values(given));
    const statuses: number[] = [];
    for (let each = 0; each < 41; each++) {
      const request = new Request("http://x/?channel=a", { headers: { "x-user": "ann", "x-real-ip": "1.2.3.4" } });
      statuses.push((await handler(request)).status);
    }
    expect(statuses).toEqual([...Array<number>(40).fill(200), 429]);
  });

  it("names each limit with its default", () => {
    const shown = new Map(
      [...guide.matchAll(/^\| [^|]+ \| `\w+`: `limits\.(\w+)` +\| +([\d]+)( kB| MB| s)? \|/gm)].map(([, name, count, unit]) => [
        name,
        Number(count) * (unit === " kB" ? KB : unit === " MB" ? KB * KB : 1),
      ]),
    );
    expect(Object.fromEntries(shown)).toEqual({
      ...{ maxChannels: MAX_CHANNELS, maxUrlBytes: MAX_URL_BYTES, maxPayloadBytes: MAX_PAYLOAD_BYTES },
      maxTotalBufferedBytes: MAX_TOTAL_BUFFERED_BYTES,
      ...{ maxStreamsPerUser: MAX_STREAMS_PER_USER, maxStreamsPerAddress: MAX_STREAMS_PER_ADDRESS },
      ...{ maxBufferedBytes: MAX_BUFFERED_BYTES, maxReplayBytes: MAX_REPLAY_BYTES, decideSecs: DECIDE_SECS },
    });
  });
});

describe('address: "socket"', () => {
  it("is the connection's, of tidings/node", async () => {
    const server = await serve(handleNode({ realtime, address: "socket", limits: { maxStreamsPerAddress: 1 } }));
    servers.push(server);
    const statuses = [];
    for (let each = 0; each < 3; each++)
      statuses.push((await openRaw(`${server.url}/`, { headers: { "x-address": String(each) } })).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it("a fetch Request does not know it, and that is said", () => {
    expect(() => handleFetch({ realtime, address: "socket" as never })).toThrow(/tidings\/node.*does not know its connection/);
  });
});
