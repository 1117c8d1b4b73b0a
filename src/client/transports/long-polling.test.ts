import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import type { WireFrame } from "../wire.ts";
import { longPolling } from "./long-polling.ts";
import type { Link } from "./transport.ts";

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());
afterEach(() => vi.restoreAllMocks());

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Page {
  readonly at: string;
  readonly frames: readonly object[];
}

const connected = (channel: string): object => ({
  ...{ type: "connected", channel, cursor: "1-0", tail: "1-0", heartbeatMs: 15_000 },
});
const refused = (channel: string): object => ({ type: "problem", code: "forbidden", channel, retry: false });

/** Pages as `answer` gives them, at once; a stream as `stream` does. */
function poll(channels: readonly string[], answer: (at: URL) => Page | undefined, stream?: () => Response) {
  const clock = fakeClock();
  const closing = new AbortController();
  const frames: WireFrame[] = [];
  const pages: URL[] = [];
  let streams = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input as string);
    const signal = init?.signal as AbortSignal;
    const hang = () => new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    if (new Headers(init?.headers).get("accept") !== "application/json") {
      streams++;
      return stream?.() ?? hang();
    }
    pages.push(url);
    const page = answer(url);
    return page ? Response.json(page) : hang();
  };
  const link: Link = {
    asked: new Map(channels.map((channel) => [channel, ""])),
    options: {
      api: { url: "http://api.test/events" },
      fetch,
      clock,
      route: { cuts: 0, polls: true },
      createClient: null as never,
    },
    signal: closing.signal,
    alive() {},
    hear: (frame) => void frames.push(frame),
  };
  const ended = longPolling(link).catch(String);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      await settle();
      await clock.advance(Math.min(500, left));
    }
    await settle();
  };
  return { clock, frames, pages, closing, ended, pass, route: link.options.route, streams: () => streams };
}

describe("long polling", () => {
  it("rests when pages come at once although they have nothing to say", async () => {
    const { pages, pass, closing, ended, clock } = poll(["a"], () => ({ at: "1-0", frames: [connected("a")] }));
    await pass(10_000);
    expect(pages.length).toBeGreaterThan(5);
    expect(pages.length).toBeLessThan(15);
    closing.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it("does not rest while there is something to say", async () => {
    let n = 1;
    const event = () => ({ type: "event", id: `${n}-0`, channel: "a", event: "x.y", data: n });
    const { pages, frames, closing, ended } = poll(["a"], () =>
      n++ < 50 ? { at: `${n}-0`, frames: [connected("a"), event()] } : undefined,
    );
    await vi.waitFor(() => expect(pages).toHaveLength(50));
    expect(frames.filter(({ type }) => type === "event")).toHaveLength(49);
    closing.abort();
    await ended;
  });

  it("names a channel that was refused for good only once, and goes on with the others where they stand", async () => {
    const { pages, frames, pass, closing, ended } = poll(["a", "b", "c"], ({ searchParams }) => {
      const names = searchParams.get("channel")?.split(",") ?? [];
      if (names.length < 3 && pages.length > 2) return undefined;
      return {
        at: names.map((_, at) => `${at + 5}-0`).join(),
        frames: names.map((name) => (name === "b" ? refused : connected)(name)),
      };
    });
    await pass(5_000);
    expect(pages.map(({ searchParams }) => [searchParams.get("channel"), searchParams.get("at")])).toEqual([
      ["a,b,c", ",,"],
      ["a,c", "5-0,7-0"],
      ["a,c", "5-0,6-0"],
    ]);
    expect(frames.filter(({ type }) => type === "problem")).toHaveLength(1);
    closing.abort();
    await ended;
  });

  it("asks for nothing more when every channel was refused", async () => {
    const { pages, pass, closing, ended } = poll(["a"], () => ({ at: "", frames: [refused("a")] }));
    await pass(60_000);
    expect(pages).toHaveLength(1);
    closing.abort();
    expect(await ended).toBe(0);
  });

  it("tries a stream beside the pages, later and later, and not for long; the pages go on", async () => {
    const { pages, frames, pass, streams, closing, ended, clock } = poll(["a"], () => ({
      at: "1-0",
      frames: [connected("a")],
    }));
    await pass(65_000);
    expect(streams()).toBe(1);
    const before = pages.length;
    await pass(60_000);
    expect(streams()).toBe(1);
    expect(pages.length).toBeGreaterThan(before + 30);
    await pass(65_000);
    expect(streams()).toBe(2);
    expect(frames.some(({ type }) => type === "reconnect")).toBe(false);
    closing.abort();
    await ended;
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("makes room for a stream once one says something", async () => {
    const stream = () =>
      new Response('event: connected\ndata: {"channel":"a","cursor":"1-0","tail":"1-0","heartbeatMs":15000}\n\n', {
        headers: { "content-type": "text/event-stream" },
      });
    const { frames, route, pass, closing, ended } = poll(["a"], () => ({ at: "1-0", frames: [connected("a")] }), stream);
    await pass(65_000);
    await vi.waitFor(() => expect(frames).toContainEqual({ type: "reconnect", delayMs: 0 }));
    expect(route.polls).toBe(false);
    closing.abort();
    await ended;
  });
});
