import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { connectedFrame, eventFrame, gapFrame, problemFrame } from "../protocol/frames.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { createRealtimeClient } from "./client.ts";
import { FakeServer, type FakeStream } from "./fake-server.ts";
import type { ClientMessage, ClientSubscribeOptions, RealtimeClientOptions } from "./options.ts";
// Loaded by now, so that they take no time when a client asks for them.
import "./explain.ts";
import "./transports/long-polling.ts";

const warned = vi.spyOn(console, "warn");
const erred = vi.spyOn(console, "error");

beforeEach(() => {
  warned.mockReset().mockReturnValue();
  erred.mockReset().mockReturnValue();
});
afterEach(() => vi.unstubAllGlobals());

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const id = (n: number): RealtimeCursor => `${n}-0` as RealtimeCursor;

interface Heard {
  readonly messages: ClientMessage[];
  readonly gaps: Gap[];
  readonly cursors: Map<string, RealtimeCursor>;
  readonly stop: () => void;
}

/** A client, its server, and a clock that stands still. */
function setUp(options: RealtimeClientOptions = {}) {
  const clock = fakeClock();
  const server = new FakeServer();
  const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock, ...options });
  const tick = async (ms = 25): Promise<void> => {
    await settle();
    await clock.advance(ms);
    await settle();
  };
  /** Everything that the server has to say arrives. */
  const flush = async (): Promise<void> => {
    await settle();
    server.flush();
    await settle();
  };
  const append = (channel: string, ...numbers: number[]): void => {
    for (const n of numbers) server.log(channel).append(id(n), "x.y");
  };
  const hear = (more: ClientSubscribeOptions = {}): Heard => {
    const messages: ClientMessage[] = [];
    const gaps: Gap[] = [];
    const cursors = more.cursors ?? new Map<string, RealtimeCursor>();
    const stop = client.subscribe({
      channels: ["a"],
      onGap: (gap) => gaps.push(gap),
      ...more,
      cursors,
      onData(message) {
        messages.push(message);
        return more.onData?.(message);
      },
    });
    return { messages, gaps, cursors, stop };
  };
  /** Subscribes and waits until it is connected. */
  const join = async (more: ClientSubscribeOptions = {}): Promise<Heard> => {
    const heard = hear(more);
    await tick();
    await flush();
    return heard;
  };
  return { clock, server, client, tick, flush, append, hear, join };
}

const idsOf = ({ messages }: Heard): string[] => messages.map((message) => message.id);
const atOf = (server: FakeServer): string | null => server.stream.url.searchParams.get("at");

describe("requests", () => {
  it("nothing is requested before the first subscription, nor for channels without a name (F-60)", async () => {
    const { server, client, tick } = setUp();
    await tick(1_000);
    const stop = client.subscribe({ channels: [undefined, ""] });
    await tick(1_000);
    expect(server.requests).toBe(0);
    expect(client.getStatus()).toBe("disconnected");
    stop();
  });

  it("F-72 and U-36: subscriptions of one moment are one request, and equal ones change nothing", async () => {
    const { server, hear, tick, flush } = setUp();
    hear({ channels: ["b", "a"] });
    await tick(24);
    hear({ channels: ["a", "c"] });
    expect(server.requests).toBe(0);
    await tick(1);
    await flush();
    expect(server.stream.channels).toEqual(["a", "b", "c"]);
    const { stop } = hear({ channels: ["c", "b"] });
    stop();
    await tick(1_000);
    expect(server.requests).toBe(1);
  });

  it.each([
    ["http://fake.test/events", "http://fake.test/events?channel=a%2Cb%2B%3A%40%2F%3D&v=1&at=,"],
    ["http://fake.test/events?x=y%20z", "http://fake.test/events?x=y%20z&channel=a%2Cb%2B%3A%40%2F%3D&v=1&at=,"],
    [undefined, "/api/realtime?channel=a%2Cb%2B%3A%40%2F%3D&v=1&at=,"],
  ])("B-9: the url %s is asked with its query as %s", async (url, asked) => {
    const requests: unknown[] = [];
    const fetch = async (input: unknown): Promise<Response> => {
      requests.push(input);
      return new Response(null, { status: 503 });
    };
    const { hear, tick } = setUp({ api: { url, withCredentials: true }, fetch });
    hear({ channels: ["a", "b+:@/="] });
    await tick();
    expect(requests).toEqual([asked]);
  });

  it("F-41: headers are asked for anew before each request, and may take their time", async () => {
    let token = 0;
    const headers = async (): Promise<HeadersInit> => {
      await settle();
      return { authorization: `Bearer ${++token}`, accept: "text/html" };
    };
    const { server, join, tick, flush } = setUp({ api: { url: "http://fake.test/", headers } });
    await join();
    await flush();
    server.stream.cut();
    await tick(500);
    await tick(0);
    expect(server.streams.map((stream) => stream.headers.get("authorization"))).toEqual(["Bearer 1", "Bearer 2"]);
    expect(server.stream.headers.get("accept")).toBe("text/event-stream");
  });

  it("headers that cannot be had are an attempt that failed", async () => {
    let works = false;
    const headers = (): HeadersInit => {
      if (works) return { "x-a": "b" };
      throw new Error("no token yet");
    };
    const { server, hear, tick, flush, client } = setUp({ api: { url: "http://fake.test/", headers } });
    hear();
    await tick();
    expect(client.getStatus()).toBe("disconnected");
    works = true;
    await tick(500);
    await flush();
    expect(server.requests).toBe(1);
    expect(client.getStatus()).toBe("connected");
  });

  it("B-11: every cursor of a request is one that the server has issued", async () => {
    const { server, join, tick, append } = setUp();
    append("a", 5);
    await join();
    expect(atOf(server)).toBe("");
    server.stream.cut();
    await tick(500);
    expect(atOf(server)).toBe(id(5));
  });

  it("a name that no channel can have is left out, and disturbs no other", async () => {
    const { server, join } = setUp();
    await join({ channels: ["a", "no name", "{b}"] });
    expect(server.stream.channels).toEqual(["a"]);
    expect(warned).toHaveBeenCalledTimes(2);
  });

  it("U-28: `after` that cannot be meant is refused", () => {
    const { client } = setUp();
    const subscribe = (more: ClientSubscribeOptions) => () => client.subscribe({ channels: ["a"], ...more });
    expect(subscribe({ after: "yesterday" })).toThrow(TypeError);
    expect(subscribe({ after: id(1), history: true })).toThrow(TypeError);
    expect(subscribe({ after: id(1), channels: ["a", "b"] })).toThrow(TypeError);
    expect(subscribe({ after: { a: id(1), b: "no" }, channels: ["a", "b"] })).toThrow(TypeError);
    expect(client.getStatus()).toBe("disconnected");
  });
});

describe("cursors", () => {
  it("B-2: a stream that breaks between `connected` and the replay is asked for the replay again", async () => {
    const { server, join, tick, flush, append } = setUp();
    append("a", 1);
    const heard = await join();
    server.stream.cut();
    append("a", 2, 3);
    await tick(500);
    server.stream.pump();
    server.stream.deliver();
    await settle();
    server.stream.cut();
    await tick(1_000);
    expect(atOf(server)).toBe(id(1));
    await flush();
    expect(heard.messages).toMatchObject([
      { id: id(2), replayed: true },
      { id: id(3), replayed: true },
    ]);
  });

  it("B-3: on an empty channel the cursor is the origin, so nothing emitted meanwhile is lost", async () => {
    const { server, join, tick, flush, append } = setUp();
    const heard = await join();
    server.stream.cut();
    append("a", 1, 2);
    await tick(500);
    expect(atOf(server)).toBe("0-0");
    await flush();
    expect(idsOf(heard)).toEqual([id(1), id(2)]);
  });

  it("F-24: a stream that breaks within a frame goes on after the last whole one, on every channel", async () => {
    const { server, join, tick, flush, append } = setUp();
    const heard = await join({ channels: ["a", "b"] });
    append("a", 1, 2);
    append("b", 3);
    server.stream.pump();
    server.stream.deliver(server.stream.waiting - 5);
    await settle();
    server.stream.end();
    await tick(500);
    expect(atOf(server)).toBe(`${id(2)},0-0`);
    await flush();
    expect(idsOf(heard)).toEqual([id(1), id(2), id(3)]);
  });

  it("B-8: a listener that comes with history, or leaves, repeats nothing to another", async () => {
    const { server, join, append, flush, tick } = setUp();
    append("a", 1, 2);
    const first = await join();
    append("a", 3);
    await flush();
    const second = await join({ history: true });
    await flush();
    second.stop();
    await tick(1_000);
    append("a", 4);
    await flush();
    expect(idsOf(first)).toEqual([id(3), id(4)]);
    expect(second.messages).toMatchObject([1, 2, 3].map((n) => ({ id: id(n), replayed: true })));
    expect(server.mostOpen).toBe(2);
    expect(server.open).toHaveLength(1);
  });

  it("F-59: a subscription that pauses goes on where it stood, by its cursors", async () => {
    const { server, join, append, flush, tick } = setUp();
    const other = await join();
    const { cursors, stop } = await join();
    append("a", 1);
    await flush();
    stop();
    append("a", 2, 3);
    await flush();
    await tick(1_000);
    expect(server.requests).toBe(1);
    const resumed = await join({ cursors });
    await flush();
    append("a", 4);
    await flush();
    expect(idsOf(resumed)).toEqual([id(2), id(3), id(4)]);
    expect(idsOf(other)).toEqual([id(1), id(2), id(3), id(4)]);
  });

  it("U-28: `after` is exclusive, also when another listener makes the stream begin earlier", async () => {
    const { join, append, flush, hear } = setUp();
    append("a", 1, 2, 3);
    hear({ history: true });
    const heard = await join({ after: id(2) });
    const byChannel = hear({ channels: ["a", "b"], after: { a: id(1) } });
    await flush();
    await join();
    await flush();
    expect(idsOf(heard)).toEqual([id(3)]);
    expect(idsOf(byChannel)).toEqual([id(2), id(3)]);
  });

  it("a cursor from beyond the log is told, however far back others begin", async () => {
    const { join, append, flush, hear } = setUp();
    append("a", 1, 2);
    const all = hear({ history: true });
    const heard = await join({ after: id(9) });
    await flush();
    append("a", 3);
    await flush();
    expect(heard.gaps).toEqual([{ channel: "a", after: id(9), cursor: id(2), reason: "reset" }]);
    expect(idsOf(heard)).toEqual([id(3)]);
    expect(idsOf(all)).toEqual([id(1), id(2), id(3)]);
  });

  it("F-58: `events` filters, and the cursor moves all the same", async () => {
    const { server, join, flush } = setUp();
    const none = await join({ events: [] });
    const some = await join({ events: ["x.z"] });
    server.log("a").append(id(1), "x.y");
    server.log("a").append(id(2), "x.z");
    server.log("a").append(id(3), "x.y");
    await flush();
    expect(idsOf(none)).toHaveLength(3);
    expect(idsOf(some)).toEqual([id(2)]);
    expect(some.cursors.get("a")).toBe(id(3));
  });

  it("a log that begins again is told once, and starts at its own position", async () => {
    const { server, join, tick, flush, append } = setUp();
    append("a", 5, 6, 7);
    const heard = await join();
    server.stream.cut();
    server.log("a").failOver(2);
    for (let i = 0; i < 3; i++) {
      await tick(5_000);
      await flush();
      server.stream.cut();
    }
    await tick(5_000);
    await flush();
    append("a", 8);
    await flush();
    expect(heard.gaps).toEqual([{ channel: "a", after: id(7), cursor: id(5), reason: "reset" }]);
    expect(heard.messages).toMatchObject([{ id: id(8), replayed: false }]);
  });

  it.each([
    ["the stream that there is, before its successor,", false, false],
    ["a stream's successor, before it,", true, false],
    ["a stream's successor, in the same moment as it,", true, true],
  ])("a new log that is told of by %s is told once", async (_title, isSuccessorFirst, isAtOnce) => {
    const { server, join, hear, tick, flush, append } = setUp();
    append("a", 100);
    const heard = await join();
    hear({ channels: ["b"] });
    await tick();
    const [current, next] = server.streams as [FakeStream, FakeStream];
    const reset = gapFrame({ channel: "a", after: id(100), cursor: id(50), reason: "reset" });
    const news = eventFrame({ id: id(60), channel: "a", event: "x.y", json: "1" });
    const connected = connectedFrame({ channel: "a", cursor: id(100), tail: id(50), heartbeatMs: 15_000 });
    server.log("a").expire();
    append("a", 50, 60);
    const say = [() => current.say(reset + news), () => next.say(connected + reset + news)];
    for (const speak of isSuccessorFirst ? say.toReversed() : say) {
      speak();
      if (isAtOnce) continue;
      for (const stream of server.streams) stream.deliver();
      await settle();
    }
    for (const stream of [next, current]) stream.deliver();
    await settle();
    for (let i = 0; i < 3; i++) {
      await tick(5_000);
      await flush();
    }
    expect(heard.gaps).toMatchObject([{ reason: "reset" }]);
    expect(idsOf(heard)).toEqual([id(60)]);
  });

  it("I3 Order: a stream that is late does not lead back into a log that another stream has followed since", async () => {
    const { server, join, hear, tick, flush, append } = setUp();
    const heard = await join();
    const [current] = server.streams;
    append("a", 1);
    await flush();
    hear({ channels: ["b"] });
    await tick();
    const late = server.stream;
    expect(atOf(server)).toBe(`${id(1)},`);
    const event = (n: number): string => eventFrame({ id: id(n), channel: "a", event: "x.y", json: "1" });
    // The log expired, which took nothing that was not shown, and was born again: who listened is told of no gap.
    append("a", 27, 34, 36);
    current?.say([27, 34, 36].map(event).join(""));
    current?.deliver();
    await settle();
    const reset = gapFrame({ channel: "a", after: id(1), cursor: id(27), reason: "reset" });
    for (const channel of ["a", "b"]) late.say(connectedFrame({ channel, cursor: id(1), tail: id(27), heartbeatMs: 15_000 }));
    late.say(reset + event(34) + event(36));
    late.deliver();
    await settle();
    await tick(1_000);
    append("a", 37);
    await flush();
    expect(idsOf(heard)).toEqual([1, 27, 34, 36, 37].map(id));
    expect(heard.gaps).toEqual([]);
    expect(atOf(server), "asked anew").toMatch(/^36-0,/);
  });

  it("what follows a reset is new, however far the old log had come", async () => {
    const { server, join } = setUp();
    server.log("a").append(id(100), "x.y");
    const heard = await join();
    server.stream.say(gapFrame({ channel: "a", after: id(100), cursor: id(50), reason: "reset" }));
    server.stream.say(eventFrame({ id: id(60), channel: "a", event: "x.y", json: "1" }));
    server.stream.deliver();
    await settle();
    expect(heard.messages).toMatchObject([{ id: id(60), replayed: false }]);
  });

  it("I1 Position: what a server says twice, or goes back to, is shown once, also to who comes in between", async () => {
    const { server, join, hear } = setUp();
    const heard = await join();
    const say = async (...numbers: number[]): Promise<void> => {
      for (const n of numbers) server.stream.say(eventFrame({ id: id(n), channel: "a", event: "x.y", json: "1" }));
      server.stream.deliver();
      await settle();
    };
    await say(1, 2, 2, 1);
    const late = hear();
    await say(1, 2, 3);
    expect(idsOf(heard)).toEqual([id(1), id(2), id(3)]);
    expect(idsOf(late)).toEqual([id(3)]);
    expect([...heard.gaps, ...late.gaps]).toEqual([]);
  });

  it("B-26: what was trimmed meanwhile is one gap; without `onGap` it is a warning", async () => {
    const { client, server, join, tick, flush, append } = setUp();
    append("a", 1);
    const heard = await join();
    client.subscribe({ channels: ["a"] });
    server.stream.cut();
    append("a", 2, 3, 4);
    server.log("a").trim(1);
    await tick(500);
    warned.mockClear();
    await flush();
    expect(heard.gaps).toEqual([{ channel: "a", after: id(1), cursor: id(3), reason: "trimmed" }]);
    expect(idsOf(heard)).toEqual([id(4)]);
    expect(warned.mock.calls.flat()).toEqual([expect.stringMatching(/channel "a".*trimmed.*onGap/)]);
  });

  it("in production nothing is written to the console", async () => {
    vi.stubEnv("NODE_ENV", "production");
    const { client, server, tick, flush, append } = setUp();
    append("a", 1);
    client.subscribe({ channels: ["a", "no name"], after: { a: id(9) } });
    await tick();
    await flush();
    server.stream.say("data: {\n\n");
    await flush();
    server.answers.push(new Response("no", { status: 403 }));
    server.stream.cut();
    await tick(500);
    vi.unstubAllEnvs();
    expect(client.getStatus()).toBe("error");
    expect(warned).not.toHaveBeenCalled();
    expect(erred).not.toHaveBeenCalled();
  });
});

describe("history", () => {
  it.each<[ClientSubscribeOptions["history"], number[]]>([
    [true, [1, 2, 3, 4, 5]],
    [false, []],
    [{ limit: 2 }, [4, 5]],
    [{ length: 2 }, [4, 5]],
    [{ limit: 2.9 }, [4, 5]],
    [{ limit: 100 }, [1, 2, 3, 4, 5]],
    [{ limit: Infinity }, [1, 2, 3, 4, 5]],
    [{ limit: 0 }, []],
    [{ limit: -1 }, []],
    [{}, [1, 2, 3, 4, 5]],
    [{ since: 3 }, [3, 4, 5]],
    [{ length: 4, since: 4 }, [4, 5]],
  ])("U-27: %j begins with %j", async (history, numbers) => {
    const { join, append, flush } = setUp();
    append("a", 1, 2, 3, 4, 5);
    const heard = await join({ history });
    append("a", 6);
    await flush();
    expect(heard.messages).toMatchObject([
      ...numbers.map((n) => ({ id: id(n), replayed: true })),
      { id: id(6), replayed: false },
    ]);
  });

  it("B-11: `since` leaves out what was stored, and nothing that is emitted now: the page's clock may be fast", async () => {
    const { join, append, flush } = setUp();
    append("a", 1, 2);
    const heard = await join({ history: { since: 1e9 } });
    append("a", 3);
    await flush();
    expect(idsOf(heard)).toEqual([id(3)]);
  });

  it("F-29: beside a listener with a cursor, the newest two are still the newest two, at once and once", async () => {
    const { server, join, append, flush, tick, hear } = setUp();
    append("a", 1, 2);
    const first = await join();
    append("a", 3, 4);
    await flush();
    const newest = hear({ history: { limit: 2 } });
    await tick();
    expect(atOf(server)).toBe(`-~${id(4)}`);
    server.stream.pump();
    server.stream.pump(3);
    server.stream.deliver();
    await settle();
    expect(newest.messages, "held back until the rest has come").toEqual([]);
    expect(newest.cursors.has("a")).toBe(false);
    await flush();
    expect(newest.messages).toMatchObject([
      { id: id(3), replayed: true },
      { id: id(4), replayed: true },
    ]);
    append("a", 5);
    await flush();
    expect(idsOf(newest)).toEqual([id(3), id(4), id(5)]);
    expect(idsOf(first)).toEqual([id(3), id(4), id(5)]);
  });

  it("the newest that a stream held back when it broke are asked for again", async () => {
    const { server, hear, append, flush, tick } = setUp();
    append("a", 1, 2, 3, 4);
    const newest = hear({ history: { limit: 3 } });
    await tick();
    server.stream.pump();
    server.stream.pump(2);
    server.stream.deliver();
    await settle();
    server.stream.cut();
    append("a", 5);
    await tick(500);
    expect(atOf(server)).toBe("-3");
    await flush();
    expect(idsOf(newest)).toEqual([id(3), id(4), id(5)]);
  });

  it("who leaves while the newest are handed over finds the rest when it comes back", async () => {
    const { hear, join, append, flush, tick } = setUp();
    append("a", 1, 2, 3);
    const first = hear({ history: { limit: 3 }, onData: () => first.stop() });
    await tick();
    await flush();
    expect(idsOf(first)).toEqual([id(1)]);
    const again = await join({ history: { limit: 3 }, cursors: first.cursors });
    await flush();
    expect(idsOf(again)).toEqual([id(2), id(3)]);
  });

  it("what the log lost before it was read is no gap for who wants what is held", async () => {
    const { server, join, append } = setUp();
    append("a", 1, 2, 3);
    server.log("a").trim(2);
    const heard = await join({ history: true });
    expect(idsOf(heard)).toEqual([id(2), id(3)]);
    expect(heard.gaps).toEqual([]);
  });
});

describe("handlers", () => {
  it("one that throws or rejects is reported; the others and the next event are not disturbed", async () => {
    const { client, join, append, flush } = setUp();
    const error = new Error("mine");
    client.subscribe({
      channels: ["a"],
      onData() {
        throw error;
      },
      onGap() {
        throw error;
      },
    });
    client.subscribe({ channels: ["a"], onData: () => Promise.reject(error) });
    const heard = await join();
    append("a", 1, 2);
    await flush();
    expect(idsOf(heard)).toEqual([id(1), id(2)]);
    expect(erred.mock.calls).toEqual(Array.from({ length: 4 }, () => [expect.stringContaining("tidings"), error]));
  });

  it("one that unsubscribes itself or another is not followed by a call, and the cursor stays", async () => {
    const { hear, append, flush, tick } = setUp();
    const stops: Array<() => void> = [];
    const first = hear({ onData: () => stops.forEach((stop) => stop()) });
    const second = hear();
    stops.push(first.stop, second.stop);
    await tick();
    await flush();
    append("a", 1, 2);
    await flush();
    expect(idsOf(first)).toEqual([id(1)]);
    expect(idsOf(second)).toEqual([]);
    expect(second.cursors.get("a")).toBe("0-0");
    first.stop();
  });

  it("one that subscribes begins after the event that it handles", async () => {
    const { server, hear, join, append, flush, tick } = setUp();
    let late: Heard | undefined;
    await join({ onData: () => void (late ??= hear()) });
    append("a", 1);
    await flush();
    await tick(1_000);
    append("a", 2);
    await flush();
    expect(idsOf(late as Heard)).toEqual([id(2)]);
    expect(server.requests).toBe(1);
  });

  it("I3 Order: a reset that the next stream tells of an older place is not told to who has come into the new log already", async () => {
    const { server, append, join, flush, tick } = setUp();
    append("a", 1);
    const heard = await join({ history: true });
    const old = server.stream;
    old.reconnect(10);
    old.deliver();
    await tick(50);
    const next = server.stream;
    expect(next).not.toBe(old);
    // The next stream is joined when the log is gone; the old one hears of its next life without a break.
    server.log("a").expire();
    next.say(connectedFrame({ channel: "a", cursor: id(1), tail: id(0), heartbeatMs: 15_000 }));
    next.say(gapFrame({ channel: "a", after: id(1), cursor: "0-0" as RealtimeCursor, reason: "reset" }));
    append("a", 2, 3);
    const newborn = (n: number): string => eventFrame({ id: id(n), channel: "a", event: "x.y", json: "1" });
    old.say(newborn(2) + newborn(3));
    old.deliver();
    await settle();
    expect(idsOf(heard)).toEqual([1, 2, 3].map(id));
    next.say(newborn(2) + newborn(3));
    next.deliver();
    await settle();
    await tick(1_000);
    await flush();
    append("a", 4);
    await flush();
    expect(idsOf(heard)).toEqual([1, 2, 3, 4].map(id));
    expect(heard.gaps).toEqual([]);
  });

  it("the newest that were asked for are no replay when they are of a log that was born after the stream joined", async () => {
    const { server, hear, append, tick } = setUp();
    append("a", 1, 2, 3);
    const newest = hear({ history: { limit: 2 } });
    await tick();
    server.stream.pump(0);
    server.log("a").expire();
    server.stream.say(eventFrame({ id: id(5), channel: "a", event: "x.y", json: "1" }));
    server.stream.deliver();
    await settle();
    expect(newest.messages).toMatchObject([{ id: id(5), replayed: false }]);
  });

  it("one that wants what is new, and comes while another is given its history, is shown nothing of that", async () => {
    const { server, hear, append, flush, tick } = setUp();
    append("a", 1, 2, 3, 4);
    let late: Heard | undefined;
    const all = hear({ history: true, onData: () => void (late ??= hear()) });
    await tick();
    server.stream.pump();
    server.stream.pump(2);
    append("a", 5);
    await flush();
    append("a", 6);
    await flush();
    expect(idsOf(all)).toEqual([1, 2, 3, 4, 5, 6].map(id));
    expect(idsOf(late as Heard)).toEqual([5, 6].map(id));
    expect((late as Heard).gaps).toEqual([]);
    expect(server.requests).toBe(1);
  });

  it("one that destroys the client is the last that is called", async () => {
    const { client, clock, server, hear, join, append, flush } = setUp();
    const first = await join({ onData: () => client.destroy() });
    const second = hear();
    append("a", 1, 2);
    await flush();
    expect([idsOf(first), idsOf(second)]).toEqual([[id(1)], []]);
    expect(clock.pending).toBe(0);
    expect(server.open).toEqual([]);
    expect(client.getStatus()).toBe("disconnected");
  });

  it("the same function can subscribe twice, and each end is its own", async () => {
    const { client, join, append, flush } = setUp();
    const onData = vi.fn<() => void>();
    const options = { channels: ["a"], onData };
    const stop = client.subscribe(options);
    client.subscribe(options);
    await join();
    append("a", 1);
    await flush();
    expect(onData).toHaveBeenCalledTimes(2);
    stop();
    stop();
    append("a", 2);
    await flush();
    expect(onData).toHaveBeenCalledTimes(3);
  });

  it("a channel named twice is one channel", async () => {
    const { join, append, flush, server } = setUp();
    const heard = await join({ channels: ["a", "a"] });
    append("a", 1);
    await flush();
    expect(server.stream.channels).toEqual(["a"]);
    expect(idsOf(heard)).toEqual([id(1)]);
  });
});

describe("status", () => {
  it("F-74: is told at once and at each change, until unsubscribed", async () => {
    const { client, server, hear, tick, flush } = setUp();
    const statuses: string[] = [];
    const stop = client.subscribeStatus((status) => statuses.push(status));
    expect(statuses).toEqual(["disconnected"]);
    const heard = hear();
    await tick();
    await flush();
    server.stream.cut();
    await tick(500);
    await flush();
    heard.stop();
    await tick();
    expect(statuses).toEqual([
      "disconnected", "connecting", "connected", "disconnected", "connecting", "connected", "disconnected",
    ]); // prettier-ignore
    stop();
    hear();
    expect(statuses).toHaveLength(7);
    expect(client.getStatus()).toBe("connecting");
  });

  it("connected means every channel: one that is added is being connected to, and the others go on", async () => {
    const { client, server, join, hear, tick, flush, append } = setUp();
    const first = await join();
    expect(client.getStatus()).toBe("connected");
    hear({ channels: ["b"] });
    expect(client.getStatus()).toBe("connecting");
    await tick();
    append("a", 1);
    server.open[0]?.pump();
    server.open[0]?.deliver();
    await settle();
    expect(idsOf(first)).toEqual([id(1)]);
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it("a listener that changes it again leaves everyone with the newest", async () => {
    const { client, hear } = setUp();
    let heard: Heard | undefined;
    client.subscribeStatus((status) => status === "connecting" && heard?.stop());
    const last = vi.fn<(status: string) => void>();
    client.subscribeStatus(last);
    heard = hear();
    heard.stop();
    expect(last).toHaveBeenLastCalledWith("disconnected");
    await settle();
  });

  it("one that throws does not keep it from the others", async () => {
    const { client, hear } = setUp();
    client.subscribeStatus(() => {
      throw new Error("mine");
    });
    const statuses: string[] = [];
    client.subscribeStatus((status) => statuses.push(status));
    hear();
    await settle();
    expect(statuses).toEqual(["disconnected", "connecting"]);
    expect(erred).toHaveBeenCalledTimes(2);
  });
});

describe("a server that cannot or will not", () => {
  it("B-5: is asked until it can again, and then everything flows", async () => {
    const { clock, server, client, hear, tick, flush, append } = setUp();
    const answer = server.fetch;
    let isIll = true;
    const heard = hear();
    await tick();
    await flush();
    server.fetchInstead = () => (isIll ? new Response("bad gateway", { status: 502 }) : undefined);
    server.stream.cut();
    append("a", 1);
    const before = server.requests;
    for (let second = 0; second < 60; second++) await tick(1_000);
    expect(client.getStatus()).not.toBe("error");
    expect(server.requests - before, "B-10: the attempts become rare").toBeLessThan(15);
    isIll = false;
    for (let second = 0; second < 31; second++) {
      await tick(1_000);
      await flush();
    }
    expect(idsOf(heard)).toEqual([id(1)]);
    expect(clock.pending).toBe(1);
    expect(answer).toBe(server.fetch);
  });

  it("is left alone for the time that it names", async () => {
    const { server, hear, tick } = setUp();
    server.answers.push(new Response("", { status: 429, headers: { "retry-after": "40" } }));
    hear();
    await tick();
    await tick(39_900);
    expect(server.requests).toBe(1);
    await tick(1_000);
    expect(server.requests).toBe(2);
  });

  it.each(["soon", "-5", "Fri, 01 Jan 1999 00:00:00 GMT"])("a time like %s is none", async (after) => {
    const { server, hear, tick } = setUp();
    const headers = { "retry-after": after };
    server.answers.push(new Response("", { status: 503, headers }));
    hear();
    await tick();
    await tick(500);
    expect(server.requests).toBe(2);
  });

  it.each([408, 425, 429, 500, 502, 503, 504])("status %i is tried again", async (status) => {
    const { server, client, hear, tick, flush } = setUp();
    server.answers.push(new Response("", { status }));
    hear();
    await tick();
    expect(client.getStatus()).toBe("disconnected");
    await tick(500);
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it.each([204, 400, 401, 403, 404, 405, 410, 413, 414])(
    "status %i is final, until something else is wanted",
    async (status) => {
      const { server, client, hear, tick, flush } = setUp();
      server.answers.push(new Response(status === 204 ? null : '{"code":"forbidden","message":"Not you."}', { status }));
      const first = hear();
      await tick();
      expect(client.getStatus()).toBe("error");
      expect(warned.mock.calls.flat()).toEqual([expect.stringContaining(`${status}`)]);
      hear().stop();
      hear();
      await tick(600_000);
      expect(server.requests, "the same channels are not asked for again").toBe(1);
      const other = hear({ channels: ["b"] });
      await tick();
      await flush();
      expect(server.requests).toBe(2);
      expect(client.getStatus()).toBe("connected");
      other.stop();
      first.stop();
    },
  );

  it("a refusal is over when the subscription was paused", async () => {
    const { server, client, hear, tick, flush } = setUp();
    server.answers.push(new Response("", { status: 401 }));
    const first = hear();
    await tick();
    first.stop();
    expect(client.getStatus()).toBe("disconnected");
    hear();
    await tick();
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it("one more channel that is refused does not take away the stream that is open", async () => {
    const { server, client, join, hear, tick, flush, append } = setUp();
    const first = await join();
    server.answers.push(new Response("", { status: 403 }));
    const forbidden = hear({ channels: ["b"] });
    await tick();
    await flush();
    expect(client.getStatus()).toBe("error");
    append("a", 1);
    await flush();
    expect(idsOf(first)).toEqual([id(1)]);
    server.stream.reconnect(10);
    await flush();
    await tick(1_000);
    expect(server.requests, "it would be refused again").toBe(2);
    forbidden.stop();
    await tick();
    await flush();
    append("a", 2);
    await flush();
    expect(client.getStatus()).toBe("connected");
    expect(idsOf(first)).toEqual([id(1), id(2)]);
    expect(server.open).toHaveLength(1);
  });

  it("an answer that is no event stream is tried again, and said", async () => {
    const { server, client, hear, tick, flush } = setUp();
    server.answers.push(new Response("<html>back soon", { headers: { "content-type": "text/html" } }));
    hear();
    await tick();
    expect(warned.mock.calls.flat()).toEqual([expect.stringContaining("answered with text/html, not with text/event-stream")]);
    await tick(500);
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it("a relative url where there is no page is said, not swallowed", async () => {
    const { hear, tick } = setUp({ api: {}, fetch: globalThis.fetch });
    hear();
    await tick();
    expect(warned.mock.calls.flat()).toEqual([expect.stringMatching(/URL/)]);
  });

  it("maxReconnectAttempts in a row, and the status is error", async () => {
    const { server, client, hear, tick } = setUp({ maxReconnectAttempts: 2 });
    server.answers.push("break", "refuse", "break", "stream");
    hear();
    for (let second = 0; second < 60; second++) await tick(1_000);
    expect(client.getStatus()).toBe("error");
    expect(server.requests).toBe(3);
  });

  it("a channel that cannot be had is said; the rest flows", async () => {
    const { server, client, hear, tick, flush, append } = setUp();
    const heard = hear({ channels: ["a", "b"] });
    await tick();
    server.stream.say(problemFrame({ code: "forbidden", channel: "b", retry: false }));
    server.stream.deny("b");
    await flush();
    expect(client.getStatus()).toBe("connected");
    expect(warned.mock.calls.flat()).toEqual([expect.stringMatching(/"b": forbidden/)]);
    append("a", 1);
    await flush();
    await tick(600_000);
    expect(idsOf(heard)).toEqual([id(1)]);
    hear({ channels: ["b"] });
    await tick();
    expect(server.stream.channels).toEqual(["a", "b"]);
  });

  it("when no channel can be had, the status is error", async () => {
    const { server, client, hear, tick, flush } = setUp();
    hear();
    await tick();
    server.stream.deny("a");
    server.stream.say(problemFrame({ code: "channel_unavailable", channel: "a", retry: false }));
    await flush();
    expect(client.getStatus()).toBe("error");
  });

  it("a channel that may be had later is asked for later, beside the stream that is open", async () => {
    const { server, client, join, tick, flush } = setUp();
    await join({ channels: ["a", "b"] });
    server.stream.say(problemFrame({ code: "internal", channel: "b", retry: true }));
    await flush();
    await tick(9_900);
    expect(server.requests).toBe(1);
    await tick(100);
    expect(server.requests).toBe(2);
    await flush();
    expect(client.getStatus()).toBe("connected");
    expect(server.open).toHaveLength(1);
  });

  it("a frame that is none is said, and the next is taken", async () => {
    const { server, join, flush, append } = setUp();
    const heard = await join();
    server.stream.say('data: {"id":\n\ndata: null\n\nevent: later\ndata: {}\n\nevent: connected\ndata: {}\n\n');
    append("a", 1);
    await flush();
    expect(idsOf(heard)).toEqual([id(1)]);
    expect(warned).toHaveBeenCalledTimes(4);
  });

  it.each([
    ["no channel", "{}"],
    ["a channel that is no text", '{"channel":{"toString":"a"}}'],
    ["a channel of nobody's", '{"channel":"b"}'],
  ])("a frame of %s moves nothing and disturbs nobody", async (_, of) => {
    const { server, join, flush, append } = setUp();
    const heard = await join();
    const fields = {
      ...(JSON.parse(of) as object),
      id: id(7),
      cursor: id(7),
      tail: id(9),
      heartbeatMs: 1,
      event: "x.y",
      data: 1,
      code: "internal",
      reason: "reset",
    };
    for (const name of ["connected", "event", "position", "gap", "problem"])
      server.stream.say(`event: ${name}\ndata: ${JSON.stringify(fields)}\n\n`);
    append("a", 1);
    await flush();
    expect(idsOf(heard)).toEqual([id(1)]);
    expect(server.requests).toBe(1);
  });
});

describe("streams that end", () => {
  it("U-26: a change of channels opens the new stream before it closes the old one, from where each listener stands", async () => {
    const { server, join, hear, tick, flush, append } = setUp();
    const first = await join();
    append("a", 1);
    await flush();
    const second = hear({ channels: ["b"] });
    await tick();
    expect(server.open).toHaveLength(2);
    expect(atOf(server)).toBe(`${id(1)},`);
    const [old, young] = server.open;
    append("a", 2);
    old?.pump();
    old?.deliver();
    await settle();
    append("a", 3);
    young?.pump();
    young?.pump();
    young?.deliver();
    await settle();
    expect(server.open).toEqual([young]);
    append("b", 1);
    await flush();
    expect(idsOf(first)).toEqual([id(1), id(2), id(3)]);
    expect(idsOf(second)).toEqual([id(1)]);
  });

  it("a server that ends streams after a while has the next one opened first; nothing is missed or doubled", async () => {
    const { server, client, join, tick, flush, append } = setUp();
    const heard = await join();
    server.stream.reconnect(400);
    await flush();
    await tick(399);
    expect(server.requests).toBe(1);
    await tick(1);
    append("a", 1);
    expect(client.getStatus()).toBe("connected");
    await flush();
    append("a", 2);
    await flush();
    expect(idsOf(heard)).toEqual([id(1), id(2)]);
    expect(server.open).toHaveLength(1);
  });

  it("neighbours that come and go all the time keep nobody waiting, before the first stream and after it", async () => {
    const { server, hear, tick, append } = setUp();
    const main = hear({ history: true });
    let neighbour = hear({ channels: ["n0"] });
    let early = 0;
    for (let n = 1; n <= 100; n++) {
      neighbour.stop();
      neighbour = hear({ channels: [`n${n}`] });
      append("a", n);
      await tick(30);
      // Each answer takes five changes.
      if (n % 5 === 0) for (const stream of server.open) stream.pump();
      if (n % 5 === 0) for (const stream of server.open) stream.pump();
      for (const stream of server.open) stream.deliver();
      await tick(0);
      if (n === 20) early = main.messages.length;
    }
    expect(early, "events that came before the first fifth was over").toBeGreaterThan(0);
    expect(main.messages.length).toBeGreaterThan(80);
    expect(server.mostOpen).toBe(2);
    expect(main.gaps).toEqual([]);
  });

  it("a neighbour that comes and goes within the time to gather keeps nobody waiting", async () => {
    const { server, join, hear, tick, flush } = setUp();
    await join();
    hear({ channels: ["b"] });
    for (let n = 0; n < 8; n++) {
      const neighbour = hear({ channels: ["n"] });
      // oxlint-disable-next-line no-await-in-loop
      await tick(15);
      neighbour.stop();
    }
    await flush();
    expect(server.stream.channels).toContain("b");
  });

  it("a stream that is to be replaced later is replaced soon when something else is wanted", async () => {
    const { server, join, hear, tick, flush } = setUp();
    await join();
    server.stream.reconnect(60_000);
    await flush();
    hear({ channels: ["b"] });
    server.stream.reconnect(60_000);
    await flush();
    await tick(25);
    expect(server.stream.channels).toEqual(["a", "b"]);
  });

  it("a stream that hangs while something else is wanted makes room for it", async () => {
    const { server, client, hear, tick, flush } = setUp();
    server.answers.push("hang");
    hear();
    await tick();
    hear({ channels: ["b"] });
    await tick(2_999);
    expect(server.requests).toBe(1);
    await tick(1);
    await flush();
    expect(server.stream.channels).toEqual(["a", "b"]);
    expect(client.getStatus()).toBe("connected");
  });

  it("who comes with a cursor while a stream opens waits for the next, and is told of no gap", async () => {
    const { server, hear, tick, flush, append } = setUp();
    append("a", 1, 2, 3);
    hear();
    await tick();
    const late = hear({ after: id(1) });
    await flush();
    await tick();
    await flush();
    expect(idsOf(late)).toEqual([id(2), id(3)]);
    expect(late.gaps).toEqual([]);
    expect(server.requests).toBe(2);
  });

  it("who got a position while the next stream opened, which was asked for its newest, is told of no gap", async () => {
    const { server, hear, tick, flush, append } = setUp();
    append("a", 1, 2);
    const first = hear({ history: { limit: 3 } });
    await tick();
    server.stream.pump();
    server.stream.deliver();
    await settle();
    append("a", 3, 4, 5, 6, 7);
    hear({ history: { limit: 1 } });
    await tick();
    server.streams[0]?.pump(2);
    server.streams[0]?.deliver();
    await settle();
    expect(idsOf(first)).toEqual([id(1), id(2)]);
    server.streams[1]?.pump();
    server.streams[1]?.deliver();
    await settle();
    for (let i = 0; i < 3; i++) {
      await flush();
      await tick();
    }
    expect(first.gaps).toEqual([]);
    expect(idsOf(first)).toEqual([1, 2, 3, 4, 5, 6, 7].map(id));
  });

  it("a channel that may be had later, said before the stream is joined, is asked for later", async () => {
    const { server, client, hear, tick, flush } = setUp();
    hear({ channels: ["a", "b"] });
    await tick();
    server.stream.deny("a");
    server.stream.say(problemFrame({ code: "channel_unavailable", channel: "a", retry: true }));
    await flush();
    expect(client.getStatus()).toBe("connected");
    await tick(9_000);
    expect(server.requests).toBe(1);
    await tick(1_500);
    await flush();
    expect(server.requests).toBe(2);
    expect(server.open).toHaveLength(1);
  });

  it("a successor that does not open within three seconds gets the place of its predecessor", async () => {
    const { server, join, hear, tick, flush, client } = setUp();
    await join();
    server.answers.push("hang");
    hear({ channels: ["b"] });
    await tick();
    await tick(2_900);
    expect(server.open).toHaveLength(1);
    await tick(100);
    expect(server.open).toHaveLength(0);
    for (let second = 0; second < 40; second++) await tick(1_000);
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it("silence of 2.5 heartbeats is the end", async () => {
    const { server, client, join, tick } = setUp();
    await join();
    for (let second = 0; second < 37; second++) await tick(1_000);
    expect(client.getStatus()).toBe("connected");
    await tick(8_000);
    expect(server.requests).toBe(2);
  });

  it("a comment is a sign of life", async () => {
    const { server, join, flush, tick } = setUp();
    await join();
    for (let beat = 0; beat < 20; beat++) {
      await tick(15_000);
      await flush();
    }
    expect(server.requests).toBe(1);
  });

  it("a timer that comes late proves nothing: the page slept, not the server", async () => {
    const { clock, server, join, tick } = setUp();
    let slept = 0;
    const { now } = clock;
    // Each timer comes, and a minute has passed that nobody has seen.
    clock.now = () => now() + slept;
    await join();
    for (let tock = 0; tock < 20; tock++) {
      slept += 60_000;
      await tick(7_500);
    }
    expect(server.requests).toBe(1);
    // Awake again, silence counts.
    for (let tock = 0; tock < 5; tock++) await tick(7_500);
    await tick(500);
    expect(server.requests).toBe(2);
  });

  it("a token that takes its time is no server that does not answer", async () => {
    const headers = async () => {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 30_000));
      return {};
    };
    const { clock, server, client, hear, tick, flush } = setUp({ api: { url: "http://fake.test/events", headers } });
    hear();
    for (let second = 0; second < 31; second++) await tick(1_000);
    await flush();
    expect(client.getStatus()).toBe("connected");
    expect([server.requests, server.pages]).toEqual([1, 0]);
  });

  it("first bytes that no frame follows are no stream: pages are asked for", async () => {
    const { server, client, hear, tick, flush, append } = setUp();
    const heard = hear();
    await tick();
    server.stream.deliver(12);
    for (let second = 0; second < 12; second++) await tick(1_000);
    append("a", 1);
    await flush();
    expect(server.pages).toBeGreaterThan(0);
    expect(client.getStatus()).toBe("connected");
    expect(idsOf(heard)).toEqual([id(1)]);
  });

  it("a way that lets the beginning of each stream through and holds the rest is found out", async () => {
    const { server, hear, tick } = setUp();
    hear();
    for (let second = 0; second < 150; second++) {
      // oxlint-disable-next-line no-await-in-loop
      await tick(1_000);
      for (const stream of server.open) stream.pump();
      for (const stream of server.open) stream.deliver(200);
    }
    expect(server.pages).toBeGreaterThan(0);
  });

  it("a server that never answers is given up too", async () => {
    const { server, hear, tick, flush, client } = setUp();
    server.answers.push("hang");
    hear();
    for (let second = 0; second < 11; second++) await tick(1_000);
    await flush();
    expect(server.pages).toBeGreaterThan(0);
    expect(client.getStatus()).toBe("connected");
  });
});

describe("a page", () => {
  const page = (): { window: EventTarget } => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    return { window };
  };

  it.each(["online", "visibilitychange", "resume"])("B-5: %s makes the next attempt come within a second", async (name) => {
    const { window } = page();
    const { server, hear, tick } = setUp();
    server.answers.push(...Array.from({ length: 8 }, () => "break" as const));
    hear();
    for (let second = 0; second < 30; second++) await tick(1_000);
    const before = server.requests;
    window.dispatchEvent(new Event(name));
    await tick(1_000);
    expect(server.requests).toBe(before + 1);
  });

  it("one that was away for longer than a heartbeat moves to a new stream, and keeps the old one until then", async () => {
    const { window } = page();
    const { server, join, tick, flush, client } = setUp();
    await join();
    window.dispatchEvent(new Event("online"));
    await tick(100);
    expect(server.requests).toBe(1);
    await tick(21_000);
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new Event("pageshow"));
    await tick(0);
    expect(server.requests).toBe(2);
    expect(server.open).toHaveLength(2);
    expect(client.getStatus()).toBe("connected");
    await flush();
    expect(server.open).toHaveLength(1);
  });

  it("I9 Close: is listened to only while there are subscriptions", async () => {
    const { window } = page();
    const added = vi.spyOn(window, "addEventListener");
    const { client, hear, clock, server, tick } = setUp();
    const first = hear();
    hear();
    await tick();
    const wake = added.mock.calls[0]?.[1];
    expect(new Set(added.mock.calls.map(([, listener]) => listener))).toEqual(new Set([wake]));
    const removed = vi.spyOn(window, "removeEventListener");
    first.stop();
    expect(removed).not.toHaveBeenCalled();
    client.destroy();
    expect(removed.mock.calls.map(([name]) => name)).toEqual(["online", "visibilitychange", "resume"]);
    expect(clock.pending).toBe(0);
    expect(server.open).toEqual([]);
  });

  it("a client that was destroyed can be subscribed to again", async () => {
    const { client, join, append, flush } = setUp();
    await join();
    client.destroy();
    client.destroy();
    const heard = await join();
    append("a", 1);
    await flush();
    expect(idsOf(heard)).toEqual([id(1)]);
  });
});
