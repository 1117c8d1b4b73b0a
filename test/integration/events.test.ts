import { EventSource } from "eventsource";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createEvents, type Events, type EventsOptions, type RealtimeEvent } from "../../src/events.ts";
import { isTidingsError, Realtime } from "../../src/index.ts";
import { readAsked } from "../../src/events/server/asked.ts";
import { logOfUser } from "../../src/events/server/user-log.ts";
import { MAX_URL_BYTES } from "../../src/protocol/limits.ts";
import { fetchListener, serve, type TestServer } from "../support/http-server.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startUpstashFront } from "../support/upstash-front.ts";

/** The session's user: a header, as a cookie would be. */
const sessionOf = (request: Request): string | undefined => request.headers.get("x-user") ?? undefined;

let redis: RedisServer;
let prefixes = 0;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

function open(options: Partial<EventsOptions> = {}): Events<RealtimeEvent> {
  const events = createEvents({
    ...(options.realtime ? {} : { redis: redis.url, keyPrefix: `events${++prefixes}` }),
    identify: sessionOf,
    authorize: () => true,
    ...options,
  });
  onTestFinished(() => events.realtime.close());
  return events;
}

/** A stream as it stands on the wire. */
interface RawStream {
  readonly response: Response;
  text(): string;
  /** Waits until it holds this. */
  until(wanted: string): Promise<void>;
  /** The data of its events of a type, or of all. */
  events(type?: string): unknown[];
  close(): Promise<void>;
}

const request = (query: string, user?: string, init: RequestInit = {}): Request => {
  const headers = new Headers(init.headers);
  if (user !== undefined) headers.set("x-user", user);
  return new Request(`http://localhost/api/events/stream?${query}`, { ...init, headers });
};

async function read(events: Events<RealtimeEvent>, query: string, user: string, init: RequestInit = {}): Promise<RawStream> {
  const response = await events.GET(request(query, user, init));
  expect(response.status).toBe(200);
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let isOpen = true;
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
  })().catch(() => {});
  const close = async (): Promise<void> => {
    if (isOpen) await reader.cancel();
    isOpen = false;
    await reading;
  };
  onTestFinished(close);
  const frames = (): Array<{ type: string; data: unknown }> =>
    [...text.matchAll(/^event: (?<type>[^\n]+)\n(?:data: (?<data>[^\n]*)\n)\n/gm)]
      .map(({ groups = {} }) => ({ type: groups["type"] ?? "", data: JSON.parse(groups["data"] ?? "null") as unknown }))
      .filter(({ type }) => !["connected", "position", "gap", "problem"].includes(type));
  return {
    response,
    text: () => text,
    until: (wanted) => vi.waitFor(() => expect(text).toContain(wanted)),
    events: (type) => frames().flatMap((frame) => (type === undefined || frame.type === type ? [frame.data] : [])),
    close,
  };
}

/** A page of the protocol, as our own client asks for it. */
async function page(
  events: Events<RealtimeEvent>,
  query: string,
  user: string,
): Promise<{ status: number; at: string; frames: Array<Record<string, unknown>> }> {
  const response = await events.GET(request(`${query}&v=1`, user, { headers: { accept: "application/json" } }));
  return { status: response.status, ...((await response.json()) as { at: string; frames: Array<Record<string, unknown>> }) };
}

async function serveEvents(events: Events<RealtimeEvent>): Promise<TestServer> {
  const server = await serve(fetchListener(events.GET));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const refusal = async (response: Response): Promise<[number, unknown]> => [
  response.status,
  ((await response.json()) as { code?: unknown }).code,
];

describe("the stream of tidings/events, as a plain EventSource reads it", () => {
  it("S-1, S-2, S-3, S-7: the first frame is `connected`; events of the user, the channels and everybody come under their type", async () => {
    const events = open();
    const stream = await read(events, "userId=u1&channels=a,b", "u1");
    await stream.until("position");
    expect(stream.text().startsWith('event: connected\ndata: {"status": "connected"}\n\n')).toBe(true);
    await events.publishToUser("u1", { type: "booking_update", text: "ä\u2028\n\u0000", big: 1e21 });
    await events.publishToUser("u2", { type: "booking_update", text: "not mine" });
    await events.publishToChannel("a", { type: "agent_status", n: 1 });
    await events.publishToChannel("c", { type: "agent_status", n: 2 });
    await events.publishToChannel("b", { type: "notification", n: 3 });
    await stream.until('"n":3');
    expect(stream.text()).toContain(
      'event: booking_update\ndata: {"type":"booking_update","text":"ä\u2028\\n\\u0000","big":1e+21}\n\n',
    );
    expect(stream.events()).toEqual([
      { type: "booking_update", text: "ä\u2028\n\u0000", big: 1e21 },
      { type: "agent_status", n: 1 },
      { type: "notification", n: 3 },
    ]);
    const none = await read(events, "userId=u1", "u1");
    await none.until("connected");
    expect((await read(events, "channels=", "u1")).response.status).toBe(200);
  });

  it("S-4, S-6: an idle stream is kept open by comments, and whoever leaves takes all of it along", async () => {
    const events = open();
    const server = await serveEvents(events);
    const leaving = new AbortController();
    const response = await fetch(`${server.url}/?channels=a`, { headers: { "x-user": "u1" }, signal: leaving.signal });
    const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const wait = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
    };
    await wait("position");
    // Every 15 s at most: twice as often as was promised.
    await wait(": heartbeat\n\n");
    leaving.abort();
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
  });

  it("S-6, B-40: who has left before the answer is not kept", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const events = open({
      async identify(asked) {
        await held;
        return sessionOf(asked);
      },
    });
    const leaving = new AbortController();
    const answer = events.GET(request("channels=a", "u1", { signal: leaving.signal }));
    leaving.abort();
    release();
    await (await answer).body?.cancel().catch(() => {});
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
  });

  it("S-5: headers that no proxy holds back", async () => {
    const server = await serveEvents(open());
    const leaving = new AbortController();
    const { headers } = await fetch(server.url, { headers: { "x-user": "u1" }, signal: leaving.signal });
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      connection: "keep-alive",
      "x-accel-buffering": "no",
    });
    leaving.abort();
  });

  it("S-8: an event without a type gets the second part of where it goes, and its own type wins", async () => {
    const events = open();
    const stream = await read(events, "channels=booking:7", "u1");
    await stream.until("position");
    const bare = (fields: object): RealtimeEvent => fields as RealtimeEvent;
    await events.publishToChannel("booking:7", bare({ n: 1 }));
    await events.publishToUser("u1", bare({ n: 2 }));
    await events.broadcast(bare({ n: 3 }));
    await events.publishToUser("u1", bare({ type: undefined, n: 3.5 }));
    await events.publishToChannel("booking:7", { n: 4, type: "own" });
    await stream.until('"n":4');
    expect(stream.events()).toEqual([
      { type: "booking", n: 1 },
      { type: "u1", n: 2 },
      { type: "global", n: 3 },
      { type: "u1", n: 3.5 },
      { type: "own", n: 4 },
    ]);
    const other = await read(events, "", "auth0|1");
    await other.until("position");
    await events.publishToUser("auth0|1", bare({ n: 5 }));
    await other.until("event: message\n");
  });

  it("B-40: a plain EventSource resumes where it was cut off, and is shown a notice once", async () => {
    const events = open();
    const server = await serveEvents(events);
    const heard: number[] = [];
    let opened = 0;
    const source = new EventSource(`${server.url}/?userId=u1&channels=a,b`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, "x-user": "u1" } }),
    });
    onTestFinished(() => source.close());
    source.addEventListener("connected", () => opened++);
    source.addEventListener("t", ({ data }) => heard.push((JSON.parse(data as string) as { n: number }).n));
    const everywhere = (n: number): Promise<unknown> => {
      const event = { type: "t", n };
      return Promise.all([
        events.publishToUser("u1", event),
        events.publishToChannel("a", event),
        events.publishToChannel("b", event),
      ]);
    };
    await vi.waitFor(() => expect(opened).toBe(1));
    await everywhere(1);
    await vi.waitFor(() => expect(heard).toEqual([1]));
    // Until the position behind them has come, too.
    await events.publishToUser("u1", { type: "t", n: 2 });
    await vi.waitFor(() => expect(heard).toEqual([1, 2]));
    server.cut();
    await everywhere(3);
    await events.publishToUser("u1", { type: "t", n: 4 });
    await vi.waitFor(() => expect(heard.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]));
    expect(opened).toBe(2);
  });

  it("B-40: a line break in a type or a name forges nothing", async () => {
    const events = open();
    const stream = await read(events, "channels=a", "u1");
    await stream.until("position");
    for (const type of ["a\nevent: forged", "a\r\ndata: 1", "", "a b", "ü", "x".repeat(65)])
      await expect(events.publishToChannel("a", { type }), JSON.stringify(type)).rejects.toMatchObject({ code: "bad_event" });
    for (const channel of ["a\nb", " a", "{a}", "x".repeat(121)]) {
      await expect(events.publishToChannel(channel, { type: "t" })).rejects.toMatchObject({ code: "bad_channel" });
      const asked = events.GET(request(`channels=${encodeURIComponent(channel)}`, "u1"));
      expect(await refusal(await asked)).toEqual([400, "bad_channel"]);
    }
    for (const channel of ["a,b", "", undefined as unknown as string])
      await expect(events.publishToChannel(channel, { type: "t" })).rejects.toMatchObject({ code: "bad_channel" });
    await events.publishToChannel("a", { type: "t", text: "x\n\nevent: forged\ndata: {}\n\n" });
    await stream.until("forged");
    expect(stream.events()).toEqual([{ type: "t", text: "x\n\nevent: forged\ndata: {}\n\n" }]);
  });
});

describe("who may read", () => {
  it("B-36: the user comes from the session; a forged or repeated `userId` gets 403, and nobody 401", async () => {
    const events = open();
    expect(await refusal(await events.GET(request("userId=u2", "u1")))).toEqual([403, "forbidden"]);
    expect(await refusal(await events.GET(request("userId=u1&userId=u2", "u1")))).toEqual([403, "forbidden"]);
    expect(await refusal(await events.GET(request("userId=", "u1")))).toEqual([403, "forbidden"]);
    expect(await refusal(await events.GET(request("userId=u1")))).toEqual([401, "unauthorized"]);
    expect(await refusal(await events.GET(request("channel=user&v=1&userId=u2", "u1")))).toEqual([403, "forbidden"]);
    for (const log of ["user:u2", "user:u1", "!control", "default", "channel:", "global"])
      expect(await refusal(await events.GET(request(`channel=${encodeURIComponent(log)}&v=1`, "u1"))), log).toEqual([
        400,
        "bad_channel",
      ]);
    expect(await refusal(await events.GET(request("v=1", "u1")))).toEqual([400, "bad_channel"]);
    expect(await refusal(await events.GET(request("channel=a", "u1")))).toEqual([400, "bad_parameter"]);
    expect(await refusal(await events.GET(request("", "u1", { method: "POST" })))).toEqual([405, "method_not_allowed"]);
    expect(await refusal(await events.GET(request(`x=${"x".repeat(9_000)}`, "u1")))).toEqual([414, "url_too_long"]);
  });

  it("B-36: `identify` sees the request as it came, and can answer with an object, a Response or nothing", async () => {
    const original = request("userId=u1", "u1");
    const seen: unknown[] = [];
    const events = open({
      identify(asked) {
        seen.push(asked);
        const user = sessionOf(asked);
        return user === "banned" ? new Response("Begone", { status: 418 }) : { userId: user };
      },
      authorize: (user, channel, asked) => {
        seen.push(asked);
        return channel === user;
      },
    });
    const stream = await read(events, "channels=u1,u2", "u1");
    await stream.until('{"code":"forbidden","channel":"channel:u2","retry":false}');
    await (await events.GET(original)).body?.cancel();
    expect(seen).toContain(original);
    const answer = await events.GET(request("", "banned"));
    expect([answer.status, await answer.text()]).toEqual([418, "Begone"]);
    expect((await events.GET(request(""))).status).toBe(401);
  });

  it("B-36: an `EventSource` that comes back after its user has left is refused as if it were new", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => error.mockRestore());
    const events = open({
      identify(asked) {
        const user = sessionOf(asked);
        if (user === "broken") throw new Error("the database of sessions is away");
        return user === "banned" ? new Response("Begone", { status: 418 }) : user;
      },
    });
    const comeBack = (query: string, user?: string): Promise<Response> =>
      events.GET(request(query, user, { headers: { "last-event-id": "1-0,1-0,1-0" } }));
    expect(await refusal(await comeBack("channels=a"))).toEqual([401, "unauthorized"]);
    expect((await comeBack("channels=a", "banned")).status).toBe(418);
    expect(await refusal(await comeBack("channels=a&userId=u2", "u1"))).toEqual([403, "forbidden"]);
    expect(await refusal(await comeBack("channels={}", "u1"))).toEqual([400, "bad_channel"]);
    expect(await refusal(await comeBack("channels=a", "broken"))).toEqual([500, "internal"]);
    expect(error.mock.calls.flat().join(" ")).toContain("the database of sessions is away");
  });

  it("`identify` that gives no answer refuses the request in time, for any origin, and is said once", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => error.mockRestore());
    let hangs = true;
    const events = open({
      identify: (asked) => (hangs ? new Promise<never>(() => {}) : sessionOf(asked)),
      cors: { origin: "https://app.example" },
      limits: { decideSecs: 0.05 },
    });
    const ask = (query: string): Promise<Response> =>
      events.GET(request(query, "u1", { headers: { origin: "https://app.example", "last-event-id": "1-0,1-0,1-0" } }));
    for (const response of await Promise.all([ask("channels=a"), ask("channels=a"), ask("v=1&channel=user")])) {
      expect([response.headers.get("retry-after"), response.headers.get("access-control-allow-origin")]).toEqual([
        "10",
        "https://app.example",
      ]);
      expect(await refusal(response)).toEqual([504, "undecided"]);
    }
    expect(error.mock.calls.map(String)).toEqual([expect.stringContaining("`identify` gave no answer within 0.05 s")]);
    hangs = false;
    expect(await refusal(await ask("userId=u2"))).toEqual([403, "forbidden"]);
    hangs = true;
    expect(await refusal(await ask(""))).toEqual([504, "undecided"]);
    expect(error, "it answered in between").toHaveBeenCalledTimes(2);
  });

  it("a server that drains or is closed asks nobody, and sends each reader to another one", async () => {
    const identify = vi.fn<typeof sessionOf>(sessionOf);
    const events = open({ identify });
    const stream = await read(events, "channels=a", "u1");
    await stream.until("position");
    const asked = identify.mock.calls.length;
    const drained = events.realtime.drain({ graceSecs: 0.05 });
    for (const ended of [Promise.resolve(), drained]) {
      await ended;
      expect(await refusal(await events.GET(request("v=1&channel=user,channel:a", "u1")))).toEqual([503, "closing"]);
      const plain = await events.GET(request("channels=a", "u1", { headers: { "last-event-id": "1-0,1-0,1-0" } }));
      expect([plain.status, plain.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      expect(await plain.text()).not.toContain("connected");
    }
    expect(identify).toHaveBeenCalledTimes(asked);
  });

  it("without `authorize` no channel may be read, which is said once in the log; the user's own events come", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const events = open({ authorize: undefined });
    const stream = await read(events, "channels=a,b", "u1");
    await stream.until("position");
    await events.publishToChannel("a", { type: "t", n: 1 });
    await events.publishToUser("u1", { type: "t", n: 2 });
    await events.broadcast({ type: "t", n: 3 });
    await stream.until('"n":3');
    expect(stream.events().map((event) => (event as { n: number }).n)).toEqual([2, 3]);
    expect(warn.mock.calls.map(String).filter((text) => text.includes("authorize"))).toHaveLength(1);
  });

  it("`identify` that fails is an error of the server, and none of its words reach the browser", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => error.mockRestore());
    for (const answer of [7, "", { userId: 7 }, { userId: "x".repeat(200) }, "\ud800"]) {
      const events = open({ identify: () => answer as string });
      const response = await events.GET(request(""));
      expect([response.status, await response.text()]).toEqual([
        500,
        expect.not.stringMatching(/identify returned|too long|surrogate/),
      ]);
    }
    const events = open({ identify: () => Promise.reject(new Error("the password is hunter2")) });
    const response = await events.GET(request(""));
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining("hunter2")]);
    expect(error.mock.calls.flat().join(" ")).toContain("hunter2");
  });

  it("a page of another origin can read each refusal, and asks beforehand", async () => {
    const events = open({ cors: { origin: "https://app.example", credentials: true } });
    const headers = { origin: "https://app.example" };
    const allowed = async (query: string, user?: string, init: RequestInit = {}): Promise<unknown> => {
      const response = await events.GET(request(query, user, { headers, ...init }));
      await response.body?.cancel();
      return [response.status, response.headers.get("access-control-allow-origin")];
    };
    expect(await allowed("", "u1")).toEqual([200, "https://app.example"]);
    expect(await allowed("userId=u2", "u1")).toEqual([403, "https://app.example"]);
    expect(await allowed("")).toEqual([401, "https://app.example"]);
    expect(await allowed("channels={}", "u1")).toEqual([400, "https://app.example"]);
    const preflight = { method: "OPTIONS", headers: { ...headers, "access-control-request-method": "GET" } };
    expect(await allowed("", undefined, preflight)).toEqual([204, "https://app.example"]);
  });

  it("`disconnect` ends a user's streams, limits hold, and a right that is lost ends what it let in", async () => {
    let may = true;
    const events = open({ authorize: () => may, revalidateSecs: 0.2, limits: { maxStreamsPerUser: 1, maxChannels: 4 } });
    expect(await refusal(await events.GET(request("channels=a,b,c", "u1")))).toEqual([400, "too_many_channels"]);
    const first = await read(events, "channels=a", "auth0|1");
    await first.until("position");
    may = false;
    await first.until('{"code":"forbidden","channel":"channel:a","retry":false}');
    await first.close();
    may = true;
    const second = await read(events, "", "auth0|1");
    await second.until("position");
    expect(await events.realtime.disconnect({ user: "auth0|1" })).toBe(1);
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
  });

  it("a session that becomes another one ends the stream", async () => {
    let user = "u1";
    const events = open({ identify: () => user, revalidateSecs: 0.2 });
    const stream = await read(events, "", "");
    await stream.until("position");
    user = "u2";
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
    await events.publishToUser("u2", { type: "t" });
    expect(stream.events()).toEqual([]);
  });
});

describe("the same route, as our own client asks", () => {
  it("the user's log goes by the name of `user`, in streams and pages, and its data is byte for byte as it was", async () => {
    const events = open();
    const tricky = {
      type: "t",
      text: '{"type":"event","channel":"user:u1","data":1}\ndata: {"channel":"user:u1"',
      channel: "user:u1",
    };
    await events.publishToUser("u1", tricky);
    const { frames, at } = await page(events, "channel=user,channel:global&at=-,-", "u1");
    expect(frames.map(({ type, channel }) => [type, channel])).toEqual([
      ["connected", "user"],
      ["event", "user"],
      ["connected", "channel:global"],
    ]);
    expect(frames[1]).toMatchObject({ data: { event: tricky } });
    const stream = await read(events, `v=1&channel=user&at=-`, "u1");
    await stream.until('event: connected\ndata: {"channel":"user",');
    await stream.until(`"channel":"user","event":"t","data":{"id":`);
    await stream.until(JSON.stringify(tricky));
    const next = await page(events, `channel=user,channel:global&at=${at}`, "u1");
    expect(next.frames.filter(({ type }) => type === "event")).toEqual([]);
  });

  it("a position of one user's log, asked about another's, leads to a gap or to events, never to silence", async () => {
    const events = open();
    const cursorOf = async (user: string): Promise<string> => (await page(events, "channel=user&at=-", user)).at;
    await events.publishToUser("old", { type: "t", n: 1 });
    // Two logs can have the same id only in the same millisecond.
    const published = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(published));
    await events.publishToUser("guest", { type: "t", n: 2 });
    const at = await cursorOf("guest");
    const told = async (user: string): Promise<unknown[]> =>
      (await page(events, `channel=user&at=${at}`, user)).frames.map(({ type, reason, data }) =>
        type === "event" ? (data as { event: { n: number } }).event.n : (reason ?? type),
      );
    // Who never had an event, who had one before, and who got one since.
    expect(await told("new")).toEqual(["connected", "reset"]);
    expect(await told("old")).toEqual(["connected", "reset"]);
    await events.publishToUser("old", { type: "t", n: 3 });
    expect(await told("old")).toEqual(["connected", "reset"]);
    const empty = await cursorOf("nobody-yet");
    await events.publishToUser("late", { type: "t", n: 4 });
    const late = (await page(events, `channel=user&at=${empty}`, "late")).frames;
    expect(late.map(({ type }) => type)).toContain("event");
  });
});

describe("publishing", () => {
  it("S-15, S-16, S-17, S-18: a booking's guest, host and channel hear of it, each reader once; a broadcast is for everybody", async () => {
    const events = open();
    const readers = await Promise.all(["guest", "host", "stranger"].map((user) => read(events, "channels=booking:7", user)));
    const outsider = await read(events, "", "outsider");
    for (const reader of [...readers, outsider]) await reader.until("position");
    const event = { type: "booking_update", bookingId: "7", status: "confirmed", timestamp: new Date().toISOString() };
    await Promise.all([
      events.publishToUser("guest", event),
      events.publishToUser("host", event),
      events.publishToChannel("booking:7", event),
    ]);
    await events.broadcast({ type: "notification", text: "to all" });
    for (const reader of [...readers, outsider]) await reader.until("to all");
    for (const reader of readers) expect(reader.events("booking_update")).toEqual([event]);
    expect(outsider.events()).toEqual([{ type: "notification", text: "to all" }]);
  });

  it("S-19: a step that runs again with the same id publishes once", async () => {
    const events = open();
    const stream = await read(events, "channels=booking:7", "guest");
    await stream.until("position");
    // As the body of an Inngest step, which is tried again when its answer was lost.
    const notify = async (status: string): Promise<void> => {
      const event = { type: "booking_update", bookingId: "7", status };
      const id = `booking:7:${status}`;
      await events.publishToUser("guest", event, { id });
      await events.publishToUser("host", event, { id });
      await events.publishToChannel("booking:7", event, { id });
    };
    await notify("confirmed");
    await notify("confirmed");
    await notify("paid");
    await stream.until('"paid"');
    expect(stream.events().map((event) => (event as { status: string }).status)).toEqual(["confirmed", "paid"]);
    expect(await events.realtime.channel("user:host").history()).toHaveLength(2);
  });

  it("an id that is published again, when the log no longer knows it, is shown again to who is still there", async () => {
    const events = open();
    const stream = await read(events, "channels=a,b", "u1");
    await stream.until("position");
    // As `createEvents` stores it; without an id of the emit, as it is five minutes later.
    const store = (channel: string, n: number): Promise<unknown> =>
      events.realtime.channel(`channel:${channel}`).emit("t", { id: "same", event: { type: "t", n } });
    for (const n of [1, 2]) for (const channel of ["a", "b"]) await store(channel, n);
    await events.publishToUser("u1", { type: "t", n: 3 });
    await stream.until('"n":3');
    expect(stream.events().map((event) => (event as { n: number }).n)).toEqual([1, 2, 3]);
  });

  it("one object in one turn is one notice; to the same place, or later, it is another", async () => {
    const events = open();
    const stream = await read(events, "channels=a,b", "u1");
    await stream.until("position");
    const tick = { type: "tick" };
    await Promise.all([events.publishToChannel("a", tick), events.publishToChannel("b", tick)]);
    await vi.waitFor(() => expect(stream.events("tick")).toHaveLength(1));
    await events.publishToChannel("a", tick);
    await vi.waitFor(() => expect(stream.events("tick")).toHaveLength(2));
    await Promise.all([events.publishToChannel("a", tick), events.publishToChannel("a", tick)]);
    await vi.waitFor(() => expect(stream.events("tick")).toHaveLength(4));
    const tock = { type: "tock" };
    await events.publishToChannel("a", tock);
    await events.publishToChannel("b", tock);
    await vi.waitFor(() => expect(stream.events("tock")).toHaveLength(2));
  });

  it("an object that was changed between two publishes of one turn is two notices", async () => {
    const events = open();
    const stream = await read(events, "channels=a,b", "u1");
    await stream.until("position");
    const event = { type: "t", order: { status: "confirmed" } };
    const confirmed = events.publishToChannel("a", event);
    event.order.status = "paid";
    await Promise.all([confirmed, events.publishToChannel("b", event), events.publishToUser("u1", event)]);
    await events.publishToUser("u1", { type: "end" });
    await stream.until("end");
    expect(stream.events("t")).toEqual([
      { type: "t", order: { status: "confirmed" } },
      { type: "t", order: { status: "paid" } },
    ]);
  });

  it("what is no event, and names that a stream has for itself, are refused in words that help", async () => {
    const events = open();
    const publish = (event: unknown): Promise<void> => events.publishToUser("u1", event as RealtimeEvent);
    for (const event of [null, undefined, "text", 7, [], { type: 7 }, { type: null }, { type: "connected" }, { type: "error" }])
      await expect(publish(event), JSON.stringify(event)).rejects.toMatchObject({ code: "bad_event" });
    await expect(publish({ type: "error" })).rejects.toThrow(/EventSource would take it for something else/);
    await expect(publish({ type: "t", n: 1n })).rejects.toMatchObject({ code: "payload_not_json" });
    await expect(events.publishToUser("", { type: "t" })).rejects.toMatchObject({ code: "bad_channel" });
    await expect(events.publishToUser("x".repeat(124), { type: "t" })).rejects.toThrow(/too long.*a hash of this one/);
    await expect(events.publishToUser("u1", { type: "t" }, { id: "" })).rejects.toMatchObject({ code: "bad_option" });
    await expect(events.publishToUser("u1", { type: "t" }, { idd: "1" } as object)).rejects.toThrow("Did you mean `id`?");
  });

  it("a user's id can be any text, and no two have the same log", async () => {
    const events = open();
    const ids = [
      "auth0|123",
      "ada@example.com",
      "a b",
      "ü",
      "😀",
      "a,b",
      "~7c",
      "|",
      "channel:global",
      "user:u1",
      "../x",
      "%2C",
      "1\n2",
    ];
    expect(new Set(ids.map(logOfUser)).size).toBe(ids.length);
    for (const [n, id] of ids.entries()) {
      const named = `userId=${encodeURIComponent(id)}`;
      const stream = await events.GET(new Request(`http://localhost/?${named}`));
      expect(stream.status).toBe(401);
      const own = createEvents({ realtime: events.realtime, identify: () => id });
      const reader = await read(own, named, "");
      await reader.until("position");
      await events.publishToUser(id, { type: "t", n });
      await reader.until(`"n":${n}`);
      await reader.close();
      expect(reader.events()).toEqual([{ type: "t", n }]);
    }
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 2 }),
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 2 }),
        (a, b) => {
          fc.pre(a !== b);
          expect(logOfUser(a)).not.toBe(logOfUser(b));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("where the events are kept", () => {
  it("S-9, B-37: `KV_REST_API_URL` and `KV_REST_API_TOKEN` name a Redis over REST, whose subscriptions are real", async () => {
    await using front = await startUpstashFront(redis.port);
    vi.stubEnv("KV_REST_API_URL", `${front.url}/`);
    vi.stubEnv("KV_REST_API_TOKEN", front.token);
    onTestFinished(() => void vi.unstubAllEnvs());
    // An empty `REDIS_URL` is none.
    const events = createEvents({ redis: "", identify: sessionOf, authorize: () => true });
    onTestFinished(() => events.realtime.close());
    const stream = await read(events, "channels=a,b", "u1");
    await stream.until("position");
    for (const [n, channel] of ["a", "b"].entries()) await events.publishToChannel(channel, { type: "t", n });
    await events.publishToUser("u1", { type: "t", n: 2 });
    await vi.waitFor(() => expect(stream.events().map((event) => (event as { n: number }).n)).toEqual([0, 1, 2]));
    expect(front.requests.some(({ commands }) => commands.flat().some((word) => word.includes("tidings:events:user:u1")))).toBe(
      true,
    );
    await stream.close();
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
  });

  it("without a Redis they are in memory; a `realtime` of one's own is used as it is", async () => {
    const realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: "own" });
    const events = open({ realtime });
    expect(events.realtime).toBe(realtime);
    await events.publishToUser("u1", { type: "t", n: 1 });
    expect(await realtime.channel("user:u1").history()).toMatchObject([{ event: "t", data: { event: { type: "t", n: 1 } } }]);
    const alone = createEvents({ identify: sessionOf });
    onTestFinished(() => alone.realtime.close());
    await alone.publishToUser("u1", { type: "t" });
    expect(await alone.realtime.channel("user:u1").history()).toHaveLength(1);
  });

  it("options that cannot be meant are refused", () => {
    const realtime = new Realtime({ redis: { driver: "memory" } });
    onTestFinished(() => realtime.close());
    for (const [options, text] of [
      [undefined, "needs `identify"],
      [{}, "needs `identify"],
      [{ identify: sessionOf, realtime, redis: redis.url }, "got both `realtime` and `redis`"],
      [{ identify: sessionOf, realtime, keyPrefix: "x" }, "got both `realtime` and `keyPrefix`"],
      [{ identify: sessionOf, authorise: () => true }, "Did you mean `authorize`?"],
      [{ identify: sessionOf, authorize: true }, "`authorize` of `createEvents` is a function"],
      [{ identify: sessionOf, redis: { driver: "upstash", url: "https://x" } }, "`redis.token` takes a string"],
      [{ identify: sessionOf, redis: { driver: "upstash", token: "t" } }, "`redis.url` takes"],
      [{ identify: sessionOf, redis: { driver: "upstash", url: "https://x", token: "t", tokn: "" } }, "`tokn` is no option"],
    ] as const) {
      expect(() => createEvents(options as never), text).toThrow(text);
    }
  });
});

describe("whatever a query says", () => {
  it("B-36, B-40: it is never a 500, and never another user's log", async () => {
    const events = createEvents({
      redis: { driver: "memory" },
      keyPrefix: "fuzz",
      identify: sessionOf,
      authorize: (_, channel) => !channel.startsWith("no"),
    });
    onTestFinished(() => events.realtime.close());
    for (const user of ["me", "you", "u1"]) await events.publishToUser(user, { type: "t", secret: `of ${user}` });
    await events.publishToChannel("no", { type: "t", secret: "of nobody" });
    const piece = fc.oneof(
      fc.constantFrom(
        "me",
        "you",
        "u1",
        "user",
        "user:you",
        "user:me",
        "channel:a",
        "channel:no",
        "channel:user:you",
        "global",
        "no",
        "!control",
        "..",
        "-",
        "-5",
        "0-0",
        ",",
        "1-1,1-1,1-1",
        "~",
        "%",
        "\n",
        "\0",
        "{}",
        "1",
        "99999999999999999999-1",
      ),
      fc.string({ unit: "binary", maxLength: 20 }),
    );
    const name = fc.constantFrom(
      "userId",
      "channels",
      "channel",
      "lastEventId",
      "v",
      "at",
      "wait",
      "last_ack_user",
      "last_ack_user:you",
      "x",
      "Channels",
      "user",
    );
    const queries = fc.array(
      fc.tuple(
        name,
        fc.array(piece, { maxLength: 4 }).map((parts) => parts.join(",")),
      ),
      { maxLength: 5 },
    );
    const visits = fc.record({
      query: queries,
      raw: fc.boolean(),
      session: fc.constantFrom("me", "me", undefined),
      json: fc.boolean(),
      lastEventId: fc.option(fc.constantFrom("-,-,-", "0-0", "-,-", "-", "x", "you")),
    });
    await fc.assert(
      fc.asyncProperty(visits, async ({ query, raw, session, json, lastEventId }) => {
        const text = raw ? query.map(([key, value]) => `${key}=${value}`).join("&") : String(new URLSearchParams(query));
        const headers = {
          ...(json && { accept: "application/json" }),
          ...(lastEventId !== null && { "last-event-id": lastEventId }),
        };
        const leaving = new AbortController();
        const visit = request(text.replaceAll("wait=", "w="), session, { headers, signal: leaving.signal });
        const response = await events.GET(visit);
        const asked = readAsked(visit.url, MAX_URL_BYTES);
        let wanted = [200, 400, 403]; // a position that is none; channels of which none may be read
        if (asked instanceof Response) wanted = [asked.status];
        else if (session === undefined) wanted = [401];
        else if (asked.users.some((user) => user !== session)) wanted = [403];
        expect(wanted).toContain(response.status);
        let body = "";
        if (response.headers.get("content-type")?.startsWith("application/json")) body = await response.text();
        else {
          const reader = (response.body as ReadableStream<Uint8Array>).getReader();
          body = new TextDecoder().decode((await reader.read()).value);
          await reader.cancel();
        }
        leaving.abort();
        expect(body).not.toMatch(/of you|of u1|of nobody/);
      }),
      { numRuns: 3_000 },
    );
    await vi.waitFor(() => expect(events.realtime.stats().streams).toBe(0));
  });
});

it("isTidingsError knows what publishing throws", async () => {
  const events = open();
  expect(isTidingsError(await events.publishToUser("", { type: "t" }).catch((error: unknown) => error))).toBe(true);
});
