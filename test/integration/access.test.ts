import { afterEach, describe, expect, it, vi, type Mock } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { createRealtimeClient } from "../../src/client/core.ts";
import { handle as handleFetch, Realtime, type HandleOptions } from "../../src/index.ts";
import { noRefusals } from "../../src/protocol/codes.ts";
import { readByEventSource } from "../support/eventsource-reader.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";

type Say = (message: string, ...details: unknown[]) => void;

const cleanup: Array<() => unknown> = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

interface Site {
  readonly realtime: Realtime;
  readonly server: TestServer;
  readonly logger: { log: Mock<Say>; warn: Mock<Say>; error: Mock<Say> };
  /** A stream of our client, by hand. */
  get(query: string, headers?: Record<string, string>): Promise<RawStream>;
}

const sessions = (cookies: Record<string, string>) => (request: Request) =>
  cookies[/sid=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? ""];

describe.each(Object.entries(TRANSPORTS))("access, %s", (_kind, createListener) => {
  async function site(options: Omit<HandleOptions, "realtime">): Promise<Site> {
    const logger = { log: vi.fn<Say>(), warn: vi.fn<Say>(), error: vi.fn<Say>() };
    const realtime = new Realtime({ broker: createMemoryBroker(), logger }) as Realtime;
    cleanup.push(() => realtime.close());
    const server = await serve(createListener({ ...options, realtime }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    return { realtime, server, logger, get: (query, headers = {}) => openRaw(`${server.url}/?v=1&${query}`, { headers }) };
  }

  it("B-29: revalidateSecs ends the channel to which the right was lost, and lets the others flow", async () => {
    const members = new Set(["ann a", "ann b"]);
    const { realtime, get } = await site({
      identify: sessions({ s1: "ann" }),
      authorize: async ({ user, channel }) => members.has(`${user} ${channel}`),
      revalidateSecs: 0.05,
    });
    const stream = await get("channel=a&channel=b", { cookie: "sid=s1" });
    await stream.until((text) => text.split("event: connected").length === 3);
    members.delete("ann a");
    await stream.until('event: problem\ndata: {"code":"forbidden","channel":"a","retry":false}\n\n');
    await realtime.channel("a").emit("e.v", "hidden");
    await realtime.channel("b").emit("e.v", "shown");
    await stream.until("shown");
    expect(stream.text).not.toContain("hidden");
    expect(stream.text.match(/event: problem/g), "told once").toHaveLength(1);
    members.delete("ann b");
    await stream.ended;
    expect((await get("channel=a&channel=b", { cookie: "sid=s1" })).status).toBe(403);
  });

  it("B-29: of a stream for an EventSource too; it goes on with the channels that are left", async () => {
    let mayReadA = true;
    const { realtime, server } = await site({ authorize: ({ channel }) => channel !== "a" || mayReadA, revalidateSecs: 0.05 });
    using reader = readByEventSource(`${server.url}/?channel=a&channel=b`);
    await vi.waitFor(() => expect(reader.frames.filter((name) => name === "connected")).toHaveLength(2));
    mayReadA = false;
    await vi.waitFor(() => expect(reader.frames).toContain("problem"));
    await realtime.channel("b").emit("e.v", 1);
    await vi.waitFor(() => expect(reader.data).toEqual([1]));
    server.cut();
    await realtime.channel("a").emit("e.v", "hidden");
    await realtime.channel("b").emit("e.v", 2);
    await vi.waitFor(() => expect(reader.data).toEqual([1, 2]), { timeout: 20_000 });
  });

  it.each<[string, (say: { gone: boolean }) => Omit<HandleOptions, "realtime">, number]>([
    [
      "a session that ended",
      (say) => ({ identify: () => (say.gone ? undefined : "ann"), authorize: ({ user }) => !!user }),
      403,
    ],
    ["another user of the same session", (say) => ({ identify: () => (say.gone ? "bob" : "ann") }), 200],
    [
      "middleware that refuses",
      (say) => ({ middleware: () => (say.gone ? new Response("", { status: 401 }) : undefined) }),
      401,
    ],
  ])("B-29: %s ends the stream, and the client gets its answer at the door", async (_, optionsOf, status) => {
    const say = { gone: false };
    const { get } = await site({ ...optionsOf(say), revalidateSecs: 0.05 });
    const stream = await get("channel=a");
    await stream.until("connected");
    say.gone = true;
    await stream.ended;
    expect((await get("channel=a")).status).toBe(status);
  });

  it("one hiccup of a database of users cuts nobody off; two in a row do, and the browser sees no word of it (I10)", async () => {
    let asked = 0;
    let hiccups = 0;
    const { get, logger } = await site({
      async authorize() {
        asked++;
        if (hiccups-- > 0) throw new Error("SECRET of the database");
        return true;
      },
      revalidateSecs: 0.05,
    });
    const stream = await get("channel=a");
    await stream.until("connected");
    hiccups = 1;
    await vi.waitFor(() => expect(logger.error).toHaveBeenCalledTimes(1));
    const before = asked;
    await vi.waitFor(() => expect(asked, "the stream is open, and asked about").toBeGreaterThan(before + 2));
    hiccups = Infinity;
    expect(await stream.ended).not.toContain("SECRET");
    expect(logger.error).toHaveBeenCalledTimes(2);
    expect((await get("channel=a")).status).toBe(500);
  });

  it.each(["middleware", "identify", "authorize"] as const)(
    "%s that gives no answer refuses the request in time, frees its place, and is said once",
    async (decider) => {
      let hangs = true;
      const { get, logger, realtime } = await site({
        identify: () => "ann",
        [decider]: () =>
          hangs ? new Promise<never>(() => {}) : { authorize: true, identify: "ann", middleware: undefined }[decider],
        limits: { decideSecs: 0.05, maxStreamsPerUser: 1 },
      });
      const refused = await Promise.all([get("channel=a&channel=b"), get("channel=a")]);
      for (const { status, headers, ended } of refused) {
        expect([status, headers["retry-after"]]).toEqual([504, "10"]);
        expect(JSON.parse(await ended)).toMatchObject({ code: "undecided" });
      }
      const page = await get("channel=a&wait=30", { accept: "application/json" });
      expect(page.status).toBe(504);
      expect(realtime.stats().refusals).toEqual({ ...noRefusals(), undecided: 3 });
      expect(logger.error).toHaveBeenCalledTimes(1);
      expect(logger.error).toHaveBeenCalledWith(
        expect.stringContaining("504 `undecided`"),
        expect.objectContaining({ message: expect.stringContaining(`\`${decider}\` gave no answer`) }),
      );
      hangs = false;
      expect((await get("channel=a")).status, "its place is free").toBe(200);
      hangs = true;
      expect((await get("channel=a")).status).toBe(504);
      expect(logger.error, "it answered in between").toHaveBeenCalledTimes(2);
    },
  );

  it("B-29: authorize that gives no answer when it is asked again: a hiccup cuts nobody off, two in a row end the stream", async () => {
    let asked = 0;
    let hangs = 0;
    const { get, logger } = await site({
      authorize: () => (asked++, hangs-- > 0 ? new Promise<never>(() => {}) : true),
      revalidateSecs: 0.2,
      limits: { decideSecs: 0.02 },
    });
    const stream = await get("channel=a");
    await stream.until("connected");
    hangs = 1;
    await vi.waitFor(() => expect(logger.error).toHaveBeenCalledTimes(1));
    expect(logger.error.mock.calls[0]?.[1]).toMatchObject({ message: expect.stringContaining("`authorize` gave no answer") });
    const before = asked;
    await vi.waitFor(() => expect(asked, "the stream is open, and asked about").toBeGreaterThan(before + 2));
    hangs = Infinity;
    await stream.ended;
    const refused = await get("channel=a");
    expect(refused.status).toBe(504);
  });

  it("B-29: the client of tidings keeps its other channels, and has the status error when the last one is lost", async () => {
    const members = new Set(["a", "b"]);
    const { realtime, server } = await site({ authorize: ({ channel }) => members.has(channel), revalidateSecs: 0.05 });
    const client = createRealtimeClient({ api: { url: server.url } });
    cleanup.push(() => client.destroy());
    const seen: unknown[] = [];
    client.subscribe({ channels: ["a", "b"], onData: ({ data }) => seen.push(data) });
    await vi.waitFor(() => expect(client.getStatus()).toBe("connected"));
    members.delete("a");
    await vi.waitFor(async () => {
      await realtime.channel("a").emit("e.v", "maybe");
      const before = seen.length;
      await realtime.channel("b").emit("e.v", "b");
      await vi.waitFor(() => expect(seen.length).toBeGreaterThan(before));
      expect(seen.at(-2)).toBe("b");
    });
    expect(client.getStatus()).toBe("connected");
    members.clear();
    await vi.waitFor(() => expect(client.getStatus()).toBe("error"), { timeout: 5_000 });
  });

  it.each(["at", "Last-Event-ID"])(
    "B-29: a replay re-checks rights: who lost them while away gets nothing of the log by %s",
    async (by) => {
      const members = new Set(["a", "b"]);
      const { realtime, get } = await site({ authorize: ({ channel }) => members.has(channel) });
      const first = await get("channel=a&channel=b&at=0-0,0-0");
      await first.until((text) => text.split("event: connected").length === 3);
      first.destroy();
      await realtime.channel("a").emit("e.v", "SECRET");
      await realtime.channel("b").emit("e.v", "open");
      members.delete("a");
      const again = (starts: string): Promise<RawStream> =>
        by === "at" ? get(`channel=a&channel=b&at=${starts}`) : get("channel=a&channel=b", { "last-event-id": starts });
      for (const starts of ["0-0,0-0", "-,-", "-5,-5"]) {
        const back = await again(starts);
        await back.until("open");
        expect(back.text).toContain('event: problem\ndata: {"code":"forbidden","channel":"a","retry":false}');
        expect(back.text).not.toContain("SECRET");
        expect(back.text, "not even where the log ends").not.toContain('"channel":"a","cursor"');
        back.destroy();
      }
      members.clear();
      const refused = await again("0-0,0-0");
      expect(refused.status).toBe(403);
      expect(await refused.ended).not.toContain("SECRET");
    },
  );

  it("B-36: who the user is comes from the session: a forged userId in the query gets 403", async () => {
    const { realtime, get } = await site({
      identify: sessions({ s1: "ann", s2: "bob" }),
      authorize: ({ user, channel }) => user !== undefined && channel === `user:${user}`,
    });
    await realtime.channel("user:ann").emit("e.v", "for ann");
    const forged = "channel=user:ann&at=-&userId=ann&user=ann";
    const forgers: Array<Record<string, string>> = [{ cookie: "sid=s2" }, { cookie: "sid=none" }, {}, { "x-user": "ann" }];
    for (const headers of forgers) {
      const refused = await get(forged, headers);
      expect(refused.status).toBe(403);
      expect(await refused.ended).not.toContain("for ann");
    }
    const own = await get("channel=user:ann&at=-", { cookie: "sid=s1" });
    await own.until("for ann");
  });

  it("B-29: a page waits no longer than revalidateSecs: who lost the right meanwhile is told at the door, and gets no event", async () => {
    let isAllowed = true;
    const { realtime, get } = await site({ authorize: () => isAllowed, revalidateSecs: 0.5 });
    const headers = { accept: "application/json" };
    const asked = get("channel=a&wait=30", headers);
    await vi.waitFor(() => expect(realtime.stats().pages).toBe(1));
    isAllowed = false;
    // And not after the thirty seconds that it asked for.
    await vi.waitFor(() => expect(realtime.stats().pages).toBe(0), { timeout: 10_000 });
    const { at } = JSON.parse(await (await asked).ended) as { readonly at: string };
    await realtime.channel("a").emit("e.v", "hidden");
    const next = await get(`channel=a&at=${at}&wait=30`, headers);
    expect([next.status, (await next.ended).includes("hidden")]).toEqual([403, false]);
  });

  it("middleware that forgets the channels is caught by authorize", async () => {
    const { get } = await site({
      middleware: ({ request }) => (request.headers.get("cookie") ? undefined : new Response("", { status: 401 })),
      authorize: ({ channel }) => channel.startsWith("public:"),
    });
    expect((await get("channel=public:news")).status).toBe(401);
    expect((await get("channel=admin", { cookie: "sid=s1" })).status).toBe(403);
    expect((await get("channel=public:news", { cookie: "sid=s1" })).status).toBe(200);
  });
});

describe("nobody guards the endpoint", () => {
  const create = (): { realtime: Realtime; warn: Mock<Say> } => {
    const warn = vi.fn<Say>();
    const realtime = new Realtime({ broker: createMemoryBroker(), logger: { log() {}, warn, error() {} } }) as Realtime;
    cleanup.push(() => realtime.close());
    return { realtime, warn };
  };

  it("in production, that is one warning in the process, which says what to do", () => {
    const { realtime, warn } = create();
    handleFetch({ realtime });
    expect(warn, "not while it is developed").not.toHaveBeenCalled();
    vi.stubEnv("NODE_ENV", "production");
    for (const guard of [{ authorize: () => true }, { identify: () => undefined }, { middleware: () => {} }])
      handleFetch({ realtime, ...guard });
    expect(warn).not.toHaveBeenCalled();
    handleFetch({ realtime });
    handleFetch({ realtime });
    handleFetch({ realtime: create().realtime });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/nobody guards this endpoint.*`authorize: \(\) => true`/);
  });
});
