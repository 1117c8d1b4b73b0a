import { describe, expect, it, vi } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createRealtimeClient } from "../client.ts";
import { FakeServer } from "../fake-server.ts";
import { watchConnection, type ConnectionCallbacks } from "./watch-connection.ts";

vi.spyOn(console, "warn").mockReturnValue();

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A watched client, its server, a clock that stands still, and what was called. */
function setUp(callbacks: ConnectionCallbacks = {}) {
  const clock = fakeClock();
  const server = new FakeServer();
  const inner = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
  const called: string[] = [];
  const client = watchConnection(
    inner,
    () => ({
      onConnectionLost: () => called.push("lost"),
      onConnectionRestored: () => called.push("restored"),
      ...callbacks,
    }),
    clock,
  );
  const flush = async (ms = 25): Promise<void> => {
    await settle();
    await clock.advance(ms);
    await settle();
    server.flush();
    await settle();
  };
  /** Time passes, in which the server says what it has to say. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 250) await flush(Math.min(left, 250));
  };
  /** Whether requests reach the server. */
  const reach = (isReached: boolean): void => {
    server.fetchInstead = isReached ? undefined : () => new Response(null, { status: 503 });
    if (!isReached) for (const stream of server.open) stream.cut();
  };
  const want = (channels: ReadonlyArray<string | undefined> = ["a"]): (() => void) => client.subscribe({ channels });
  return { clock, server, inner, client, called, callbacks, flush, pass, reach, want };
}

describe("a watched connection", () => {
  it("F-56: a loss that is healed soon is not worth a word; a long one is told once, and so is the end of it", async () => {
    const { client, called, pass, reach, want } = setUp();
    client.watch();
    want();
    await pass(1_000);
    reach(false);
    await pass(1_500);
    reach(true);
    await pass(31_000);
    expect(client.getStatus()).toBe("connected");
    reach(false);
    await pass(100_000);
    expect(called).toEqual(["lost"]);
    reach(true);
    await pass(31_000);
    expect(called).toEqual(["lost", "restored"]);
    reach(false);
    await pass(10_000);
    expect(called).toEqual(["lost", "restored", "lost"]);
  });

  it("waits `connectionLostAfterSecs`, and 5 seconds by default", async () => {
    for (const [callbacks, secs] of [
      [{}, 5],
      [{ connectionLostAfterSecs: undefined }, 5],
      [{ connectionLostAfterSecs: 20 }, 20],
    ] as const) {
      const { client, called, flush, pass, reach, want } = setUp(callbacks);
      client.watch();
      want();
      await flush();
      reach(false);
      await settle();
      await pass(secs * 1_000 - 500);
      expect(called).toEqual([]);
      await pass(1_000);
      expect(called).toEqual(["lost"]);
      client.destroy();
    }
  });

  it("tells of a connection that never came about, and of a server that refuses", async () => {
    const never = setUp();
    never.client.watch();
    never.reach(false);
    never.want();
    await never.pass(6_000);
    expect(never.called).toEqual(["lost"]);
    const refused = setUp();
    refused.client.watch();
    refused.server.answers.push(new Response("no", { status: 403 }));
    refused.want();
    await refused.pass(6_000);
    expect(refused.client.getStatus()).toBe("error");
    expect(refused.called).toEqual(["lost"]);
  });

  it.each([
    ["nobody", undefined],
    ["who wants no channel", [undefined, "", "no name!"]],
  ])("says nothing of being disconnected for want of listeners: %s", async (_title, channels) => {
    const { client, called, pass, want } = setUp();
    client.watch();
    const stop = want();
    await pass(1_000);
    stop();
    stop();
    if (channels) want(channels);
    await pass(60_000);
    expect(client.getStatus()).toBe("disconnected");
    expect(called).toEqual([]);
  });

  it("counts from when a channel was wanted", async () => {
    const { client, called, pass, reach, want } = setUp();
    client.watch();
    reach(false);
    const stop = want();
    await pass(4_000);
    stop();
    await pass(60_000);
    const endSecond = want();
    await pass(4_000);
    expect(called).toEqual([]);
    await pass(2_000);
    expect(called).toEqual(["lost"]);
    endSecond();
    await pass(1_000);
    want();
    await pass(60_000);
    expect(called, "it was never back").toEqual(["lost"]);
  });

  it("I9: says nothing when nobody watches any more, and leaves no timer", async () => {
    const { clock, inner, client, called, pass, flush, reach, want } = setUp();
    let open = 0;
    const { subscribeStatus } = inner;
    inner.subscribeStatus = (onStatus) => {
      open++;
      const end = subscribeStatus(onStatus);
      return () => {
        open--;
        end();
      };
    };
    const end = client.watch();
    reach(false);
    const stop = want();
    await pass(3_000);
    end();
    await pass(60_000);
    expect(called).toEqual([]);
    const endAgain = client.watch();
    await pass(6_000);
    expect(called).toEqual(["lost"]);
    endAgain();
    reach(true);
    await pass(31_000);
    expect(client.getStatus()).toBe("connected");
    want()();
    expect(called).toEqual(["lost"]);
    expect(open, "listeners to the status").toBe(0);
    client.watch();
    expect(called, "watched again: it is back").toEqual(["lost", "restored"]);
    stop();
    await flush();
    expect(clock.pending).toBe(0);
  });

  it("destroy ends every subscription, and nothing is said of it", async () => {
    const { clock, client, called, pass, reach, want } = setUp();
    client.watch();
    want();
    await pass(1_000);
    client.destroy();
    await pass(60_000);
    reach(false);
    want();
    await pass(4_000);
    expect(client.getStatus()).toBe("disconnected");
    client.destroy();
    expect(clock.pending).toBe(0);
    await pass(60_000);
    expect(called).toEqual([]);
  });

  it("a page that slept proves nothing: the connection gets its time when it is awake", async () => {
    const { clock, client, called, pass, reach, want } = setUp();
    client.watch();
    want();
    await pass(1_000);
    let slept = 0;
    const { now } = clock;
    clock.now = () => now() + slept;
    reach(false);
    await pass(4_000);
    slept = 600_000;
    await pass(1_500);
    expect(called).toEqual([]);
    await pass(5_000);
    expect(called).toEqual(["lost"]);
  });

  it("is a client like the one that is watched", async () => {
    const { inner, client, pass, want } = setUp();
    const statuses: string[] = [];
    client.subscribeStatus((status) => statuses.push(status));
    expect(() => client.subscribe({ channels: ["a"], after: "nonsense" })).toThrow(TypeError);
    want();
    await pass(1_000);
    expect(client.getStatus()).toBe(inner.getStatus());
    expect(statuses).toEqual(["disconnected", "connecting", "connected"]);
  });
});
