import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod/v4";
import { createIORedisAdapter } from "../../src/adapters/ioredis.ts";
import { createRealtimeClient, type ClientMessage, type ClientSubscribeOptions } from "../../src/client/core.ts";
import { CursorUnavailableError, handle, isRealtimeCursor, Realtime } from "../../src/index.ts";
import type { HandleOptions, MiddlewareContext, RealtimePlugin, RedisInput } from "../../src/index.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";

// Every documented call in the documented way, on each place where logs can live.

const schema = {
  parcel: { moved: z.object({ place: z.string(), at: z.date() }), lost: z.string() },
  job: { done: z.object({}), step: z.object({ name: z.string(), result: z.unknown().optional() }) },
};
const options = { schema, history: { maxLength: 100 } };
const SOON = { timeout: 20_000 };

let server: RedisServer;
let connection: Redis;
beforeAll(async () => {
  server = await startRedis();
  connection = new Redis(server.url);
});
afterAll(async () => {
  connection.disconnect();
  await server.stop();
});

const places: ReadonlyArray<readonly [string, () => RedisInput]> = [
  ["memory", () => ({ driver: "memory" })],
  ["redis: new Redis(url)", () => connection],
  ["redis: createIORedisAdapter(new Redis(url))", () => createIORedisAdapter(connection)],
];

describe.each(places)("on %s", (_name, place) => {
  const create = () => new Realtime({ ...options, redis: place() });
  let realtime: ReturnType<typeof create>;
  let GET: (request: Request) => Promise<Response>;

  beforeEach(async () => {
    await connection.flushall();
    realtime = create();
    GET = handle({ realtime });
  });
  afterEach(() => realtime.close());

  const warehouse = () => realtime.channel("parcel:1");
  const move = (place: string) => warehouse().emit("parcel.moved", { place, at: new Date(0) });
  const moved = (place: string) => ({ place, at: "1970-01-01T00:00:00.000Z" });

  async function open(query = "", headers: Record<string, string> = {}): Promise<StreamReader> {
    const reader = await readStream(GET, query, headers);
    onTestFinished(() => reader.close());
    await reader.until((frames) => countOf(frames, "connected") > 0);
    return reader;
  }

  /** Our own client, on the endpoint without a network between. */
  function subscribe(subscription: ClientSubscribeOptions, handler = GET, headers?: () => Record<string, string>) {
    const messages: ClientMessage[] = [];
    const client = createRealtimeClient({
      api: { url: "http://localhost/api/realtime", headers },
      fetch: async (input, init) => await handler(new Request(input, init)),
    });
    onTestFinished(() => client.destroy());
    client.subscribe({ ...subscription, onData: (message) => void messages.push(message) });
    const connected = () => vi.waitFor(() => expect(client.getStatus()).toBe("connected"), SOON);
    return { client, messages, connected, data: () => messages.map(({ data }) => data) };
  }

  it("F-16, F-20, F-23: emit on the default channel, GET = handle({ realtime })", async () => {
    const stream = await open();
    const id = await realtime.emit("parcel.lost", "one");
    expect(id).toMatch(/^\d+-\d+$/);
    await stream.until((frames) => countOf(frames, "") === 1);
    expect(stream.frames.at(-1)).toMatchObject({ id, data: { id, channel: "default", event: "parcel.lost", data: "one" } });
  });

  it("F-22: a channel of its own, the same object for the same name", async () => {
    expect(realtime.channel("parcel:1")).toBe(warehouse());
    const [here, elsewhere] = [await open("channel=parcel:1"), await open("channel=parcel:2")];
    await move("Bern");
    await realtime.channel("parcel:2").emit("parcel.lost", "two");
    await here.until((frames) => countOf(frames, "") === 1);
    await elsewhere.until((frames) => countOf(frames, "") === 1);
    expect([here.values, elsewhere.values]).toEqual([[moved("Bern")], ["two"]]);
  });

  it("F-27, F-28, F-29: history gives the newest, oldest first, and pages by after", async () => {
    const ids = [await move("Bern"), await move("Thun"), await move("Spiez")];
    expect(await warehouse().history({ limit: 2 })).toEqual([
      { id: ids[1], channel: "parcel:1", event: "parcel.moved", data: moved("Thun") },
      { id: ids[2], channel: "parcel:1", event: "parcel.moved", data: moved("Spiez") },
    ]);
    const after = await warehouse().history({ after: ids[0], limit: 1 });
    expect(after.map(({ id }) => id)).toEqual([ids[1]]);
    expect((await warehouse().history()).length).toBe(3);
    expect(await warehouse().history({ start: 0, end: 1 })).toEqual([]);
  });

  it("F-26: history.maxLength bounds a log", async () => {
    await Promise.all(Array.from({ length: 105 }, async (_, n) => await realtime.emit("parcel.lost", String(n))));
    const stored = await realtime.history();
    expect(stored.map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => String(n + 5)));
  });

  it("F-25, F-30: what the server rendered goes on in the browser, without a gap or a repeat", async () => {
    await move("Bern");
    const rendered = await warehouse().history({ limit: 20 });
    await move("Thun");
    const gaps: unknown[] = [];
    const browser = subscribe({
      channels: ["parcel:1"],
      after: rendered.at(-1)?.id,
      onGap: (gap) => void gaps.push(gap),
    });
    await browser.connected();
    await move("Spiez");
    await vi.waitFor(() => expect(browser.data()).toEqual([moved("Thun"), moved("Spiez")]), SOON);
    expect(gaps).toEqual([]);
  });

  it("U-7, U-13: a subscriber that comes after the first steps of a job still sees all of them, and of that job only", async () => {
    const [run, other] = [realtime.channel("run-1"), realtime.channel("run-2")];
    await run.emit("job.step", { name: "fetch", result: { rows: 3 } });
    await other.emit("job.step", { name: "elsewhere" });
    const page = subscribe({ channels: ["run-1"], events: ["job.step", "job.done"], history: true });
    await page.connected();
    await run.emit("job.step", { name: "store", result: undefined });
    await run.emit("job.done", {});
    await vi.waitFor(() => expect(page.messages).toHaveLength(3), SOON);
    expect(page.messages.map(({ event, data, replayed }) => [event, data, replayed])).toEqual([
      ["job.step", { name: "fetch", result: { rows: 3 } }, true],
      ["job.step", { name: "store" }, false],
      ["job.done", {}, false],
    ]);
  });

  it("U-18, U-20: subscribe on the server: events, history, and two ways out", async () => {
    await move("Bern");
    await warehouse().emit("parcel.lost", "one");
    const [all, places, newest]: [unknown[], unknown[], unknown[]] = [[], [], []];
    await warehouse().subscribe({ history: true, onData: ({ event, channel }) => all.push([channel, event]) });
    const stop = await warehouse().subscribe({
      events: ["parcel.moved"],
      history: true,
      onData: ({ data }) => places.push(data.place),
    });
    await warehouse().subscribe({ history: { limit: 1 }, onData: ({ event }) => newest.push(event) });
    await vi.waitFor(() => expect([all.length, places.length, newest.length]).toEqual([2, 1, 1]), SOON);
    stop();
    await move("Thun");
    await vi.waitFor(() => expect(newest).toEqual(["parcel.lost", "parcel.moved"]), SOON);
    warehouse().unsubscribe();
    const last = await open("channel=parcel:1");
    await move("Spiez");
    await last.until((frames) => countOf(frames, "") === 1);
    expect(all).toEqual([
      ["parcel:1", "parcel.moved"],
      ["parcel:1", "parcel.lost"],
      ["parcel:1", "parcel.moved"],
    ]);
    expect(places).toEqual(["Bern"]);
  });

  it("U-28: subscribe goes on after a cursor, and says so when it cannot", async () => {
    const first = await move("Bern");
    const second = await move("Thun");
    const seen: unknown[] = [];
    const onData = ({ id }: { id: string }): void => void seen.push(id);
    await warehouse().subscribe({ after: first, onData });
    await vi.waitFor(() => expect(seen).toEqual([second]), SOON);
    expect(isRealtimeCursor(first)).toBe(true);
    expect(isRealtimeCursor("yesterday")).toBe(false);
    await expect(warehouse().subscribe({ after: first, history: true, onData })).rejects.toMatchObject({
      code: "bad_option",
    });
    await expect(warehouse().subscribe({ after: "1-1", onData })).rejects.toThrow(CursorUnavailableError);
  });

  it("U-32: a broadcast is one emit per channel", async () => {
    const rooms = ["parcel:1", "parcel:2", "parcel:A-3"];
    const stream = await open(rooms.map((room) => `channel=${room}`).join("&"));
    await stream.until((frames) => countOf(frames, "connected") === 3);
    await Promise.all(rooms.map(async (room) => await realtime.channel(room).emit("parcel.lost", room)));
    await stream.until((frames) => countOf(frames, "") === 3);
    expect(new Set(stream.values)).toEqual(new Set(rooms));
  });
});

describe("the documented middleware", () => {
  const realtime = new Realtime({ redis: { driver: "memory" } });
  afterAll(() => realtime.close());

  const badge = ({ request, channels }: MiddlewareContext) => {
    if (request.headers.get("authorization") !== "Bearer badge") return new Response("Unauthorized", { status: 401 });
    return channels.includes("customs") ? new Response("Forbidden", { status: 403 }) : undefined;
  };
  const lookUp = async ({ request, channels }: MiddlewareContext) => {
    const token = request.headers.get("authorization")?.replace("Bearer ", "");
    const role = await Promise.resolve(
      new Map([
        ["one", "clerk"],
        ["two", "admin"],
      ]).get(token ?? ""),
    );
    if (role === undefined) return new Response("Unauthorized", { status: 401 });
    const isPrivate = channels.some((channel) => channel.startsWith("private:"));
    return isPrivate && role !== "admin" ? new Response("Forbidden", { status: 403 }) : undefined;
  };
  const session = ({ request }: MiddlewareContext) =>
    /(^|; )session=open(;|$)/.test(request.headers.get("cookie") ?? "")
      ? undefined
      : new Response("Unauthorized", { status: 401 });

  interface Case {
    readonly title: string;
    readonly middleware: HandleOptions["middleware"];
    readonly channel?: string;
    readonly headers: Record<string, string>;
    readonly answer: readonly [number, string];
  }
  const unauthorized = [401, "Unauthorized"] as const;
  const forbidden = [403, "Forbidden"] as const;
  const refused: Case[] = [
    { title: "F-38: no badge", middleware: badge, headers: {}, answer: unauthorized },
    {
      title: "F-38: a badge on a channel of others",
      middleware: badge,
      channel: "customs",
      headers: { authorization: "Bearer badge" },
      answer: forbidden,
    },
    { title: "F-39: an unknown token", middleware: lookUp, headers: { authorization: "Bearer three" }, answer: unauthorized },
    {
      title: "F-39: a clerk on a private channel",
      middleware: lookUp,
      channel: "private:x",
      headers: { authorization: "Bearer one" },
      answer: forbidden,
    },
    { title: "F-40: no session", middleware: session, headers: { cookie: "theme=dark" }, answer: unauthorized },
  ];
  const admitted: Omit<Case, "answer">[] = [
    { title: "F-38: a badge", middleware: badge, headers: { authorization: "Bearer badge" } },
    {
      title: "F-39: an admin on a private channel",
      middleware: lookUp,
      channel: "private:x",
      headers: { authorization: "Bearer two" },
    },
    { title: "F-40: a session", middleware: session, headers: { cookie: "theme=dark; session=open" } },
  ];
  const ask = ({ middleware, channel = "default", headers }: Omit<Case, "answer">): Promise<Response> =>
    handle({ realtime, middleware })(new Request(`http://localhost/api/realtime?channel=${channel}`, { headers }));

  const named = <C extends { readonly title: string }>(cases: readonly C[]) => cases.map((one) => [one.title, one] as const);

  it.each(named(refused))("%s is refused in the middleware's own words", async (_title, one) => {
    const response = await ask(one);
    expect([response.status, await response.text()]).toEqual(one.answer);
  });

  it.each(named(admitted))("%s is let through", async (_title, one) => {
    const response = await ask(one);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it("F-41: our client's headers reach it, asked for anew at each connect", async () => {
    let token = "old";
    const answers: number[] = [];
    const GET = handle({ realtime, middleware: badge });
    const client = createRealtimeClient({
      api: {
        url: "http://localhost/api/realtime",
        headers: async () => await Promise.resolve({ authorization: `Bearer ${token}` }),
      },
      fetch: async (input, init) => {
        const response = await GET(new Request(input, init));
        answers.push(response.status);
        return response;
      },
    });
    onTestFinished(() => client.destroy());
    const refusal = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => refusal.mockRestore());
    client.subscribe({});
    await vi.waitFor(() => expect(client.getStatus()).toBe("error"), SOON);
    token = "badge";
    client.subscribe({ channels: ["parcel:1"] });
    await vi.waitFor(() => expect(client.getStatus()).toBe("connected"), SOON);
    // The first is asked once more, with headers that are asked for anew.
    expect(answers).toEqual([401, 401, 200]);
  });
});

it("F-42, F-43, F-44: a plugin's method is on the instance, emits, and logs only when verbose", async () => {
  const said: string[] = [];
  const logger = { log: (text: string) => void said.push(text), warn() {}, error() {} };
  const bell = (): RealtimePlugin<{ ring(): Promise<string> }> => ({
    name: "bell",
    init: ({ emit, logger: quiet }) => ({
      api: {
        async ring() {
          quiet.log("ringing");
          await emit("door", "bell.rang", { times: 2 });
          return "rung";
        },
      },
    }),
  });
  for (const verbose of [false, true]) {
    const realtime = new Realtime({
      redis: { driver: "memory" },
      keyPrefix: `bell-${verbose}`,
      plugins: [bell()],
      verbose,
      logger,
    });
    onTestFinished(() => realtime.close());
    expect(await realtime.ring()).toBe("rung");
    expect(await realtime.channel("door").history()).toMatchObject([{ event: "bell.rang", data: { times: 2 } }]);
  }
  expect(said).toEqual(["ringing"]);
});
