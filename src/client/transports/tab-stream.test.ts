import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeBrowser, type FakeTab } from "../../../test/support/fake-browser.ts";
import { problemFrame } from "../../protocol/frames.ts";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import { watchConnection } from "../bindings/watch-connection.ts";
import { createRealtimeClient } from "../client.ts";
import { FakeServer } from "../fake-server.ts";
import type { ConnectionStatus, RealtimeClient } from "../options.ts";
// Loaded by now, so that they take no time when a client asks for them.
import "./long-polling.ts";
import { sharedTabs } from "./shared-tabs.ts";
import { streaming } from "./streaming.ts";

/** Lets promises, messages between tabs, and streams come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A chance that is another each time, and the same in each run. */
function chances(): () => number {
  let seed = 1;
  return () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
}

/** A tab of somebody who listens to channels. */
interface Page {
  readonly tab: FakeTab;
  readonly client: RealtimeClient;
  readonly statuses: ConnectionStatus[];
  readonly shown: unknown[];
  /** How often the connection was said to be lost. */
  losses: number;
  readonly leave: () => void;
}

const NAME = `tidings:${JSON.stringify(["http://fake.test/events", undefined, "ann"])}`;

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** @param answer in place of the server's, to a request for these channels */
function setUp(answer: (channels: readonly string[]) => Response | Promise<Response> | undefined = () => undefined) {
  const clock = fakeClock(chances());
  const server = new FakeServer();
  const browser = new FakeBrowser();
  for (const [name, value] of Object.entries(browser.globals)) vi.stubGlobal(name, value);
  const requests: string[] = [];

  function open(channels: readonly string[], shareTabs: string | undefined = "ann"): Page {
    const tab = browser.newTab(clock, server);
    const ask: typeof fetch = async (input, init) => {
      const asked = new URL(input as string, "http://fake.test").searchParams.get("channel") ?? "";
      requests.push(asked);
      return (await answer(asked.split(","))) ?? tab.fetch(input, init);
    };
    return tab.run(() => {
      const api = { url: "http://fake.test/events", shareTabs };
      const page: Omit<Page, "client" | "leave"> = { tab, statuses: [], shown: [], losses: 0 };
      const client = watchConnection(
        createRealtimeClient({ api, fetch: ask, clock: tab.clock }),
        () => ({ onConnectionLost: () => page.losses++ }),
        tab.clock,
      );
      client.watch();
      client.subscribeStatus((status) => page.statuses.push(status));
      const leave = client.subscribe({ channels, onData: ({ data }) => page.shown.push(data) });
      return Object.assign(page, { client, leave });
    });
  }

  /** Time passes, and all that the server says arrives. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      server.flush();
      await settle();
      await clock.advance(Math.min(500, left));
      await settle();
    }
  }

  /** Each tab opens once the one before is connected. */
  async function openAll(...each: ReadonlyArray<readonly string[]>): Promise<Page[]> {
    const pages: Page[] = [];
    for (const channels of each) {
      pages.push(open(channels));
      await pass(3_000);
    }
    return pages;
  }

  let ids = 1_000;
  const emit = (channel: string): string => {
    const id = `${++ids}-0`;
    server.log(channel).append(id as RealtimeCursor, "x.one");
    return id;
  };
  return { clock, server, browser, requests, open, openAll, pass, emit };
}

async function close(clock: FakeClock, pages: readonly Page[]): Promise<void> {
  for (const { tab, client } of pages) tab.run(() => client.destroy());
  await settle();
  expect(clock.pending, "I9 Close: a timer is left").toBe(0);
}

const statusesOf = (pages: readonly Page[]) => pages.map(({ client }) => client.getStatus());
const WELL = ["disconnected", "connecting", "connected"];
const forbidden = (): Response => new Response("{}", { status: 403 });

it("I9 Close: a stream of a tab that is closed while it waits for its lock leaves no timer, and claims no lead", async () => {
  const clock = fakeClock();
  const browser = new FakeBrowser();
  for (const [name, value] of Object.entries(browser.globals)) vi.stubGlobal(name, value);
  const tab = browser.newTab(clock, new FakeServer());
  const createClient = vi.fn<() => never>();
  const abort = new AbortController();
  const ended = tab.run(() =>
    sharedTabs(streaming)({
      asked: new Map([["a", ""]]),
      options: { api: { url: "http://fake.test/", shareTabs: "ann" }, clock: tab.clock, route: { cuts: 0 }, createClient },
      signal: abort.signal,
      alive() {},
      hear() {},
    }),
  );
  abort.abort();
  expect(await ended).toBe(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.pending).toBe(0);
  expect(createClient).not.toHaveBeenCalled();
});

describe("the status of tabs that share a connection", () => {
  it.each([false, true])(
    "tells of a network that has gone silent; another channel is wanted meanwhile: %s",
    async (isWanted) => {
      let isSilent = false;
      const { clock, server, openAll, pass, emit } = setUp(() => (isSilent ? new Promise(() => {}) : undefined));
      const pages = await openAll(["a"], ["a"]);
      expect(statusesOf(pages)).toEqual(["connected", "connected"]);
      isSilent = true;
      vi.spyOn(server, "flush").mockReturnValue();
      if (isWanted) pages[1]!.tab.run(() => pages[1]!.client.subscribe({ channels: ["b"] }));
      // Sooner than by 2.5 heartbeats of silence: the tabs look after the leader's connection.
      await pass(34_000);
      for (const { client, losses } of pages) {
        expect(client.getStatus()).not.toBe("connected");
        expect(losses).toBe(1);
      }
      const before = pages.map(({ statuses }) => statuses.length);
      await pass(180_000);
      for (const [index, { statuses }] of pages.entries()) {
        const meanwhile = statuses.slice(before[index]);
        expect(meanwhile).not.toContain("connected");
        expect(meanwhile).toContain("connecting");
        expect(meanwhile).toContain("disconnected");
      }
      isSilent = false;
      vi.restoreAllMocks();
      vi.spyOn(console, "warn").mockReturnValue();
      const id = emit("a");
      await pass(60_000);
      expect(statusesOf(pages)).toEqual(["connected", "connected"]);
      for (const { shown } of pages) expect(shown).toEqual([id]);

      await close(clock, pages);
    },
  );

  it("is `disconnected` while the next attempt waits, and attempts are as rare as those of tabs that do not share", async () => {
    const counts: number[] = [];
    for (const shareTabs of ["", "ann"]) {
      let isDown = false;
      const { clock, server, requests, open, pass } = setUp(() => (isDown ? new Response("", { status: 502 }) : undefined));
      const pages = [open(["a"], shareTabs), open(["a"], shareTabs), open(["a"], shareTabs)];
      await pass(6_000);
      expect(server.links).toBe(shareTabs ? 1 : 3);
      isDown = true;
      for (const stream of server.open) stream.cut();
      requests.length = 0;
      for (let second = 0; second < 120; second++) {
        await pass(1_000);
        for (const { client } of pages) expect(client.getStatus()).not.toBe("connected");
      }
      counts.push(requests.length);
      for (const { statuses } of pages)
        expect(statuses.filter((status) => status === "disconnected").length).toBeGreaterThan(2);
      isDown = false;
      await pass(60_000);
      expect(statusesOf(pages)).toEqual(["connected", "connected", "connected"]);
      expect(server.links).toBe(shareTabs ? 1 : 3);
      await close(clock, pages);
    }
    const [alone, shared] = counts as [number, number];
    expect(shared).toBeLessThanOrEqual(alone);
  });

  it("waits for as long as a server says that has enough", async () => {
    let isBusy = false;
    const busy = (): Response => new Response("", { status: 503, headers: { "retry-after": "100" } });
    const { clock, server, requests, openAll, pass } = setUp(() => (isBusy ? busy() : undefined));
    const pages = await openAll(["a"], ["a"]);
    isBusy = true;
    server.stream.cut();
    await pass(5_000);
    requests.length = 0;
    await pass(90_000);
    expect(requests).toEqual([]);
    isBusy = false;
    await pass(20_000);
    expect(statusesOf(pages)).toEqual(["connected", "connected"]);
    await close(clock, pages);
  });
});

describe("a server that refuses what tabs want together", () => {
  it("gives the tab that was too much a connection of its own, and disturbs no other", async () => {
    const { clock, server, requests, openAll, open, pass, emit } = setUp((channels) =>
      channels.length > 4 ? new Response("{}", { status: 400 }) : undefined,
    );
    const pages = await openAll(["a", "b"], ["c"], ["c", "d"], ["e"]);
    expect(statusesOf(pages)).toEqual(["connected", "connected", "connected", "connected"]);
    expect(server.links).toBe(2);
    for (const { statuses } of pages.slice(0, 3)) expect(statuses).toEqual(WELL);
    const ids = ["a", "c", "d", "e"].map(emit);
    await pass(1_000);
    expect(pages.map(({ shown }) => shown)).toEqual([[ids[0]], [ids[1]], [ids[1], ids[2]], [ids[3]]]);
    // It stays alone until it wants other channels, also when its connection is lost.
    requests.length = 0;
    for (const stream of server.open) if (stream.channels.includes("e")) stream.cut();
    await pass(5_000);
    expect(requests).toEqual(["e"]);
    // The others still share, also when theirs is lost.
    for (const stream of server.open) if (!stream.channels.includes("e")) stream.cut();
    await pass(5_000);
    expect(server.links).toBe(2);
    const [, , , last] = pages as [Page, Page, Page, Page];
    last.tab.run(() => {
      last.client.subscribe({ channels: ["a"] });
      last.leave();
    });
    await pass(5_000);
    expect(server.links).toBe(1);
    // Those who share still do when one comes who is not too much.
    pages.push(open(["b"]));
    await pass(2_000);
    expect(server.links).toBe(1);
    await close(clock, pages);
  });

  it("refuses only who is refused alone, though all have asked at once", async () => {
    const { clock, server, requests, open, pass, emit } = setUp((channels) =>
      channels.includes("x") ? forbidden() : undefined,
    );
    const pages = [open(["a"]), open(["x"]), open(["b"]), open(["a", "x"])];
    await pass(5_000);
    expect(statusesOf(pages)).toEqual(["connected", "error", "connected", "error"]);
    const id = emit("a");
    await pass(1_000);
    expect(pages[0]?.shown).toEqual([id]);
    requests.length = 0;
    await pass(300_000);
    expect(requests).toEqual([]);
    await close(clock, pages);
    expect(server.links).toBe(0);
  });

  it("refuses the leader for its headers: each tab asks with its own", async () => {
    let isOver = false;
    const { clock, server, open, pass } = setUp(() => (isOver ? forbidden() : undefined));
    const pages = [open(["a"]), open(["a"])];
    await pass(2_000);
    isOver = true;
    server.stream.reconnect(0);
    await pass(2_000);
    // The stream that there is lasts for as long as it does.
    expect(statusesOf(pages)).toEqual(["connected", "connected"]);
    server.stream.cut();
    await pass(5_000);
    expect(statusesOf(pages)).toEqual(["error", "error"]);
    isOver = false;
    pages.push(open(["a"]));
    await pass(2_000);
    expect(pages[2]?.client.getStatus()).toBe("connected");
    await close(clock, pages);
  });

  it("refuses a channel: each tab that asks for it learns of it, the first and the last", async () => {
    const { clock, server, open, pass, emit } = setUp();
    const flush = server.flush.bind(server);
    vi.spyOn(server, "flush").mockImplementation(() => {
      for (const stream of server.open) {
        if (!stream.channels.includes("x")) continue;
        stream.deny("x");
        if (!denied.has(stream)) stream.say(problemFrame({ code: "forbidden", channel: "x", retry: false }));
        denied.add(stream);
      }
      flush();
    });
    const denied = new Set<unknown>();
    const pages: Page[] = [];
    for (const channels of [["a", "x"], ["a", "x"], ["x"]]) {
      pages.push(open(channels));
      await pass(3_000);
    }
    expect(statusesOf(pages)).toEqual(["connected", "connected", "error"]);
    const id = emit("a");
    await pass(1_000);
    expect(pages.map(({ shown }) => shown)).toEqual([[id], [id], []]);
    expect(server.links).toBe(1);
    const { requests } = server;
    await pass(60_000);
    expect(server.requests).toBe(requests);
    await close(clock, pages);
  });
});

describe("a tab that is gone", () => {
  it("is missed when it leads, and frozen; it goes on with the others when it is back", async () => {
    const { clock, server, openAll, pass, emit } = setUp();
    const pages = await openAll(["a"], ["a"], ["a"]);
    const [leader, ...others] = pages as [Page, Page, Page];
    const [old] = server.open;
    leader.tab.freeze();
    await pass(12_000);
    const id = emit("a");
    await pass(1_000);
    for (const { shown } of others) expect(shown).toEqual([id]);
    leader.tab.thaw();
    await pass(5_000);
    expect(leader.shown).toEqual([id]);
    expect(statusesOf(pages)).toEqual(["connected", "connected", "connected"]);
    expect(server.links).toBe(1);
    expect(old?.isOpen).toBe(false);
    const next = emit("a");
    await pass(1_000);
    for (const { shown } of pages) expect(shown).toEqual([id, next]);
    await close(clock, pages);
  });

  it("wants nothing any more when it has crashed", async () => {
    const { server, openAll, pass } = setUp();
    const [leader, other] = (await openAll(["a"], ["b"])) as [Page, Page];
    expect(server.open.map(({ channels }) => channels)).toEqual([["a", "b"]]);
    other.tab.run(() => other.client.destroy());
    const crashed = (await openAll(["c"]))[0] as Page;
    expect(server.open.map(({ channels }) => channels)).toEqual([["a", "c"]]);
    crashed.tab.close("crashed");
    await pass(1_000);
    expect(server.open.map(({ channels }) => channels)).toEqual([["a"]]);
    leader.tab.run(() => leader.client.destroy());
    await pass(1_000);
    expect(server.links).toBe(0);
  });
});

describe("a page that cannot share", () => {
  it("has a connection of its own where it may not use locks, as in a sandbox", async () => {
    const { clock, server, open, pass, emit } = setUp();
    const request = vi.fn<() => Promise<never>>().mockRejectedValue(new DOMException("denied", "SecurityError"));
    vi.stubGlobal("navigator", { locks: { request } });
    const page = open(["a"]);
    await pass(2_000);
    expect(page.statuses).toEqual(WELL);
    const id = emit("a");
    await pass(60_000);
    expect(page.shown).toEqual([id]);
    expect(server.requests).toBe(1);
    expect(request.mock.calls.length).toBe(1);
    await close(clock, [page]);
  });
});

it("what is not of ours is not heard", async () => {
  const { clock, browser, openAll, pass, emit } = setUp();
  const pages = await openAll(["a"], ["a"]);
  const stranger = browser.newTab(clock, new FakeServer());
  stranger.run(() => {
    const channel = new BroadcastChannel(NAME);
    for (const word of [
      null,
      5,
      "x",
      {},
      [],
      { id: 5 },
      { id: "x", asked: 5 },
      { leader: 5 },
      { leader: "x", frames: [[null, 5]] },
    ])
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has but one
      channel.postMessage(word);
    channel.close();
  });
  await pass(20_000);
  const id = emit("a");
  await pass(1_000);
  expect(statusesOf(pages)).toEqual(["connected", "connected"]);
  for (const { shown } of pages) expect(shown).toEqual([id]);
  await close(clock, pages);
});

it("the next leader knows what the one before has found out: streams do not come through here", async () => {
  const { clock, server, open, pass } = setUp();
  vi.spyOn(server, "flush").mockReturnValue();
  const pages = [open(["a"]), open(["a"]), open(["a"])];
  await pass(30_000);
  expect(statusesOf(pages)).toEqual(["connected", "connected", "connected"]);
  const tried = server.streams.length;
  const polled = server.pages;
  for (const page of pages.splice(0, 2)) {
    page.tab.run(() => page.client.destroy());
    await pass(3_000);
  }
  expect(statusesOf(pages)).toEqual(["connected"]);
  expect(server.pages).toBeGreaterThan(polled);
  expect(server.streams.length).toBe(tried);
  await close(clock, pages);
});
