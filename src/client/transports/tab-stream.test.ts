import { afterEach, expect, it, vi } from "vitest";
import { FakeBrowser } from "../../../test/support/fake-browser.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import { FakeServer } from "../fake-server.ts";
import { sharedTabs } from "./shared-tabs.ts";

afterEach(() => vi.unstubAllGlobals());

it("I9 Close: a stream of a tab that is closed while it waits for its lock leaves no timer, and claims no lead", async () => {
  const clock = fakeClock();
  const browser = new FakeBrowser();
  for (const [name, value] of Object.entries(browser.globals)) vi.stubGlobal(name, value);
  const tab = browser.newTab(clock, new FakeServer());
  const createClient = vi.fn<() => never>();
  const abort = new AbortController();
  const ended = tab.run(() =>
    sharedTabs({
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
