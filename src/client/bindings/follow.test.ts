import { describe, expect, it, vi } from "vitest";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { Gap } from "../../protocol/frames.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createRealtimeClient } from "../client.ts";
import { FakeServer } from "../fake-server.ts";
import type { RealtimeClient } from "../options.ts";
import { followOptions } from "./follow.ts";
import type { UntypedOptions } from "./options.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A follower, its client and its server. */
function setUp() {
  const clock = fakeClock();
  const server = new FakeServer();
  const makeClient = (): RealtimeClient =>
    createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
  const client = makeClient();
  const cursors = new Map<string, RealtimeCursor>();
  const follower = followOptions(client, cursors);
  /** What was heard, each as `"channel number"`, and where events may be missing. */
  const heard: string[] = [];
  const gaps: Gap[] = [];
  const statuses: string[] = [];
  client.subscribeStatus((status) => statuses.push(status));

  const onData: UntypedOptions["onData"] = ({ channel, id }) => heard.push(`${channel} ${parseInt(id)}`);
  const update = (options: UntypedOptions = {}, on = follower): void =>
    on.update({ onData, onGap: (gap) => gaps.push(gap), ...options });
  /** Everything that is due, and all that the server has to say. */
  const flush = async (): Promise<void> => {
    await settle();
    await clock.advance(25);
    await settle();
    server.flush();
    await settle();
  };
  const append = async (channel: string, ...numbers: number[]): Promise<void> => {
    for (const n of numbers) server.log(channel).append(`${n}-0` as RealtimeCursor, "x.y");
    await flush();
  };
  return { clock, server, client, makeClient, cursors, follower, update, heard, gaps, statuses, flush, append };
}

const inAnyOrder = (items: readonly string[]): string[] => [...items].sort();

describe("a follower", () => {
  it("F-60: equal values are the same subscription, and the newest `onData` is called", async () => {
    const { client, update, heard, flush, append } = setUp();
    const subscribe = vi.spyOn(client, "subscribe");
    update({ channels: ["a", undefined, "b"], history: { limit: 2 } });
    await flush();
    await append("a", 1);
    update({ channels: ["a", "b", ""], history: { limit: 2 }, onData: ({ id }) => heard.push(`newest ${parseInt(id)}`) });
    await flush();
    await append("a", 2);
    expect(heard).toEqual(["a 1", "newest 2"]);
    expect(subscribe).toHaveBeenCalledOnce();
  });

  it("F-67: a channel that stays goes on at its cursor, one that leaves begins anew, and nothing is lost or doubled", async () => {
    const { update, heard, gaps, cursors, flush, append } = setUp();
    update({ channels: ["stays", "leaves"] });
    await flush();
    await append("stays", 1);
    await append("leaves", 1);
    update({ channels: ["stays", "comes"] });
    expect([...cursors.keys()]).toEqual(["stays"]);
    await append("leaves", 2);
    await append("stays", 2, 3);
    await append("comes", 1);
    update({ channels: ["stays", "comes", "leaves"] });
    await flush();
    await append("stays", 4);
    await append("leaves", 3);
    expect(inAnyOrder(heard)).toEqual(["comes 1", "leaves 1", "leaves 3", "stays 1", "stays 2", "stays 3", "stays 4"]);
    expect(gaps).toEqual([]);
  });

  it("F-56: the status of an open stream is `connected` while the filter changes, and the stream goes on", async () => {
    const { server, update, heard, statuses, flush, append } = setUp();
    update({ channels: ["a"] });
    await flush();
    update({ channels: ["a"], events: ["other.event"] });
    await append("a", 1);
    update({ channels: ["a"], events: ["x.y"] });
    await append("a", 2);
    expect(heard).toEqual(["a 2"]);
    expect(statuses).toEqual(["disconnected", "connecting", "connected"]);
    expect(server.requests).toBe(1);
  });

  it("F-59: `enabled: false` pauses, and true goes on where it stood", async () => {
    const { server, update, heard, gaps, flush, append } = setUp();
    update({ channels: ["a"], enabled: false });
    await flush();
    expect(server.requests).toBe(0);
    update({ channels: ["a"] });
    await flush();
    await append("a", 1);
    update({ channels: ["a"], enabled: false });
    await flush();
    expect(server.open).toEqual([]);
    await append("a", 2, 3);
    update({ channels: ["a"], enabled: true });
    await flush();
    expect(heard).toEqual(["a 1", "a 2", "a 3"]);
    expect(gaps).toEqual([]);
  });

  it("goes on where it stood when it was stopped, and with another client", async () => {
    const { makeClient, cursors, follower, update, heard, flush, append } = setUp();
    update();
    await flush();
    await append("default", 1);
    follower.stop();
    follower.stop();
    await append("default", 2);
    update();
    await flush();
    follower.stop();
    await append("default", 3);
    const other = followOptions(makeClient(), cursors);
    update({}, other);
    await flush();
    expect(heard).toEqual(["default 1", "default 2", "default 3"]);
    other.stop();
  });

  it("may be changed by its own handler: what it goes on with begins after the event that is handled", async () => {
    const { update, heard, flush, append } = setUp();
    const channels = ["a"];
    const onData: UntypedOptions["onData"] = ({ channel, id }) => {
      heard.push(`${channel} ${parseInt(id)}`);
      channels.push(`b${heard.length}`);
      update({ channels, onData });
    };
    update({ channels, onData });
    await flush();
    await append("a", 1, 2, 3);
    await flush();
    expect(heard).toEqual(["a 1", "a 2", "a 3"]);
  });

  it("asks a server that refused again for other channels only", async () => {
    const { server, client, update, flush } = setUp();
    server.answers.push(new Response("no", { status: 403 }));
    update({ channels: ["a"] });
    await flush();
    expect(client.getStatus()).toBe("error");
    update({ channels: ["a"], events: ["x.y"] });
    await flush();
    expect(server.requests).toBe(1);
    update({ channels: ["b"] });
    await flush();
    expect(client.getStatus()).toBe("connected");
  });

  it("U-28: follows nothing after options that cannot be meant, until it gets others", async () => {
    const { server, update, heard, flush, append } = setUp();
    update({ channels: ["a"] });
    await flush();
    expect(() => update({ channels: ["a", "b"], after: "1-0" })).toThrow(TypeError);
    await append("a", 1);
    expect(server.open).toEqual([]);
    expect(heard).toEqual([]);
    update({ channels: ["a"] });
    await flush();
    expect(heard).toEqual(["a 1"]);
  });
});
