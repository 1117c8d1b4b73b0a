import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine, Tab } from "./browsers/engine.ts";
import { bundlePage } from "./bundle.ts";
import { startSharedTabsServer, type SharedTabsServer } from "./shared-tabs-server.ts";
import type { EngineHabits } from "./engine-tabs-suite.ts";
import { until } from "./until.ts";

const TABS = 8;

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** What tabs that share a connection have to do in any engine. Called by a test file. @param engine the engine that the file has started */
export function sharedTabsSuite(engine: () => Engine, { outlivesCrashes }: EngineHabits): void {
  let script: string;

  beforeAll(async () => {
    script = await bundlePage("test/browser/fixtures/shared-page.ts");
  });

  const openTab = async (server: SharedTabsServer, user: string, ...channels: readonly string[]): Promise<Tab> => {
    const query = channels.map((channel) => `&channel=${channel}`).join("");
    const tab = await engine().newTab(`${server.url}/?user=${user}${query}`);
    await connected(tab);
    return tab;
  };
  const connected = (tab: Tab) => tab.until(`globalThis.page?.statuses.at(-1) === "connected"`);
  const shows = async (tab: Tab, channel: string, values: readonly unknown[]): Promise<void> => {
    await tab.until(`page.shown["${channel}"].length >= ${values.length}`);
    expect(await tab.evaluate(`page.shown["${channel}"]`)).toEqual(values);
  };
  const closeAll = (tabs: readonly Tab[]) => Promise.all(tabs.map((tab) => tab.close()));

  /** The leader is the tab whose stream it is: the one without which there is none. It was the first. */
  async function group(server: SharedTabsServer, count: number, user = "ann"): Promise<Tab[]> {
    const tabs: Tab[] = [];
    for (let index = 0; index < count; index++) tabs.push(await openTab(server, user, "room"));
    return tabs;
  }

  it(`${TABS} tabs of one user have one connection over HTTP/1.1, and each shows each event once`, async () => {
    await using server = await startSharedTabsServer(script);
    const tabs = await group(server, TABS);
    expect(server.streams.size).toBe(1);
    await server.emit("room", ...numbers(1, 200));
    for (const tab of tabs) await shows(tab, "room", numbers(1, 200));
    expect(server.mostStreams).toBe(1);
    expect(server.requests).toBe(1);
    await closeAll(tabs);
    await until("no stream is left", async () => server.streams.size === 0);
  });

  it("a tab that wants another channel gets it, and disturbs no other", async () => {
    await using server = await startSharedTabsServer(script);
    const tabs = await group(server, 2);
    const other = await openTab(server, "ann", "room", "hall");
    await server.emit("room", 1);
    await server.emit("hall", 2);
    for (const tab of [...tabs, other]) await shows(tab, "room", [1]);
    await shows(other, "hall", [2]);
    await until("one stream is left", async () => server.streams.size === 1);
    for (const tab of tabs) expect(await tab.evaluate("page.statuses")).toEqual(["disconnected", "connecting", "connected"]);
    await closeAll([...tabs, other]);
  });

  describe("another tab takes over when the leader", () => {
    const ways: ReadonlyArray<readonly [string, (leader: Tab) => Promise<unknown> | undefined]> = [
      ["closes", (leader) => leader.close()],
      ["goes to another page", (leader) => leader.goto("about:blank")],
      ...(outlivesCrashes ? [["crashes", (leader: Tab) => leader.crash?.()] as const] : []),
      ["freezes", (leader) => leader.freeze()],
    ];

    it.each(ways)("%s; nothing is missed or doubled", async (_how, harm) => {
      await using server = await startSharedTabsServer(script);
      const [leader, ...others] = (await group(server, 3)) as [Tab, Tab, Tab];
      await server.emit("room", ...numbers(1, 10));
      for (const tab of others) await shows(tab, "room", numbers(1, 10));
      const [before] = server.streams;
      let isOver = false;
      let last = 10;
      const emitting = (async () => {
        for (; !isOver; await sleep(5)) await server.emit("room", ++last);
      })();
      await harm(leader);
      await until("another stream", async () => [...server.streams].some((stream) => stream !== before));
      for (const tab of others) await connected(tab);
      const from = last;
      await until("more events", async () => last > from + 20);
      isOver = true;
      await emitting;
      for (const tab of others) await shows(tab, "room", numbers(1, last));
      for (const tab of others) expect(await tab.evaluate("page.gaps")).toEqual([]);
      await closeAll(others);
      await leader.close().catch(() => {});
    });

    it("freezes, and comes back", async () => {
      await using server = await startSharedTabsServer(script);
      const [leader, ...others] = (await group(server, 3)) as [Tab, Tab, Tab];
      await leader.freeze();
      await server.emit("room", 1, 2, 3);
      for (const tab of others) await shows(tab, "room", [1, 2, 3]);
      await leader.thaw();
      await shows(leader, "room", [1, 2, 3]);
      await server.emit("room", 4);
      for (const tab of [leader, ...others]) await shows(tab, "room", numbers(1, 4));
      await until("one stream is left", async () => server.streams.size === 1);
      await closeAll([leader, ...others]);
    });
  });

  it("tabs come back by themselves when the network does, with one connection, and have missed nothing", async () => {
    await using server = await startSharedTabsServer(script);
    const tabs = await group(server, 4);
    server.proxy.refusing = true;
    server.proxy.cutAll();
    for (const tab of tabs) await tab.until(`page.statuses.at(-1) !== "connected"`);
    await server.emit("room", ...numbers(1, 20));
    server.proxy.refusing = false;
    for (const tab of tabs) await shows(tab, "room", numbers(1, 20));
    await until("one stream is left", async () => server.streams.size === 1);
    await closeAll(tabs);
  });

  it("B is never shown an event of A, who has signed out in another tab", async () => {
    await using server = await startSharedTabsServer(script);
    const one = await openTab(server, "a", "user:a", "room");
    const other = await openTab(server, "a", "user:a", "room");
    expect(server.streams.size).toBe(1);
    await other.evaluate(`page.signIn("b", ["user:b", "room"])`);
    await until("a stream for each", async () => server.streams.size === 2);
    await connected(other);
    await server.emit("user:a", "secret of a");
    await server.emit("user:b", "secret of b");
    await shows(one, "user:a", ["secret of a"]);
    await shows(other, "user:b", ["secret of b"]);
    // The first tab learns of it: nobody holds a's connection any more.
    await one.evaluate(`page.signIn("b", ["user:b", "room"])`);
    await until("the stream of b is left", async () => [...server.streams].every((stream) => stream.includes(" b ")));
    await connected(one);
    expect(server.streams.size).toBe(1);
    await server.emit("user:a", "another secret of a");
    await server.emit("room", "for all");
    for (const tab of [one, other]) {
      await tab.until(`page.shown.room.includes("for all")`);
      expect(await tab.evaluate("page.strangers")).toEqual([]);
    }
    expect(await other.evaluate(`page.shown["user:a"]`)).toEqual([]);
    await closeAll([one, other]);
  });

  it("a tab whose channels are too many for one stream has a connection of its own, and disturbs no other", async () => {
    await using server = await startSharedTabsServer(script);
    const channels = (name: string): string[] => numbers(1, 30).map((number) => `${name}${number}`);
    const one = await openTab(server, "a", ...channels("one"));
    const other = await openTab(server, "a", ...channels("other"));
    await until("a stream for each", async () => server.streams.size === 2);
    await server.emit("one7", 1);
    await server.emit("other7", 2);
    await shows(one, "one7", [1]);
    await shows(other, "other7", [2]);
    expect(await one.evaluate("page.statuses")).toEqual(["disconnected", "connecting", "connected"]);
    await closeAll([one, other]);
  });

  it("a channel that is refused is told in each tab that asks for it", async () => {
    await using server = await startSharedTabsServer(script);
    const tabs = [await openTab(server, "a", "room", "user:b"), await openTab(server, "a", "room", "user:b")];
    await server.emit("room", 1);
    await server.emit("user:b", "secret of b");
    for (const tab of tabs) {
      await shows(tab, "room", [1]);
      expect(await tab.evaluate(`page.shown["user:b"]`)).toEqual([]);
    }
    expect(server.streams.size).toBe(1);
    await closeAll(tabs);
  });

  it("who is refused is told in each tab, and a tab that comes later asks again", async () => {
    await using server = await startSharedTabsServer(script);
    server.isClosedToAll = true;
    const tabs = [
      await engine().newTab(`${server.url}/?user=a&channel=room`),
      await engine().newTab(`${server.url}/?user=a&channel=room`),
    ];
    for (const tab of tabs) await tab.until(`page.statuses.at(-1) === "error"`);
    server.isClosedToAll = false;
    const later = await openTab(server, "a", "room");
    await server.emit("room", 1);
    await shows(later, "room", [1]);
    await closeAll([...tabs, later]);
  });
}
